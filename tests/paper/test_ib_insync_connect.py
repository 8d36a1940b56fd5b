"""Connecting, market data and account values through an unmodified ib_insync."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ib_insync import Contract, Option, Stock

from tests.paper.conftest import RunningGateway, Starter
from tests.paper.ib_client import error_codes, new_client, play, spy_call


def test_connects_and_synchronises(gateway: RunningGateway) -> None:
    """connectAsync ends with the account's values there and version 176 agreed."""

    async def story(ib: Any) -> None:
        assert ib.client.serverVersion() == 176
        assert ib.managedAccounts() == ["DU1234567"]
        values = {value.tag: value.value for value in ib.accountValues() if value.currency == "USD"}
        assert values["NetLiquidation"] == "1000000.00"

    play(gateway, story)


def test_taken_client_id_gets_326(gateway: RunningGateway) -> None:
    """A second client with the same id is told 326 and its socket is closed; the first goes on."""

    async def story(ib: Any) -> None:
        second = new_client()
        errors = error_codes(second)
        with pytest.raises(asyncio.TimeoutError):
            await second.connectAsync("127.0.0.1", gateway.port, clientId=1, timeout=1)
        assert errors == [326]
        assert await ib.reqCurrentTimeAsync()

    play(gateway, story)


def test_quotes_move(gateway: RunningGateway) -> None:
    """A subscription shows bid below ask with sizes and a model, and goes on moving."""

    async def story(ib: Any) -> None:
        ticker = ib.reqMktData(await spy_call(ib))
        seen: set[tuple[float, float, float]] = set()
        while len(seen) < 3:
            await asyncio.wait_for(ticker.updateEvent, 10)
            assert 0 < ticker.bid < ticker.ask
            seen.add((ticker.bid, ticker.ask, ticker.bidSize))
        assert 0 < ticker.modelGreeks.delta < 1

    play(gateway, story)


@pytest.mark.parametrize(
    "contract",
    [
        Stock("ZZZZ", "SMART", "USD"),
        Option("SPY", "20200102", 451, "C", "SMART", currency="USD"),
        Option("SPY", "20280101", 451.33, "C", "SMART", currency="USD"),
    ],
)
def test_unknown_contract_gets_200(gateway: RunningGateway, contract: Contract) -> None:
    """A symbol, an expiry or a strike that is not listed gives error 200 and no contract."""

    async def story(ib: Any) -> None:
        errors = error_codes(ib)
        assert await ib.qualifyContractsAsync(contract) == []
        assert errors == [200]

    play(gateway, story)


def test_ends_cleanly_on_sigterm_and_comes_back_on_its_port(start: Starter, tmp_path: Path) -> None:
    """SIGTERM ends the process with status 0 while a client is connected; a restart takes the same port again."""
    options = ("--port-file", str(tmp_path / "port"))
    first = start(*options)

    async def story(ib: Any) -> None:
        gone = ib.disconnectedEvent
        assert first.stop() == 0
        await asyncio.wait_for(gone, 10)

    play(first, story)
    second = start(*options)
    assert second.port == first.port == int((tmp_path / "port").read_text())
    assert second.stop() == 0
