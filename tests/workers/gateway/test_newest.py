"""What may be forgotten is, the oldest first, and nothing of the newest."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.newest import Newest


@given(st.integers(1, 20), st.lists(st.integers(0, 40)))
def test_the_newest_words_in_their_order(limit: int, keys: list[int]) -> None:
    """As an OrderedDict that drops its first whenever it is too long; a key told again is the newest."""
    newest: Newest[int, int] = Newest(limit)
    model: OrderedDict[int, int] = OrderedDict()
    for number, key in enumerate(keys):
        newest.add(key, number)
        model[key] = number
        model.move_to_end(key)
        if len(model) > limit:
            model.popitem(last=False)
        assert newest.values() == list(model.values())


def test_memory_is_bounded() -> None:
    """An eighth more than are asked for, at most."""
    newest: Newest[int, int] = Newest(80)
    for number in range(1_000):
        newest.add(number, number)
        assert len(newest._kept) < 90
