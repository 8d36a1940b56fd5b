"""Entries that rest too long: who, since when, until when (platform contract 6)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.sections import Entry
from router.messages import Alert, ContractSpec, LinkPhase, LinkState, Side
from router.timeouts import EntryTimeouts, Resting, alert, side_of
from tests.router.factory import OPTION, STOCK, order_event

S = 1_000_000_000
DELIVERY = "9bbeedc541dd1c7a-mfqwpfk0"
ENTRY = f"{DELIVERY}-E"

READY, DOWN = (LinkState(phase=phase, reason="", client_id=1) for phase in (LinkPhase.READY, LinkPhase.DOWN))


@pytest.fixture
def watch() -> EntryTimeouts:
    """A watch with the platform's times: 60 s for a limit, 30 s for anything else."""
    return EntryTimeouts(Entry())


@pytest.mark.parametrize(("order_type", "seconds"), [("LMT", 60), ("MKT", 30)])
def test_due_when_its_time_is_up(watch: EntryTimeouts, order_type: str, seconds: int) -> None:
    """A limit may rest 60 s, anything else 30 s; each is returned once."""
    watch.observe(order_event(order_type=order_type), 5 * S)
    assert watch.due((5 + seconds) * S - 1) == []
    assert watch.due((5 + seconds) * S) == [
        Resting(DELIVERY, order_event(order_type=order_type), 5 * S, (5 + seconds) * S)
    ]
    assert watch.due((500 + seconds) * S) == []
    assert len(watch) == 0


def test_counts_from_the_first_word(watch: EntryTimeouts) -> None:
    """Repeated and later words on the same order do not move its time."""
    for second in (0, 10, 59):
        watch.observe(order_event(origin="status"), second * S)
    assert [one.since_ns for one in watch.due(60 * S)] == [0]


def test_doubled_once_it_filled_in_part(watch: EntryTimeouts) -> None:
    """Anything filled doubles the time (contract 6)."""
    watch.observe(order_event(), 0)
    watch.observe(order_event(filled=3.0, remaining=4.0), 30 * S)
    assert watch.due(119 * S) == []
    assert len(watch.due(120 * S)) == 1


@pytest.mark.parametrize("status", ["Filled", "Cancelled", "ApiCancelled", "Inactive", "PendingCancel"])
def test_an_ended_entry_is_left_alone(watch: EntryTimeouts, status: str) -> None:
    """Nothing is cancelled that ended, or is being cancelled."""
    watch.observe(order_event(), 0)
    watch.observe(order_event(status=status), 1)
    assert len(watch) == 0


def test_a_completed_order_is_ended(watch: EntryTimeouts) -> None:
    """completedOrder ends it, whatever its status says."""
    watch.observe(order_event(), 0)
    watch.observe(order_event(origin="completed", status="Submitted"), 1)
    assert len(watch) == 0


@pytest.mark.parametrize("ref", ["", "manual", f"{DELIVERY}-S1", f"{DELIVERY}-T1", "desk-E", DELIVERY])
def test_only_our_own_entries(watch: EntryTimeouts, ref: str) -> None:
    """Stops, targets and orders of others rest as long as they like."""
    watch.observe(order_event(ref), 0)
    assert len(watch) == 0


def test_an_unknown_end_is_harmless(watch: EntryTimeouts) -> None:
    """The end of an order that was never watched changes nothing."""
    watch.observe(order_event(status="Filled"), 0)
    assert watch.due(10**18) == []


def test_another_clients_order_under_our_ref_is_not_ours(watch: EntryTimeouts) -> None:
    """It neither takes the place of ours nor ends its watch, and is not watched: only that client can cancel it."""
    watch.hear(READY, 0)
    watch.observe(order_event(), 0)
    other = order_event(client_id=2, perm_id=7)
    watch.observe(other, 1)
    watch.observe(msgspec.structs.replace(other, status="Cancelled"), 2)
    assert [one.event for one in watch.due(60 * S)] == [order_event()]


def test_an_order_is_the_same_before_it_has_a_perm_id(watch: EntryTimeouts) -> None:
    """Its time counts from the first word, and its end is its end."""
    watch.observe(order_event(perm_id=0), 0)
    watch.observe(order_event(), 5 * S)
    assert [one.since_ns for one in watch.due(60 * S)] == [0]
    watch.observe(order_event(perm_id=0), 61 * S)
    watch.observe(order_event(status="Cancelled"), 62 * S)
    assert len(watch) == 0


def test_nothing_is_due_while_nobody_can_cancel(watch: EntryTimeouts) -> None:
    """What outlives its time while IB is away is due once it is back, unless it ended meanwhile."""
    watch.observe(order_event(), 0)
    watch.observe(order_event("a-b-E", perm_id=2), 0)
    watch.hear(DOWN, S)
    assert watch.due(100 * S) == []
    watch.observe(order_event(replayed=True), 101 * S)
    watch.observe(order_event("a-b-E", perm_id=2, status="Filled", replayed=True), 101 * S)
    watch.hear(READY, 102 * S)
    assert [(one.ref, one.since_ns) for one in watch.due(102 * S)] == [(ENTRY, 0)]


def test_one_whose_cancel_was_refused_for_now_is_due_again(watch: EntryTimeouts) -> None:
    """Told of once, whatever IB says of it meanwhile; one that has ended meanwhile is left alone by the gateway."""
    watch.observe(order_event(), 0)
    [late] = watch.due(60 * S)
    watch.put_back(late)
    watch.observe(order_event(filled=3.0), 61 * S)
    [again] = watch.due(61 * S)
    assert (again.told, again.since_ns, again.event.filled) == (True, 0, 3.0)
    watch.observe(order_event(filled=4.0), 62 * S)  # before the refusal came
    watch.put_back(again)
    assert [(one.told, one.event.filled) for one in watch.due(62 * S)] == [(True, 4.0)]
    assert len(watch) == 0


def test_a_refused_cancel_starts_over(watch: EntryTimeouts) -> None:
    """An entry that lives on after its time was up is watched again from IB's next word."""
    watch.observe(order_event(), 0)
    watch.due(60 * S)
    watch.observe(order_event(), 61 * S)
    assert [one.since_ns for one in watch.due(121 * S)] == [61 * S]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["Submitted", "PreSubmitted", "Filled", "Cancelled"]),
            st.floats(0, 7),
        ),
        max_size=30,
    )
)
def test_law(words: list[tuple[int, str, float]]) -> None:
    """Exactly the entries whose last word was a live one are due, once each, whatever came before."""
    watch = EntryTimeouts(Entry())
    last: dict[str, str] = {}
    for number, (who, status, filled) in enumerate(words):
        ref = f"s{who}-mfqwpfk0-E"
        watch.observe(order_event(ref, status=status, filled=filled, perm_id=1 + who), number)
        last[ref] = status
    alive = {ref for ref, status in last.items() if status.endswith("ubmitted")}
    assert {one.ref for one in watch.due(10**15)} == alive
    assert watch.due(10**16) == []


def test_an_algorithm_has_its_own_time(watch: EntryTimeouts) -> None:
    """It works an order over minutes, whatever the order's type."""
    watch.observe(order_event(order_type="MKT", algo="Vwap"), 0)
    assert watch.due(299 * S) == []
    assert len(watch.due(300 * S)) == 1


def test_the_platforms_alert(watch: EntryTimeouts) -> None:
    """`execution_timeout` with the fields of contract 2.2, the doubled time where some was filled."""
    watch.observe(order_event(filled=3.0, remaining=4.0), 0)
    [resting] = watch.due(120 * S)
    assert alert(resting) == Alert(
        kind="execution_timeout",
        severity="warning",
        text="entry cancelled after 120 s with 3 of 7 filled",
        ref=ENTRY,
        signal_id="9bbeedc541dd1c7a",
        symbol="SPY",
        details=(("order_id", 101), ("side", "LONG"), ("filled", 3.0), ("timeout_seconds", 120.0)),
    )
    assert alert(Resting(DELIVERY, order_event(contract=None), 0, S)).symbol == ""


@pytest.mark.parametrize(
    ("contract", "action", "side"),
    [
        (OPTION, "BUY", "LONG"),
        (msgspec.structs.replace(OPTION, right="P"), "BUY", "SHORT"),
        (STOCK, "BUY", "LONG"),
        (STOCK, "SELL", "SHORT"),
        (None, "SELL", "SHORT"),
    ],
)
def test_side_of(contract: ContractSpec | None, action: str, side: Side) -> None:
    """A bought put is a SHORT view (contract 0.1)."""
    assert side_of(order_event(contract=contract, action=action)) == side


AWAY = Entry(cancel_on_link_loss_s=10)


def test_a_connection_that_was_away_too_long_ends_what_rested() -> None:
    """Once it is back: entries from before the loss, not those that came since, and each once."""
    watch = EntryTimeouts(AWAY)
    watch.observe(order_event(), 0)
    assert watch.hear(READY, 0) == []
    assert watch.hear(DOWN, 10 * S) == []
    assert watch.hear(LinkState(phase=LinkPhase.SYNCING, reason="", client_id=1), 15 * S) == []
    watch.observe(order_event("a-b-E", perm_id=2), 20 * S)
    assert [one.ref for one in watch.hear(READY, 21 * S)] == [ENTRY]
    assert watch.hear(READY, 40 * S) == []
    assert len(watch) == 1


@pytest.mark.parametrize(("rules", "away_s"), [(AWAY, 10), (Entry(), 3600)])
def test_a_short_loss_or_no_rule_ends_nothing(rules: Entry, away_s: int) -> None:
    """By default entries go on resting however long IB was away."""
    watch = EntryTimeouts(rules)
    watch.observe(order_event(), 0)
    watch.hear(DOWN, S)
    assert watch.hear(READY, (1 + away_s) * S) == []
    assert len(watch) == 1


def test_what_ended_while_ib_was_away_is_not_cancelled() -> None:
    """The rebuild tells its end before READY."""
    watch = EntryTimeouts(AWAY)
    watch.observe(order_event(), 0)
    watch.hear(DOWN, S)
    watch.observe(order_event(origin="completed", status="Filled"), 60 * S)
    assert watch.hear(READY, 60 * S) == []


def test_what_ended_unheard_is_not_watched() -> None:
    """After a loss only what the snapshot tells rests, with all of its time."""
    watch = EntryTimeouts(AWAY)
    watch.observe(order_event(), 0)
    watch.forget()
    assert len(watch) == 0
    watch.observe(order_event(), 2 * S)
    [one] = watch.due(1000 * S)
    assert one.since_ns == 2 * S
