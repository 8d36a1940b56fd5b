"""Pacing: never above IB's limit, cancels first, brackets whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pacing import WINDOW_NS, Pacer, Priority, UnitTooLarge

KILL, PROTECT, ENTRY, DATA = Priority
MS = 1_000_000


def drain(pacer: Pacer[str], now_ns: int) -> list[str]:
    """Everything that may leave at `now_ns`."""
    released = []
    while (item := pacer.release(now_ns)) is not None:
        released.append(item)
    return released


def test_a_cancel_all_leaves_at_once_with_500_entries_waiting() -> None:
    """The reserve is there for it even though entries have used up the second."""
    pacer: Pacer[str] = Pacer(45, 10)
    for number in range(500):
        pacer.offer(ENTRY, f"entry {number}", 1, 0)
    assert len(drain(pacer, 0)) == 35
    pacer.offer(KILL, "cancel all", 1, 1)
    assert drain(pacer, 1) == ["cancel all"]


def test_stops_leave_half_of_the_reserve_to_cancels() -> None:
    """A storm of stops cannot hold up the kill switch."""
    pacer: Pacer[str] = Pacer(20, 10)
    for number in range(50):
        pacer.offer(PROTECT, f"stop {number}", 1, 0)
    assert len(drain(pacer, 0)) == 15
    for number in range(5):
        pacer.offer(KILL, f"cancel {number}", 1, 0)
    assert len(drain(pacer, 0)) == 5


def test_a_bracket_leaves_whole_or_not_at_all() -> None:
    """Two messages short of a bracket, none of it leaves; nothing smaller behind it overtakes."""
    pacer: Pacer[str] = Pacer(10, 2)
    pacer.offer(ENTRY, "first", 5, 0)
    pacer.offer(ENTRY, "second", 5, 0)
    pacer.offer(ENTRY, "third", 1, 0)
    pacer.offer(DATA, "data", 1, 0)
    assert drain(pacer, 0) == ["first"]
    assert pacer.next_ns(0) == WINDOW_NS
    assert drain(pacer, WINDOW_NS - 1) == []
    assert drain(pacer, WINDOW_NS) == ["second", "third", "data"]


def test_a_unit_that_can_never_leave_is_refused() -> None:
    """Waiting for ever would be worse than saying so; the sentence names the setting."""
    pacer: Pacer[str] = Pacer(10, 4)
    with pytest.raises(UnitTooLarge, match=r"7 messages .* ENTRY may send 6 .*requests_per_second"):
        pacer.offer(ENTRY, "bracket", 7, 0)
    pacer.offer(KILL, "cancels", 10, 0)
    assert pacer.next_ns(5) == 5
    assert drain(pacer, 5) == ["cancels"]


def test_a_reserve_must_leave_room() -> None:
    """A reserve as large as the limit would let no entry through."""
    with pytest.raises(ValueError, match="reserve = 10"):
        Pacer(10, 10)


def test_state_tells_tokens_queues_and_the_oldest_wait() -> None:
    """What the heartbeat shows."""
    pacer: Pacer[str] = Pacer(10, 2)
    assert pacer.state(7) == (10, dict.fromkeys(Priority, 0), 0)
    assert pacer.next_ns(7) is None
    pacer.spend(9, 0)
    pacer.offer(DATA, "old", 2, 3 * MS)
    pacer.offer(ENTRY, "new", 4, 5 * MS)
    state = pacer.state(10 * MS)
    assert (state.tokens, state.oldest_wait_ns) == (1, 7 * MS)
    assert state.queued == {KILL: 0, PROTECT: 0, ENTRY: 4, DATA: 2}


def test_a_lost_link_gives_back_what_waits() -> None:
    """Nothing vanishes: who offered it is told. What was sent still counts against the limit."""
    pacer: Pacer[str] = Pacer(10, 2)
    pacer.spend(10, 0)
    pacer.offer(DATA, "data", 1, 0)
    pacer.offer(KILL, "cancel", 1, 0)
    assert pacer.clear() == ["cancel", "data"]
    assert pacer.state(1).tokens == 0
    assert drain(pacer, WINDOW_NS) == []


def test_withdrawn_entries_never_leave() -> None:
    """A cancel-all takes back the brackets that have not gone out, all or those that are named; nothing else."""
    pacer: Pacer[str] = Pacer(10, 2)
    pacer.offer(ENTRY, "a", 1, 0)
    pacer.offer(ENTRY, "b", 1, 0)
    pacer.offer(ENTRY, "c", 1, 0)
    pacer.offer(DATA, "data", 1, 0)
    assert pacer.withdraw(ENTRY, lambda item: item == "b") == ["b"]
    assert pacer.withdraw(ENTRY) == ["a", "c"]
    assert drain(pacer, 0) == ["data"]


class Sent:
    """One unit of a generated run: what, how large, and when it was offered and left."""

    def __init__(self, priority: Priority, size: int, offered_ns: int) -> None:
        self.priority = priority
        self.size = size
        self.offered_ns = offered_ns
        self.left_ns = -1


OFFERS = st.lists(
    st.tuples(st.sampled_from(list(Priority)), st.integers(1, 5), st.integers(0, 400)), max_size=80
)


def run(offers: list[tuple[Priority, int, int]], limit: int, reserve: int) -> list[Sent]:
    """Offer at growing times, and let a clock tick each ms until all is gone; in the order of leaving."""
    pacer: Pacer[Sent] = Pacer(limit, reserve)
    left: list[Sent] = []
    now_ns = 0
    for priority, size, gap_ms in offers:
        for _ in range(gap_ms):
            now_ns += MS
            _let_go(pacer, now_ns, left)
        unit = Sent(priority, size, now_ns)
        pacer.offer(priority, unit, size, now_ns)
        _let_go(pacer, now_ns, left)
    while (due_ns := pacer.next_ns(now_ns)) is not None:
        assert due_ns <= now_ns + WINDOW_NS
        now_ns = max(now_ns, due_ns)
        _let_go(pacer, now_ns, left)
    assert len(left) == len(offers)
    return left


def _let_go(pacer: Pacer[Sent], now_ns: int, left: list[Sent]) -> None:
    while (unit := pacer.release(now_ns)) is not None:
        unit.left_ns = now_ns
        left.append(unit)


@given(OFFERS)
def test_law_never_more_than_the_limit_in_any_window(offers: list[tuple[Priority, int, int]]) -> None:
    """Whatever is offered when: in no second do more than `limit` messages leave, and all leave in the end."""
    left = run(offers, 12, 4)
    for first in left:
        in_window = [one for one in left if 0 <= one.left_ns - first.left_ns < WINDOW_NS]
        assert sum(one.size for one in in_window) <= 12


@given(OFFERS)
def test_law_priority_and_first_come_first_served(offers: list[tuple[Priority, int, int]]) -> None:
    """A unit that leaves has nobody of a higher class waiting, nor anybody of its own who came before."""
    left = run(offers, 12, 4)
    for position, unit in enumerate(left):
        for later in left[position + 1 :]:
            waiting = later.offered_ns < unit.left_ns
            assert not (waiting and later.priority < unit.priority)
            assert not (later.priority == unit.priority and later.offered_ns < unit.offered_ns)


@given(OFFERS)
def test_law_cancels_never_starve(offers: list[tuple[Priority, int, int]]) -> None:
    """A cancel leaves at once while it and the cancels and stops of the last second fit into the reserve."""
    left = run(offers, 12, 4)
    for cancel in (unit for unit in left if unit.priority == KILL):
        urgent = [
            one.size
            for one in left[: left.index(cancel) + 1]
            if one.priority <= PROTECT and one.left_ns > cancel.offered_ns - WINDOW_NS
        ]
        if sum(urgent) <= 4:
            assert cancel.left_ns == cancel.offered_ns
