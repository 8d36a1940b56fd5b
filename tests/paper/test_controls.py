"""What a hand can do to a gateway."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from paper.clock import RealClock, VirtualClock
from paper.contracts import Instrument
from paper.controls import ControlError, Controls
from paper.gateway import Gateway
from paper.hours import NEW_YORK, Hours
from paper.ledger import NoLedger
from paper.market import Mood
from paper.orders import Event, Order, Refused
from paper.settings import Settings
from tests.paper.desk import lines, terms

_OPTION = "SPY   261218C00450000"


@dataclass
class Hand:
    """A still gateway on a virtual clock, and its controls."""

    gateway: Gateway = field(
        default_factory=lambda: Gateway(
            Settings(market=Mood.STILL, hours=Hours.NYSE),
            VirtualClock(datetime(2026, 11, 23, 10, tzinfo=NEW_YORK)),
            NoLedger(),
        )
    )

    def __post_init__(self) -> None:
        self.controls = Controls(self.gateway)

    def place(self, order_id: int, kind: str = "LMT", action: str = "BUY", **more: Any) -> Order:
        """An order of client 1 for AAPL."""
        gateway = self.gateway
        gateway.publish(gateway.engine.place(1, order_id, terms(kind, action, **more), gateway.clock.now()))
        return self.controls.order(1, order_id)

    def status(self, order_id: int) -> str:
        """How an order of client 1 stands."""
        return self.controls.order(1, order_id).status


@pytest.fixture
def hand() -> Hand:
    """A gateway and its controls."""
    return Hand()


def test_moved_price_sets_orders_going(hand: Hand) -> None:
    """A stop goes off when the stock is moved through it; the stock's options follow."""
    hand.place(1, "STP", "SELL", aux="250")
    call = hand.controls.instrument("AAPL  261218C00265000")
    before = hand.gateway.market.mark(call)
    hand.controls.move("AAPL", Decimal(249))
    assert hand.status(1) == "Filled"
    assert hand.gateway.market.mark(call) < before


def test_option_can_be_moved_and_let_go(hand: Hand) -> None:
    """An option's price is fixed until it is released, then it follows its stock again."""
    one, market = hand.controls.instrument(_OPTION), hand.gateway.market
    model = market.mark(one)
    hand.controls.move(_OPTION, Decimal("1.20"))
    assert market.mark(one) == Decimal("1.20")
    hand.controls.advance(5)
    assert market.mark(one) == Decimal("1.20")
    hand.controls.release(_OPTION)
    assert abs(market.mark(one) - model) < Decimal("0.1")


def test_gap_goes_through_a_stop_limit_without_a_fill(hand: Hand) -> None:
    """The path `gap` jumps over a stop limit, which is triggered and rests."""
    hand.place(1, "STP LMT", "SELL", aux="250", limit="249")
    hand.controls.path("AAPL", "gap", Decimal(240), 10)
    hand.controls.advance(4)
    assert hand.status(1) == "PreSubmitted"
    hand.controls.advance(2)
    assert hand.status(1) == "Submitted"
    hand.controls.advance(60)
    assert abs(hand.gateway.market.mark(hand.controls.instrument("AAPL")) - 240) < 1


def test_touch_comes_back(hand: Hand) -> None:
    """The path `touch` fills a target at its level and returns to where it started."""
    hand.place(1, "LMT", "SELL", limit="269")
    hand.controls.path("AAPL", "touch", Decimal(270), 10)
    hand.controls.advance(12)
    assert hand.status(1) == "Filled"
    assert abs(hand.gateway.market.mark(hand.controls.instrument("AAPL")) - Decimal("263.5")) < 1


def test_option_path_stays_at_its_end(hand: Hand) -> None:
    """An option that drifted to a level stays there."""
    hand.controls.path(_OPTION, "drift", Decimal(5), 4)
    hand.controls.advance(8)
    assert abs(hand.gateway.market.mark(hand.controls.instrument(_OPTION)) - 5) < Decimal("0.1")


def test_halts(hand: Hand) -> None:
    """By hand or by path nothing trades in a halt, options of the stock included; a wide spread is wide."""
    hand.controls.halt("AAPL")
    assert hand.place(1, "MKT").status == "PreSubmitted"
    hand.controls.resume("AAPL")
    assert hand.status(1) == "Filled"
    hand.controls.path("AAPL", "halt", Decimal(200), 10)
    assert hand.gateway.market.is_halted(hand.controls.instrument("AAPL  261218C00265000"))
    assert hand.place(2, "LMT", limit="300").status == "PreSubmitted"
    hand.controls.advance(11)
    assert hand.status(2) == "Filled"
    hand.controls.path("SPY", "wide", Decimal(450), 10)
    hand.controls.advance(1)
    quote = hand.gateway.market.quote(hand.controls.instrument("SPY"))
    assert quote.ask - quote.bid > Decimal("0.5")


def test_day_night_and_weekend_pass_in_an_instant(hand: Hand) -> None:
    """A week of virtual time: DAY orders end, GTC ones live, executions are forgotten."""
    hand.place(1, "MKT")
    hand.place(2, limit="100")
    hand.place(3, limit="100", tif="GTC")
    hand.controls.advance(7 * 86400, step=600)
    assert [order.order_id for order in hand.gateway.engine.book.orders.values()] == [3]
    assert hand.gateway.engine.book.executions == []


def test_forced_fill(hand: Hand) -> None:
    """An order trades as told, in parts, whatever the market says; never more than remains."""
    order = hand.place(1, quantity=10, limit="100")
    hand.controls.fill(order, Decimal(4), Decimal(99))
    assert hand.controls.order(1, 1).filled == 4
    hand.controls.fill(hand.controls.order(1, 1))
    order = hand.controls.order(1, 1)
    assert order.status == "Filled"
    with pytest.raises(ControlError, match="cannot trade"):
        hand.controls.fill(order)


def test_orders_by_hand(hand: Hand) -> None:
    """Made, closed and cancelled in TWS: client id 0, negative order ids."""
    bought = hand.controls.manual_order("AAPL", "BUY", Decimal(5), order_ref="by hand")
    assert (bought.key, bought.status, bought.terms.order_ref) == ((0, -1), "Filled", "by hand")
    assert hand.controls.close_by_hand("AAPL").terms.action == "SELL"
    resting = hand.controls.manual_order("AAPL", "BUY", Decimal(5), limit=Decimal(100))
    hand.controls.manual_order("AAPL", "SELL", Decimal(5), stop=Decimal(100))
    hand.controls.cancel_by_hand(resting)
    with pytest.raises(ControlError, match="Cancelled"):
        hand.controls.cancel_by_hand(hand.controls.order(0, -3))
    with pytest.raises(ControlError, match="nothing is held"):
        hand.controls.close_by_hand("SPY")
    with pytest.raises(ControlError, match="size"):
        hand.controls.manual_order("AAPL", "BUY", Decimal(0))


def test_order_is_cancelled_by_the_system(hand: Hand) -> None:
    """With IB's own reason in the 202 and in what the completed order says."""
    resting = hand.place(1, limit="100")
    told: list[Event] = []
    hand.gateway.engine.exchange.watch = told.append
    hand.controls.cancel_by_hand(resting, "We cannot accept it")
    assert lines(told) == ["status 1 PendingCancel 0/1", "status 1 Cancelled 0/1", "error 1 202"]
    assert isinstance(told[-1], Refused)
    assert told[-1].text == "Order Canceled - reason:We cannot accept it"
    assert hand.controls.order(1, 1).completed_status == "Cancelled by System:\nWe cannot accept it"


def test_positions_ids_and_switches(hand: Hand) -> None:
    """Positions that were there before, of the catalogue or not; the next id; a switch."""
    hand.controls.hold("AAPL", Decimal(10), Decimal("256.10"))
    future = Instrument(715358256, "YW", "FUT", "XWZ6", "XW", "", "", 26, "20261214", multiplier=1000)
    hand.controls.hold(future, Decimal(1), Decimal("6384.43"))
    assert hand.gateway.market.underlying_mark(future) == Decimal("6.38")
    hand.controls.next_id(1, 275)
    assert hand.gateway.engine.book.next_id(1) == 275
    hand.controls.switch("margin", "off")
    assert not hand.gateway.engine.switches.margin


def test_wrong_controls_say_what_is_wrong(hand: Hand) -> None:
    """Unknown names, crossed quotes, wrong paths, wrong switches, a clock that cannot be moved."""
    controls = hand.controls
    for wrong in (
        lambda: controls.instrument("NOPE"),
        lambda: controls.instrument("1"),
        lambda: controls.quote("AAPL", Decimal(2), Decimal(1)),
        lambda: controls.path("AAPL", "loop", Decimal(1), 1),
        lambda: controls.path("AAPL", "gap", Decimal(1), 0),
        lambda: controls.switch("margin", "maybe"),
        lambda: controls.order(1, 99),
        lambda: controls.advance(-1),
        lambda: Controls(Gateway(Settings(), RealClock(), NoLedger())).advance(1),
    ):
        with pytest.raises(ControlError):
            wrong()
    assert controls.instrument("SPX").is_index
