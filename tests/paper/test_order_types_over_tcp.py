"""What order types and their fields look like to an unmodified ib_insync on a real socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_insync import (
    LimitOrder,
    MarketOrder,
    Order,
    PriceCondition,
    Stock,
    StopOrder,
    TagValue,
    TimeCondition,
)

from tests.paper.conftest import RunningGateway, start_gateway
from tests.paper.ib_client import error_codes, new_client, play, reaches


@pytest.fixture
def still(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway whose market does not move."""
    options = ("--market", "still", "--tick", "0.05", "--spot", "AAPL=263.5")
    running = start_gateway(tmp_path, *options)
    yield running
    running.stop()


async def _stock(ib: Any) -> Any:
    stock = Stock("AAPL", "SMART", "USD")
    await ib.qualifyContractsAsync(stock)
    return stock


async def _echo(ib: Any, order: Any) -> Any:
    """The order as the gateway shows it to another client, which knows it from the wire alone."""
    trade = ib.placeOrder(await _stock(ib), order)
    await reaches(trade, "Submitted", "PreSubmitted")
    other = new_client()
    await other.connectAsync("127.0.0.1", ib.client.port, clientId=2, timeout=10)
    try:
        found = await other.reqAllOpenOrdersAsync()
    finally:
        other.disconnect()
    return next(one.order for one in found if one.order.permId == trade.order.permId)


def test_trail_shows_where_its_stop_is(still: RunningGateway) -> None:
    """A trail in percent without a start comes back with the stop the gateway gave it."""

    async def story(ib: Any) -> None:
        seen = await _echo(ib, Order(action="SELL", totalQuantity=1, orderType="TRAIL", trailingPercent=10))
        assert (seen.orderType, seen.trailingPercent) == ("TRAIL", 10)
        assert 230 < seen.trailStopPrice < 240

    play(still, story)


def test_trail_limit_keeps_its_limit_behind_its_stop(still: RunningGateway) -> None:
    """TRAIL LIMIT with an offset shows the limit that follows from it."""

    async def story(ib: Any) -> None:
        order = Order(action="SELL", totalQuantity=1, orderType="TRAIL LIMIT", auxPrice=20)
        order.trailStopPrice, order.lmtPriceOffset = 250, 0.5
        seen = await _echo(ib, order)
        assert (seen.trailStopPrice, seen.lmtPrice, seen.auxPrice) == (250, 249.5, 20)

    play(still, story)


def test_adjustable_stop_comes_back_whole(still: RunningGateway) -> None:
    """The five fields of an adjustable stop are echoed."""

    async def story(ib: Any) -> None:
        order = StopOrder("SELL", 1, 200)
        order.adjustedOrderType, order.triggerPrice = "TRAIL LIMIT", 300
        order.adjustedStopPrice, order.adjustedStopLimitPrice = 290, 289
        order.adjustedTrailingAmount, order.adjustableTrailingUnit = 5, 0
        seen = await _echo(ib, order)
        names = (
            "adjustedOrderType triggerPrice adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount"
        )
        assert [getattr(seen, name) for name in names.split()] == ["TRAIL LIMIT", 300, 290, 289, 5]

    play(still, story)


def test_conditions_come_back_and_hold_the_order(still: RunningGateway) -> None:
    """An order with conditions is PreSubmitted; the conditions are echoed, in open and in completed orders."""

    async def story(ib: Any) -> None:
        stock = await _stock(ib)
        order = MarketOrder("BUY", 1)
        order.conditions = [
            PriceCondition(price=999, conId=stock.conId, exch="SMART", conjunction="o"),
            TimeCondition(time="20991231 00:00:00 US/Eastern"),
        ]
        seen = await _echo(ib, order)
        assert [type(one).__name__ for one in seen.conditions] == ["PriceCondition", "TimeCondition"]
        assert float(seen.conditions[0].price) == 999
        ib.reqGlobalCancel()
        done = await ib.reqCompletedOrdersAsync(False)
        assert len(done[0].order.conditions) == 2

    play(still, story)


def test_algo_and_good_till_date_come_back(still: RunningGateway) -> None:
    """The algo, its parameters and goodTillDate are echoed; at its date the order is cancelled with 202."""

    async def story(ib: Any) -> None:
        order = LimitOrder("BUY", 1, 100, tif="GTD", goodTillDate="20991231 00:00:00 US/Eastern")
        order.algoStrategy, order.algoParams = "Adaptive", [TagValue("adaptivePriority", "Normal")]
        seen = await _echo(ib, order)
        assert (seen.tif, seen.goodTillDate) == ("GTD", "20991231 00:00:00 US/Eastern")
        assert (seen.algoStrategy, seen.algoParams) == ("Adaptive", [TagValue("adaptivePriority", "Normal")])
        errors = error_codes(ib)
        late = ib.placeOrder(await _stock(ib), LimitOrder("BUY", 1, 100, tif="GTD", goodTillDate="20200101"))
        await reaches(late, "Cancelled")
        assert errors == [202]

    play(still, story)


def test_index_and_its_options(still: RunningGateway) -> None:
    """SPX has a last price and no bid or ask; its options are SPXW, in steps of 0.05 and 0.10; it cannot be traded."""
    from ib_insync import Index, Option

    async def story(ib: Any) -> None:
        index = Index("SPX", "CBOE", "USD")
        assert await ib.qualifyContractsAsync(index) == [index]
        (ticker,) = await ib.reqTickersAsync(index)
        assert 6690 < ticker.last < 6710
        assert ticker.bid != ticker.bid  # never told: not a number
        (chain, *_) = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", index.conId)
        option = Option("SPX", chain.expirations[0], 6700, "P", "SMART", currency="USD")
        (details,) = await ib.reqContractDetailsAsync(option)
        assert (details.contract.tradingClass, details.minTick) == ("SPXW", 0.05)
        errors = error_codes(ib)
        ib.placeOrder(index, MarketOrder("BUY", 1))
        await ib.reqCurrentTimeAsync()
        assert errors == [387]

    play(still, story)
