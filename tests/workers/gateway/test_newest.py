"""What may be forgotten is, the oldest first, and nothing of the newest."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.newest import WORDS, Newest

Word = tuple[int, int]  # key, and what tells it apart


def key_of(word: Word) -> int:
    """The first of the two."""
    return word[0]


@given(st.integers(1, 20), st.lists(st.integers(0, 40)))
def test_the_newest_words_in_their_order(limit: int, keys: list[int]) -> None:
    """As an OrderedDict of the last words that drops its first whenever it is too long; a key told again is the newest."""
    newest: Newest[Word] = Newest(limit, key_of)
    said: list[Word] = []
    for word in enumerate(keys):
        said.append((word[1], word[0]))
        newest.add(said[-1])
        model: OrderedDict[int, Word] = OrderedDict()
        for key, number in said[-WORDS * limit :]:
            model[key] = key, number
            model.move_to_end(key)
        assert newest.values() == list(model.values())[-limit:]


def test_every_key_may_be_told_of_again() -> None:
    """As many times as a key may have words, in whatever order, none of the newest is forgotten."""
    newest: Newest[Word] = Newest(80, key_of)
    for turn in range(WORDS):
        for key in range(100):
            newest.add((key, turn))
    assert newest.values() == [(key, WORDS - 1) for key in range(20, 100)]


def test_memory_is_bounded() -> None:
    """No more words are kept than may be needed."""
    newest: Newest[Word] = Newest(80, key_of)
    for number in range(1_000):
        newest.add((number, 0))
    assert len(newest._said) == WORDS * 80
