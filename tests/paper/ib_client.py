"""An unmodified ib_insync client for the tests, its untyped calls behind Any."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import ib_insync
from ib_insync import Option

from tests.paper.conftest import RunningGateway

Story = Callable[[Any], Awaitable[None]]
new_client: Callable[[], Any] = ib_insync.IB


def play(gateway: RunningGateway, story: Story, client_id: int = 1) -> None:
    """Connect, let the story happen within a deadline, disconnect."""

    async def run() -> None:
        ib = new_client()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=client_id, timeout=10)
        try:
            await asyncio.wait_for(story(ib), 60)
        finally:
            ib.disconnect()

    asyncio.run(run())


async def reaches(trade: Any, *statuses: str) -> None:
    """Wait until a trade has one of the statuses."""
    while trade.orderStatus.status not in statuses:
        await asyncio.wait_for(trade.statusEvent, 40)


async def spy_call(ib: Any) -> Any:
    """A call on SPY, qualified: the first expiry after today."""
    (chain, *_) = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", 756733)
    option = Option("SPY", chain.expirations[1], 451, "C", "SMART", currency="USD")
    assert await ib.qualifyContractsAsync(option) == [option]
    return option


def error_codes(ib: Any) -> list[int]:
    """A list that every error's code will be added to."""
    codes: list[int] = []
    ib.errorEvent += lambda req_id, code, text, contract: codes.append(code)
    return codes


def ledger(gateway: RunningGateway, kind: str) -> list[dict[str, Any]]:
    """The ledger's records of one kind."""
    records = [json.loads(line) for line in gateway.ledger.read_text().splitlines()]
    return [record for record in records if record["kind"] == kind]
