"""ipc.runs: consecutive messages of a topic share a frame; nothing is reordered, nothing left out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.codec import MAX_COUNT
from ipc.errors import MessageTooLarge, NotMyMessage
from ipc.runs import by_topic, halves
from ipc.topics import TOPIC_OF, TOPICS
from router.errors import Fatal, Recoverable
from router.messages import Published
from tests.ipc.helpers import link, pnl, quote, sent


@given(st.lists(st.sampled_from([sent, pnl, link, quote]), max_size=40))
def test_runs_are_the_messages_in_order(kinds: list[object]) -> None:
    """Put together again (the last run is first) the runs are the messages, and neighbours differ in topic."""
    messages = [kind(index) for index, kind in enumerate(kinds)]  # type: ignore[operator]  # one of the functions
    runs = by_topic("gateway", messages)[::-1]
    assert [message for _, run in runs for message in run] == messages
    assert all(TOPIC_OF[type(message)] is topic for topic, run in runs for message in run)
    assert all(one[0] is not other[0] for one, other in itertools.pairwise(runs))


@pytest.mark.parametrize("count", [1, MAX_COUNT, MAX_COUNT + 1, 3 * MAX_COUNT])
def test_long_runs_are_cut(count: int) -> None:
    """No frame has more than MAX_COUNT messages."""
    messages = [sent(number) for number in range(count)]
    runs = by_topic("gateway", messages)[::-1]
    assert [message for _, run in runs for message in run] == messages
    assert max(len(run) for _, run in runs) <= MAX_COUNT
    assert len(runs) == -(-count // MAX_COUNT)


@pytest.mark.parametrize("messages", [(sent(1),), (Published("ACK", "", "", "", ""), sent(1))])
def test_message_of_another_process_is_refused(messages: tuple[Published, ...]) -> None:
    """A publisher that goes beyond the table is a fault of the program."""
    with pytest.raises(NotMyMessage, match=r"dispatch may not publish OrderSent"):
        by_topic("dispatch", messages)
    assert issubclass(NotMyMessage, Fatal)


def test_a_run_in_halves() -> None:
    """Halves keep the order, the later one first, as they go onto the stack of runs."""
    run = tuple(sent(number) for number in range(5))
    topic = TOPICS["trade"]
    assert halves(topic, run, 99) == [(topic, run[2:]), (topic, run[:2])]


def test_single_message_has_no_halves() -> None:
    """One message that is too large is refused by name and size."""
    with pytest.raises(MessageTooLarge, match="OrderSent takes 2000000 bytes"):
        halves(TOPICS["trade"], (sent(1),), 2_000_000)
    assert issubclass(MessageTooLarge, Recoverable)
