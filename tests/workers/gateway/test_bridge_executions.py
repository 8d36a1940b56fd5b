"""Executions, commissions, errors, positions and PnL of IB as bus messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from router.messages import (
    BrokerError,
    CommissionReport,
    ExecutionFill,
    PnLSnapshot,
    PositionSnapshot,
)
from tests.workers.gateway.bridged import NOW, joined, opened
from tests.workers.gateway.told import (
    OPTION,
    REF,
    SPEC,
    UNSET,
    commission,
    execution,
)
from workers.gateway import bridge
from workers.gateway.bridge import Bridge

__all__ = ["joined"]  # fixtures


def test_execution(joined: Bridge) -> None:
    """execDetails, every field in its place: the venue is its own, and live ones come under request -1."""
    assert joined.execution(execution(), now_ns=5, now=lambda: NOW) == ExecutionFill(
        exec_id="0000e0d5.6741.01.01",
        ref=REF,
        perm_id=900_001,
        order_id=101,
        client_id=1,
        account="DU1000001",
        contract=SPEC,
        action="BUY",
        quantity=3.0,
        price=2.5,
        cum_quantity=5.0,
        avg_price=2.49,
        exchange="CBOE",
        executed_at=datetime(2025, 9, 19, 13, 59, 58, tzinfo=UTC),
        replayed=False,
        received_ns=5,
    )


def test_replayed_correction_of_a_sale(joined: Bridge) -> None:
    """What was asked for is replayed; a correction names the version it corrects; SLD sells."""
    fill = joined.execution(
        execution(request="17", exec_id="a.b.01.02", side="SLD"), now_ns=5, now=lambda: NOW
    )
    assert (fill.replayed, fill.supersedes, fill.action) == (True, "a.b.01.01", "SELL")


def test_manual_execution(joined: Bridge) -> None:
    """IB writes the order id of a trade made by hand as unset: it must not become the highest id ever seen."""
    fill = joined.execution(
        execution(order_id="2147483647", client_id="0", ref=""), now_ns=5, now=lambda: NOW
    )
    assert (fill.order_id, fill.ref) == (0, "")


@pytest.mark.parametrize(
    "changes",
    [{"side": "SELL?"}, {"side": ""}, {"shares": UNSET}, {"shares": ""}, {"price": "NaN"}, {"price": "x"}],
)
def test_impossible_execution(joined: Bridge, changes: dict[str, str]) -> None:
    """Nothing is made up: an execution without side, shares or price is kept aside by the caller."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ by field
        joined.execution(execution(**changes), now_ns=5, now=lambda: NOW)


def test_commission_joins_its_execution(joined: Bridge) -> None:
    """The report carries no ref: it is that of its execution; an opening one has no realized PnL."""
    joined.execution(execution(), now_ns=5, now=lambda: NOW)
    assert joined.commission(commission(), replayed=False, now_ns=6) == CommissionReport(
        exec_id="0000e0d5.6741.01.01",
        ref=REF,
        commission=1.05,
        currency="USD",
        realized_pnl=None,
        replayed=False,
        received_ns=6,
    )


def test_commission_before_its_execution(joined: Bridge) -> None:
    """It is not lost: it goes out without a ref, to be joined by exec_id."""
    report = joined.commission(commission(realized="-12.5"), replayed=False, now_ns=6)
    assert (report.ref, report.exec_id, report.realized_pnl) == ("", "0000e0d5.6741.01.01", -12.5)


def test_commission_without_an_amount(joined: Bridge) -> None:
    """A report without an amount says nothing."""
    with pytest.raises(ValueError, match="commission"):
        joined.commission(commission(paid=UNSET), replayed=False, now_ns=6)


def test_error_joins_a_live_order(joined: Bridge) -> None:
    """The id of an error is an order's or a request's; only an order of this client has a ref."""
    opened(joined)
    opened(joined, permId=900_002, orderId=55, clientId=7, orderRef="x-1-E")
    assert joined.error(101, 201, "Order rejected", now_ns=5) == BrokerError(
        101, 201, "Order rejected", REF, 5
    )
    assert joined.error(55, 200, "no security", now_ns=5).ref == ""
    assert joined.error(-1, 2104, "farm is OK", now_ns=5).ref == ""


def test_error_of_an_order_never_heard_of(joined: Bridge) -> None:
    """IB may refuse an order by its id alone, before any openOrder: the ref is what was placed under that id."""
    joined.placed(101, REF)
    assert joined.error(101, 110, "price does not conform", now_ns=5).ref == REF


def test_error_after_an_id_was_issued_again(joined: Bridge) -> None:
    """An automatic restart rolled the id back: an error is about the newer of two orders with one id."""
    opened(joined)
    joined.placed(101, "b-2-E")
    assert joined.ref_of(101) == "b-2-E"
    opened(joined, permId=900_009, orderRef="b-2-E")
    assert joined.ref_of(101) == "b-2-E"


def test_error_about_no_order(joined: Bridge) -> None:
    """Order id 0 is that of manual orders, all of them."""
    opened(joined, orderId=0)
    assert joined.ref_of(0) == ""


def test_position() -> None:
    """position: signed quantity, IB's average cost (an option's is per contract)."""
    fields = ["61", "3", "DU1000001", *OPTION, "-7", "250.65"]
    assert bridge.position(fields, replayed=True, now_ns=5) == PositionSnapshot(
        account="DU1000001", contract=SPEC, quantity=-7.0, avg_cost=250.65, replayed=True, received_ns=5
    )


def test_position_without_a_quantity() -> None:
    """An unset quantity is not flat."""
    with pytest.raises(ValueError, match="position"):
        bridge.position(["61", "3", "DU1000001", *OPTION, UNSET, "0"], replayed=True, now_ns=5)


def test_pnl() -> None:
    """pnl of the account; what IB has not computed yet is None."""
    assert bridge.pnl(["94", "9", "12.5", UNSET, "-3"], "DU1000001", now_ns=5) == PnLSnapshot(
        account="DU1000001", con_id=0, daily=12.5, unrealized=None, realized=-3.0, value=None, received_ns=5
    )
