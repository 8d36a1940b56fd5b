"""Stops, trails and adjustable stops, alone and in the engine."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper import triggers
from paper.orders import Adjustment, Order, OrderTerms, Trail
from paper.quotes import flat_quote
from tests.paper.desk import CALL, Desk, terms


def adjustable(
    kind: str,
    *,
    unit: str = "amount",
    stop: str | None = "262",
    trailing: str = "2",
    limit: str | None = "261",
) -> OrderTerms:
    """A sell stop at 250 that is adjusted when the market goes through 265."""
    to = Adjustment(
        kind,
        Decimal(265),
        None if stop is None else Decimal(stop),
        None if limit is None else Decimal(limit),
        Decimal(trailing),
        Trail(unit),
    )
    return terms("STP", "SELL", aux="250", adjustment=to)


@pytest.mark.parametrize(
    ("kind", "unit", "stop", "limit"),
    [
        ("STP", "amount", "262", None),
        ("STP LMT", "amount", "262", "261"),
        ("TRAIL", "amount", "263.00", None),
        ("TRAIL", "percent", "262", None),
        ("TRAIL LIMIT", "amount", "263.00", "262.00"),
        ("TRAIL LIMIT", "percent", "262", "261"),
    ],
)
def test_stop_is_adjusted_once(kind: str, unit: str, stop: str, limit: str | None) -> None:
    """Through the trigger the same order becomes another type with a new openOrder; its ids stay."""
    desk = Desk()
    desk.place(1, adjustable(kind, unit=unit))
    before = desk.order(1)
    assert desk.quote("264.50", "264.60", "264.55") == []
    told = desk.quote("264.99", "265.01", "265.00")
    assert told == [f"open 1 {kind} PreSubmitted", "status 1 PreSubmitted 0/1 trigger"]
    after = desk.order(1)
    assert (after.order_id, after.perm_id, after.revision) == (before.order_id, before.perm_id, 1)
    assert (after.stop, after.limit) == (Decimal(stop), None if limit is None else Decimal(limit))
    assert after.terms.adjustment is None
    assert desk.quote("261.50", "261.52", "261.51")[0] == f"open 1 {kind} Submitted"


def test_stop_triggers_and_trades_at_the_market() -> None:
    """Through the stop the order is Submitted and trades, even far below its price after a gap."""
    desk = Desk()
    desk.place(1, terms("STP", "SELL", aux="250"))
    assert desk.quote("240.00", "240.02", "240.01")[:3] == [
        "open 1 STP Submitted",
        "status 1 Submitted 0/1",
        "exec 1 1@240.00",
    ]


def test_stop_limit_rests_after_its_trigger() -> None:
    """A stop limit that is gapped through is triggered and rests at its limit."""
    desk = Desk()
    desk.place(1, terms("STP LMT", "SELL", aux="250", limit="249"))
    assert desk.quote("240.00", "240.02", "240.01") == ["open 1 STP LMT Submitted", "status 1 Submitted 0/1"]
    assert "exec 1 1@249.00" in desk.quote("249.00", "249.02")


def test_trail_follows_the_market_one_way_only() -> None:
    """A sell trail of 2 USD goes up with the market, never down, and triggers 2 USD below the top."""
    desk = Desk(trail_announced=True)
    desk.place(1, terms("TRAIL", "SELL", aux="2"))
    assert desk.order(1).stop == Decimal("261.50")
    assert desk.quote("269.99", "270.01", "270.00") == ["open 1 TRAIL PreSubmitted"]
    assert desk.quote("268.99", "269.01", "269.00") == []
    assert desk.order(1).stop == Decimal("268.00")
    assert "exec 1 1@267.99" in desk.quote("267.99", "268.01", "268.00")


def test_buy_trail_in_percent_and_with_a_limit() -> None:
    """A buy trail of 1 % comes down with the market; its limit stays at its offset above the stop."""
    desk = Desk()
    desk.place(1, terms("TRAIL LIMIT", trail_percent="1", trail_stop="266", limit_offset="0.5"))
    assert (desk.order(1).stop, desk.order(1).limit) == (Decimal("266"), Decimal("266.5"))
    desk.quote("199.99", "200.01", "200.00")
    assert (desk.order(1).stop, desk.order(1).limit) == (Decimal("202.00"), Decimal("202.50"))


def test_what_a_trigger_looks_at() -> None:
    """Stocks: the last price; options: bid or ask; by method the midpoint, bid and ask, or the last price."""
    desk = Desk()
    quote = desk.market.quote(desk.instrument())
    option = desk.instrument(CALL)

    def seen(method: int, action: str = "SELL", of_option: bool = False) -> Decimal:
        one = option if of_option else desk.instrument()
        order = Order(1, 1, 1, one, terms("STP", action, aux="1", trigger_method=method), Decimal(1))
        return triggers.watched(order, quote)

    assert (seen(0), seen(2), seen(8)) == (quote.last, quote.last, quote.mark)
    assert (seen(4), seen(4, "BUY")) == (quote.bid, quote.ask)
    assert (seen(0, of_option=True), seen(2, of_option=True)) == (quote.bid, quote.last)


def test_what_has_no_stop_is_never_hit_adjusted_or_trailed() -> None:
    """A limit order is left alone."""
    desk = Desk()
    order = Order(1, 1, 1, desk.instrument(), terms("LMT", limit="1"), Decimal(1))
    quote = desk.market.quote(desk.instrument())
    assert not triggers.is_hit(order, quote)
    assert not triggers.is_to_be_adjusted(order, quote)
    assert triggers.trailed(order, quote) is order


@given(st.lists(st.integers(10_000, 40_000), min_size=1, max_size=30), st.sampled_from(["BUY", "SELL"]))
def test_trail_never_moves_back(cents: list[int], action: str) -> None:
    """Law: whatever the market does, a sell trail's stop never falls and a buy trail's never rises."""
    desk = Desk()
    order = Order(1, 1, 1, desk.instrument(), terms("TRAIL", action, aux="3"), Decimal(1))
    order = triggers.armed(order, flat_quote(Decimal(cents[0]) / 100))
    for price in cents:
        moved = triggers.trailed(order, flat_quote(Decimal(price) / 100))
        assert moved.stop is not None
        assert order.stop is not None
        assert moved.stop <= order.stop if action == "BUY" else moved.stop >= order.stop
        order = moved
