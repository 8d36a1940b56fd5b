"""Orders through an unmodified ib_insync on a real socket."""

import asyncio
from typing import Any

import pytest
from ib_insync import LimitOrder, MarketOrder, Order, Stock, StopOrder

from tests.paper.conftest import RunningGateway, Starter
from tests.paper.ib_client import error_codes, ledger, play, reaches, spy_call


def test_market_order_fills_and_shows_everywhere(gateway: RunningGateway) -> None:
    """A market order fills; execution, commission, position and ledger agree on it and carry its orderRef."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        trade = ib.placeOrder(stock, MarketOrder("BUY", 100, orderRef="s-1-E"))
        await reaches(trade, "Filled")
        (fill,) = trade.fills
        assert fill.execution.orderRef == "s-1-E"
        assert fill.execution.cumQty == 100
        if not fill.commissionReport.execId:
            await asyncio.wait_for(trade.commissionReportEvent, 5)
        assert fill.commissionReport.commission == 1
        (position,) = await ib.reqPositionsAsync()
        assert (position.contract.symbol, position.position) == ("AAPL", 100)
        assert [one.execution.execId for one in await ib.reqExecutionsAsync()] == [fill.execution.execId]
        (completed,) = await ib.reqCompletedOrdersAsync(False)
        assert (completed.order.permId, completed.order.orderRef) == (trade.order.permId, "s-1-E")

    play(gateway, story)
    (execution,) = ledger(gateway, "execution")
    assert (execution["order_ref"], execution["shares"]) == ("s-1-E", "100")
    assert len(ledger(gateway, "order")) == 1


def test_bracket_lives_to_its_end(start: Starter) -> None:
    """An option bracket fills its entry at once, one of its exits within minutes of the market, the other ends."""
    gateway = start("--start", "2026-11-23T10:00", "--speed", "20")

    async def story(ib: Any) -> None:
        option = await spy_call(ib)
        (ticker,) = await ib.reqTickersAsync(option)
        entry = ticker.ask
        bracket = ib.bracketOrder(
            "BUY", 2, round(entry * 1.2, 2), round(entry * 1.3, 2), round(entry * 0.55, 2)
        )
        parent, target, stop = (ib.placeOrder(option, order) for order in bracket)
        await reaches(parent, "Filled")
        await asyncio.gather(reaches(target, "Filled", "Cancelled"), reaches(stop, "Filled", "Cancelled"))
        assert {target.orderStatus.status, stop.orderStatus.status} == {"Filled", "Cancelled"}
        assert await ib.reqPositionsAsync() == []

    play(gateway, story)
    assert len(ledger(gateway, "execution")) == 2


def test_staged_order_is_silent_until_transmitted(gateway: RunningGateway) -> None:
    """transmit=False causes no event at all; the same id with transmit=True is submitted; cancel ends it with 202."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        errors = error_codes(ib)
        trade = ib.placeOrder(stock, LimitOrder("BUY", 10, 13.26, transmit=False))
        await ib.reqCurrentTimeAsync()
        assert (trade.orderStatus.status, await ib.reqAllOpenOrdersAsync()) == ("PendingSubmit", [])
        trade.order.transmit = True
        ib.placeOrder(stock, trade.order)
        await reaches(trade, "Submitted")
        ib.cancelOrder(trade.order)
        await reaches(trade, "Cancelled")
        await ib.reqCurrentTimeAsync()
        assert errors == [202]

    play(gateway, story)


def test_stop_waits_for_its_trigger_and_takes_a_modification(gateway: RunningGateway) -> None:
    """A stop rests PreSubmitted with whyHeld trigger; a new stop price is acknowledged; global cancel ends it."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        trade = ib.placeOrder(stock, StopOrder("SELL", 1, 13.13))
        await reaches(trade, "PreSubmitted")
        assert trade.orderStatus.whyHeld == "trigger"
        trade.order.auxPrice = 14.13
        ib.placeOrder(stock, trade.order)
        await ib.reqCurrentTimeAsync()  # so that the acknowledgement is not counted among the answers
        (open_trade,) = await ib.reqAllOpenOrdersAsync()
        assert (open_trade.order.auxPrice, open_trade.order.orderType) == (14.13, "STP")
        ib.reqGlobalCancel()
        await reaches(trade, "Cancelled")

    play(gateway, story)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Order(action="BUY", totalQuantity=1, orderType="FEELINGS", lmtPrice=10), 321),
        (LimitOrder("BUY", 1, 100.001), 110),
        (LimitOrder("BUY", 0, 100), 434),
        (LimitOrder("BUY", 1, 100, account="DU0000000"), 321),
        (LimitOrder("BUY", 1, 100, parentId=99), 135),
    ],
)
def test_refused_order_gets_the_code_of_a_real_gateway(
    gateway: RunningGateway, order: Any, code: int
) -> None:
    """An order that TWS would not take is answered with TWS's code and reaches no book."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        errors = error_codes(ib)
        ib.placeOrder(stock, order)
        await ib.reqCurrentTimeAsync()
        assert errors == [code]

    play(gateway, story)
    assert ledger(gateway, "order") == []


def test_orders_that_must_trade_at_once(gateway: RunningGateway) -> None:
    """An IOC out of reach is cancelled, a FOK out of reach becomes Inactive."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        ioc = ib.placeOrder(stock, LimitOrder("BUY", 1, 100, tif="IOC"))
        fok = ib.placeOrder(stock, LimitOrder("BUY", 1, 100, tif="FOK"))
        await reaches(ioc, "Cancelled")
        await reaches(fok, "Inactive")

    play(gateway, story)


def test_what_if_answers_without_an_order(gateway: RunningGateway) -> None:
    """whatIf tells margin and commission and leaves no order behind."""

    async def story(ib: Any) -> None:
        stock = Stock("AAPL", "SMART", "USD")
        await ib.qualifyContractsAsync(stock)
        state = await ib.whatIfOrderAsync(stock, MarketOrder("BUY", 100))
        assert float(state.initMarginChange) > 10_000
        assert state.commission == 1
        assert await ib.reqAllOpenOrdersAsync() == []

    play(gateway, story)
    assert ledger(gateway, "order") == []


def test_unknown_id_cannot_be_cancelled(gateway: RunningGateway) -> None:
    """Cancelling an id that is no order gives 10147."""

    async def story(ib: Any) -> None:
        errors = error_codes(ib)
        ib.client.cancelOrder(9999)
        await ib.reqCurrentTimeAsync()
        assert errors == [10147]

    play(gateway, story)
