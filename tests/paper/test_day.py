"""What a day does: open, close, expiry, reset, midnight, weekend."""

from datetime import datetime
from decimal import Decimal

from paper.contracts import ContractQuery
from paper.hours import NEW_YORK, Hours
from tests.paper.desk import AAPL, Desk, terms

_HOUR = 3600.0


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026; the 23rd is a Monday, the 26th Thanksgiving, the 27th a half day."""
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


def test_day_orders_end_at_the_close_and_others_stay() -> None:
    """DAY ends at 16:00, DAY with outsideRth at 20:00, GTC lives on."""
    desk = Desk(Hours.NYSE, at(23, 15, 59))
    desk.place(1, terms("LMT", limit="100"))
    desk.place(2, terms("LMT", limit="100", outside_rth=True))
    desk.place(3, terms("LMT", limit="100", tif="GTC"))
    assert desk.wait(60) == ["status 1 Cancelled 0/1", "error 1 202"]
    assert desk.wait(4 * _HOUR) == ["status 2 Cancelled 0/1", "error 2 202"]
    assert desk.order(3).is_live


def test_half_day_closes_at_one() -> None:
    """On the day after Thanksgiving the close is at 13:00."""
    desk = Desk(Hours.NYSE, at(27, 12, 59))
    desk.place(1, terms("LMT", limit="100"))
    assert desk.wait(60)[0] == "status 1 Cancelled 0/1"


def test_order_placed_over_the_weekend_trades_at_the_open() -> None:
    """A market order of Saturday waits, with a warning, and trades on Monday at 09:30."""
    desk = Desk(Hours.NYSE, at(21, 12))
    assert desk.place(1, terms()) == ["open 1 MKT PreSubmitted", "status 1 PreSubmitted 0/1", "error 1 399"]
    assert desk.wait(45 * _HOUR) == []
    assert desk.wait(_HOUR / 2)[0] == "exec 1 1@263.51"


def test_outside_rth_trades_in_extended_hours() -> None:
    """A limit order with outsideRth trades at 17:00, one without waits."""
    desk = Desk(Hours.NYSE, at(23, 17))
    assert "error 1 399" in desk.place(1, terms("LMT", limit="264"))
    assert "exec 2 1@263.51" in desk.place(2, terms("LMT", limit="264", outside_rth=True))


def test_orders_for_the_close_trade_at_the_last_price() -> None:
    """MOC trades at 16:00, LOC if its limit allows, else it ends with the day."""
    desk = Desk(Hours.NYSE, at(23, 15, 50))
    assert desk.place(1, terms("MOC", quantity=5)) == ["open 1 MOC PreSubmitted", "status 1 PreSubmitted 0/5"]
    desk.place(2, terms("LOC", limit="200"))
    desk.place(3, terms("LOC", "SELL", limit="200"))
    told = desk.wait(600)
    assert told[0] == "exec 1 5@263.50"
    assert "exec 3 1@263.50" in told
    assert told[-2:] == ["status 2 Cancelled 0/1", "error 2 202"]


def option(right: str, strike: int, symbol: str = "AAPL") -> ContractQuery:
    """An option that expires on the 27th."""
    return ContractQuery(
        symbol=symbol, sec_type="OPT", expiry="20261127", strike=Decimal(strike), right=right
    )


def test_options_are_settled_at_their_last_close() -> None:
    """In the money the stock is delivered, an index option pays cash, the rest vanishes; the money adds up."""
    desk = Desk(Hours.NYSE, at(27, 12, 59))
    legs = {
        name: desk.instrument(query)
        for name, query in {
            "call": option("C", 250),
            "put": option("P", 270),
            "worthless": option("C", 300),
            "index": option("C", 6000, "SPX"),
        }.items()
    }
    for one in legs.values():
        desk.account.hold(one, Decimal(2), Decimal(100))
    desk.account.hold(legs["put"], Decimal(-1), Decimal(100))
    desk.place(1, terms("LMT", "SELL", limit="900", tif="GTC", contract=option("C", 250)))
    assert "status 1 Cancelled 0/1" in desk.wait(60)
    held = {con_id: one.quantity for con_id, one in desk.account.positions.items() if one.quantity}
    assert held == {desk.instrument(AAPL).con_id: 300}
    balance = desk.account.balance(desk.market.mark, desk.market.underlying_mark)
    assert balance.net_liquidation == 1_000_000 + balance.realized + balance.unrealized


def test_pnl_starts_anew_at_the_reset_and_the_day_is_forgotten_at_midnight() -> None:
    """At 23:45 daily and realised PnL are 0 again; at midnight executions and completed orders are gone."""
    desk = Desk(Hours.NYSE, at(23, 15))
    desk.place(1, terms())
    desk.place(2, terms("MKT", "SELL"))
    desk.wait(8 * _HOUR + 2640)
    assert desk.account.realized < 0
    assert len(desk.engine.book.executions) == 2
    desk.wait(120)
    balance = desk.account.balance(desk.market.mark, desk.market.underlying_mark)
    assert [balance.daily, balance.realized] == [Decimal(0)] * 2
    assert desk.account.positions == {}
    desk.wait(900)
    assert (desk.engine.book.executions, desk.engine.book.orders) == ([], {})


def test_always_open_market_ends_its_day_at_midnight() -> None:
    """With hours `always` a DAY order ends at midnight and the day's options are settled."""
    desk = Desk(start=at(27, 23))
    one = desk.instrument(option("C", 300))
    desk.account.hold(one, Decimal(1), Decimal(100))
    desk.place(1, terms("LMT", limit="100"))
    assert desk.wait(_HOUR)[0] == "status 1 Cancelled 0/1"
    assert desk.account.positions[one.con_id].quantity == 0


def test_orders_for_the_open_trade_when_it_opens_or_end() -> None:
    """OPG waits as PreSubmitted, trades whole at the last price at 09:30, or ends if its limit does not allow it."""
    desk = Desk(Hours.NYSE, at(23, 11))
    assert desk.place(1, terms(tif="OPG", quantity=5000)) == [
        "open 1 MKT PreSubmitted",
        "status 1 PreSubmitted 0/5000",
    ]
    desk.place(2, terms("LMT", limit="200", tif="OPG"))
    assert desk.wait(22 * _HOUR) == []
    told = desk.wait(_HOUR / 2)
    assert told[0] == "exec 1 5000@263.50"
    assert told[-2:] == ["status 2 Cancelled 0/1", "error 2 202"]
    assert desk.place(3, terms("STP", aux="300", tif="OPG")) == ["error 3 321"]


def test_orders_for_the_open_of_an_exchange_that_never_closes() -> None:
    """The day that begins at midnight is its session."""
    desk = Desk(Hours.ALWAYS, at(23, 23))
    desk.place(1, terms(tif="OPG"))
    assert desk.wait(_HOUR)[0] == "exec 1 1@263.50"
