"""What IB last said of everything: the snapshot of a late subscriber, and which orders a cancel means."""

from __future__ import annotations

import msgspec
import pytest

from router.messages import (
    AccountSnapshot,
    BrokerError,
    CancelOrders,
    CommissionReport,
    ExecutionFill,
    Heartbeat,
    LinkPhase,
    LinkState,
    OrderLifecycleEvent,
    PnLSnapshot,
    PositionSnapshot,
)
from tests.router.factory import OPTION, STOCK, order_event, quote
from tests.workers.gateway.test_known import execution
from workers.gateway.current import KEEP, Current

REF = "9bbeedc541dd1c7a-mfqwpfk0-E"
LINK = LinkState(phase=LinkPhase.READY, reason="rebuilt from IB")
PNL = PnLSnapshot("DU1", 0, 1.0, 2.0, 3.0, None, 1)
ACCOUNT = AccountSnapshot("DU1", "USD", 1e5, 4e5, None, None, None, None, None, False, 1)


def position(quantity: float, con_id: int = OPTION.con_id, account: str = "DU1") -> PositionSnapshot:
    """A position of the option."""
    contract = msgspec.structs.replace(OPTION, con_id=con_id)
    return PositionSnapshot(account, contract, quantity, 250.65, False, 1)


@pytest.fixture
def current() -> Current:
    """Nothing said yet."""
    return Current()


def test_nothing_yet(current: Current) -> None:
    """A gateway that has just started has nothing to tell."""
    assert current.snapshot() == []
    assert current.link is None


def test_snapshot(current: Current) -> None:
    """The link first, then everything else once, marked as replayed where messages can be; newest words only."""
    for message in (quote(bid=1.0), order_event(status="PreSubmitted"), PNL, ACCOUNT, position(3), LINK):
        current.observe(message)
    for message in (quote(), order_event(), position(7)):
        current.observe(message)
    snapshot = current.snapshot()
    assert snapshot[0] == LINK
    assert snapshot[1:] == [
        msgspec.structs.replace(order_event(), replayed=True),
        msgspec.structs.replace(position(7), replayed=True),
        msgspec.structs.replace(ACCOUNT, replayed=True),
        PNL,
        quote(),
    ]


def test_kept_apart(current: Current) -> None:
    """Positions by account and contract, PnL by account and contract, orders by permId, quotes by contract."""
    messages = [
        position(1),
        position(2, con_id=7),
        position(3, account="DU2"),
        order_event(perm_id=1),
        order_event(perm_id=2),
        PNL,
        msgspec.structs.replace(PNL, con_id=7),
        quote(),
        quote(con_id=STOCK.con_id, symbol="AAPL"),
    ]
    for message in messages:
        current.observe(message)
    assert len(current.snapshot()) == len(messages)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("status", "Filled"),
        ("status", "Cancelled"),
        ("open", "ApiCancelled"),
        ("open", "Inactive"),
        ("completed", "Filled"),
        ("completed", "PreSubmitted"),
    ],
)
def test_ended_orders_are_gone(current: Current, origin: str, status: str) -> None:
    """An order that ended works no more, also when its end comes twice; the snapshot has its last word, once."""
    current.observe(order_event())
    for _ in range(2):
        last = order_event(origin=origin, status=status)
        current.observe(last)
        assert current.orders() == []
        assert current.snapshot() == [msgspec.structs.replace(last, replayed=True)]


def test_what_is_over_is_remembered_within_bounds(current: Current) -> None:
    """A subscriber that begins anew may not have heard it: the newest executions, commissions and ends, as replayed."""
    for number in range(KEEP + 5):
        current.observe(order_event(perm_id=number + 1, status="Filled"))
        current.observe(msgspec.structs.replace(execution(REF), exec_id=f"x.{number}"))
        current.observe(CommissionReport(f"x.{number}", REF, 1.0, "USD", None, False, 1))
    current.begin_rebuild()  # IB tells of them again, under the same ids
    current.observe(msgspec.structs.replace(execution(REF), exec_id="x.7"))
    snapshot = current.snapshot()
    ends = [message.perm_id for message in snapshot if isinstance(message, OrderLifecycleEvent)]
    assert ends == list(range(6, KEEP + 6))
    fills = [message for message in snapshot if isinstance(message, ExecutionFill)]
    assert [fill.exec_id for fill in fills[:2]] == ["x.5", "x.6"]
    assert fills[-1].exec_id == "x.7"
    assert all(fill.replayed for fill in fills)
    assert len(fills) == KEEP
    assert sum(isinstance(message, CommissionReport) for message in snapshot) == KEEP


def test_refs_without_a_parent_are_remembered_within_bounds(current: Current) -> None:
    """The newest of them: one that is forgotten costs a modification that IB refuses once more."""
    for number in range(KEEP + 1):
        current.observe(BrokerError(number, 135, "Can't find order with id", f"a-{number}-S1", 1, "query"))
    assert len(current.parentless) == KEEP
    assert "a-0-S1" not in current.parentless
    assert f"a-{KEEP}-S1" in current.parentless


def test_order_before_its_perm_id(current: Current) -> None:
    """An order is one order before and after IB has given it a permId, and two without one are two."""
    current.observe(order_event(perm_id=0, order_id=101))
    current.observe(order_event(perm_id=0, order_id=104))
    assert len(current.snapshot()) == 2
    current.observe(order_event(perm_id=900_001, order_id=101))
    assert len(current.snapshot()) == 2
    current.observe(order_event(perm_id=0, order_id=104, status="Inactive"))
    assert len(current.snapshot()) == 2
    assert [order.order_id for order in current.live_orders((REF,), 1)] == [101]


def test_flat_positions_are_gone(current: Current) -> None:
    """A position of zero is no position."""
    current.observe(position(7))
    current.observe(position(0))
    current.observe(position(0, con_id=9))
    assert current.snapshot() == []


def test_live_orders(current: Current) -> None:
    """Those under the named refs, of this client: another client's order ids mean other orders here."""
    current.observe(order_event("a-1-E", perm_id=1))
    current.observe(order_event("b-1-E", perm_id=2))
    current.observe(order_event("a-1-E", perm_id=3, client_id=7))
    current.observe(order_event("c-1-E", perm_id=4, status="Filled"))
    found = current.live_orders(("a-1-E", "c-1-E", "nobody"), client_id=1)
    assert [order.perm_id for order in found] == [1]


def test_vanished_positions(current: Current) -> None:
    """Positions that IB no longer lists after a rebuild went flat while nobody looked: told as zero, replayed."""
    for con_id in (1, 2, 3):
        current.observe(position(5, con_id))
    current.begin_rebuild()
    current.observe(position(5, 1))
    current.observe(position(0, 2))
    (gone,) = current.vanished(now_ns=99)
    assert gone == msgspec.structs.replace(position(0, 3), replayed=True, received_ns=99)
    current.observe(gone)
    assert current.vanished(now_ns=100) == []


def test_rebuild_forgets_orders(current: Current) -> None:
    """Orders are asked for again, so none outlives the connection that told of it; what was listed is not gone."""
    current.observe(order_event())
    current.observe(position(7))
    current.begin_rebuild()
    current.observe(position(7))
    assert current.live_orders((REF,), 1) == []
    assert current.vanished(1) == []


def test_other_messages_pass(current: Current) -> None:
    """What is not state is not kept."""
    current.observe(Heartbeat("gateway", 1, "ready", "", {}))
    assert current.snapshot() == []


def test_an_execution_says_how_far_its_order_has_filled(current: Current) -> None:
    """Whoever changes an order's quantity must know: the status may come later, an older word does not take it back."""
    current.observe(order_event(perm_id=7))
    current.observe(msgspec.structs.replace(execution("x.01"), perm_id=7, cum_quantity=5.0))
    current.observe(order_event(perm_id=7))
    (order,) = current.orders()
    assert (order.filled, order.remaining) == (5.0, 2.0)
    assert current.order(7) == order


def held(current: Current, account: str = "DU1") -> list[float]:
    """What is held in the account by word and executions."""
    return [place.quantity for place in current.places(account)]


def test_executions_run_ahead_of_the_position(current: Current) -> None:
    """IB's word lags: what was sold since counts, a correction and what a rebuild repeats do not."""
    bought = msgspec.structs.replace(execution(REF), quantity=7.0, replayed=False)
    sold = msgspec.structs.replace(bought, exec_id="b.01", action="SELL", quantity=3.0)
    current.observe(bought)
    current.observe(sold)
    current.observe(position(7))
    assert (held(current), [one.quantity for one in current.positions()]) == ([4], [7])
    current.observe(msgspec.structs.replace(sold, exec_id="b.02", supersedes="b.01"))
    current.observe(msgspec.structs.replace(sold, replayed=True))
    assert (held(current), held(current, "DU2")) == ([4], [])
    current.observe(msgspec.structs.replace(position(2), replayed=True))
    assert held(current) == [2]
    current.begin_rebuild()
    assert held(current) == []


@pytest.mark.parametrize(
    ("command", "legs"),
    [
        (CancelOrders(refs=("ab-mfqwpfk0-E",)), ["E"]),
        (CancelOrders(refs=(), perm_ids=(2,)), ["S1"]),
        (CancelOrders(refs=(), signals=("ab",)), ["E", "S1"]),
        (CancelOrders(refs=(), signals=("ab-mfqwpfk0",)), ["E", "S1"]),
        (CancelOrders(refs=(), signals=("ab-2",)), ["of another"]),
        (CancelOrders(refs=(), signals=("",)), []),
        (CancelOrders(refs=("ab-mfqwpfk0-E",), perm_ids=(1,), signals=("ab",)), ["E", "S1"]),
    ],
)
def test_what_a_cancel_names(current: Current, command: CancelOrders, legs: list[str]) -> None:
    """An orderRef, a permId, a signal or one delivery of it; never a signal whose id begins alike."""
    refs = {"ab-mfqwpfk0-E": "E", "ab-mfqwpfk0-S1": "S1", "ab-2-mfqwpfk0-E": "of another", "by hand": "X"}
    for number, ref in enumerate(refs, start=1):
        current.observe(order_event(ref, perm_id=number, order_id=100 + number))
    current.observe(order_event("ab-mfqwpfk0-T1", perm_id=9, order_id=109, client_id=9))
    assert sorted(refs[event.ref] for event in current.matching(command, 1)) == legs


def test_what_works_and_the_end_of_what_is_not_listed(current: Current) -> None:
    """An order of this client under the ref; its end keeps its terms, and says which error it was."""
    current.observe(order_event(REF, filled=2.0, remaining=5.0))
    current.observe(order_event("his", perm_id=2, client_id=9))
    assert [current.works(ref, 1) for ref in (REF, "his", "", "nobody's")] == [True, False, False, False]
    errors = [BrokerError(101, 201, "Order rejected", ref, 1, "terminal") for ref in (REF, "his", "gone")]
    (end,) = current.unlisted(errors, 1, 9)
    assert (end.ref, end.status, end.filled, end.remaining, end.replayed) == (
        REF,
        "Cancelled",
        2.0,
        0.0,
        True,
    )
    assert end.reason == "no longer listed by IB after error 201: Order rejected"
    current.observe(end)
    assert not current.works(REF, 1)
