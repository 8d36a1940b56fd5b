"""The TCP connection ends after every single byte of what tells of a fill: execution, order, status, commission."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.messages import CommissionReport, ExecutionFill, Leg, LinkPhase, OrderLifecycleEvent
from tests.paper.conftest import RunningGateway, start_gateway
from tests.router.factory import STOCK
from tests.workers.gateway.conftest import Configure, configure
from tests.workers.gateway.harness import Running, eventually, running

__all__ = ["configure"]  # fixture

READY = LinkPhase.READY
AT_ONCE = {"backoff_first_s": 0.001, "backoff_max_s": 0.002, "requests_per_second": 1_000}
PAPER = ("--account", "DU1000001", "--market", "still", "--switch", "fill_twice=off")  # each frame once
REF = "cut-mfqwpfk0-E"
FILLS = 50  # by one paper gateway: each rebuild tells of all of them
# Shares of the first one, and the price of all: whatever counts shares has three digits from then on, and averages have
# one, so that fills differ by a byte at most. What is told of the account comes after each now and then: a cut that a
# shorter fill did not reach comes with that.
FIRST = 100
PRICE = 2


class Fills:
    """One share after the other, on an order that rests."""

    def __init__(self, one: Running, paper: RunningGateway) -> None:
        self.one = one
        self.paper = paper
        self.news: dict[type, Counter[str]] = {ExecutionFill: Counter(), CommissionReport: Counter()}
        self._read = 0

    async def order(self) -> None:
        """Place it."""
        one = self.one
        (ready,) = await one.session.link.contract_details(STOCK, 5)
        leg = Leg(REF, "entry", "BUY", "LMT", 10 * FIRST, limit_price=float(PRICE), tif="DAY")
        one.session.link.place(ready.contract, [one.session.link.single(leg, one.session.account)])
        await eventually(lambda: REF in one.current.live_refs(), "the order is open")

    async def trade(self, cut_after: int | None = None, shares: int = 1) -> None:
        """Trade, with the connection cut so many bytes later, until the fill and its commission were told."""
        self._listen()
        number = len(self.news[ExecutionFill]) + 1
        cut = "" if cut_after is None else f"disconnect 1 after {cut_after}\n"
        self.paper.do(f"{cut}fill last shares {shares} price {PRICE}")
        await eventually(lambda: self._told() >= number, f"fill and commission, cut after {cut_after}")

    async def size(self) -> int:
        """Bytes that tell of one fill, as they come over the socket."""
        seen = bytearray()
        socket: Any = self.one.session.link._client.conn
        take = socket._take

        def listen(data: bytes) -> None:
            seen.extend(data)
            take(data)

        socket._take = listen
        await self.trade()
        socket._take = take
        return len(seen)

    def verify(self) -> None:
        """Everything that was told, against the ledger."""
        self._listen()
        wanted = executions(self.paper.ledger)
        assert len(wanted) > 1
        for news in self.news.values():
            assert set(news) == wanted
            assert max(news.values()) <= 1
        fills = self.one.told.of(ExecutionFill)
        assert {(fill.ref, fill.quantity, fill.action) for fill in fills} == {
            (REF, FIRST, "BUY"),
            (REF, 1.0, "BUY"),
        }
        assert self.one.told.of(OrderLifecycleEvent)[-1].filled == FIRST + len(wanted) - 1
        assert self.one.session.counts["undecodable"] == 0

    def _told(self) -> int:
        self._listen()
        return min(map(len, self.news.values()))

    def _listen(self) -> None:
        """Count how often each was told as news; 0 for those that came replayed only."""
        messages = self.one.told.messages
        for message in messages[self._read :]:
            if isinstance(message, ExecutionFill | CommissionReport):
                self.news[type(message)][message.exec_id] += not message.replayed
        self._read = len(messages)


def executions(ledger: Path) -> set[str]:
    """What was executed, as the paper gateway has it."""
    records = map(json.loads, ledger.read_bytes().split(b"\n")[:-1])
    return {record["exec_id"] for record in records if record["kind"] == "execution"}


@pytest.fixture
def papers(tmp_path: Path) -> Iterator[Callable[[], RunningGateway]]:
    """Starts paper gateways, one after the other."""
    started: list[RunningGateway] = []

    def start() -> RunningGateway:
        for before in started[-1:]:
            before.stop()
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(start_gateway(directory, *PAPER, measured=False))
        return started[-1]

    yield start
    started[-1].stop()


@pytest.mark.timeout(240)
def test_every_byte_of_a_fill(papers: Callable[[], RunningGateway], configure: Configure) -> None:
    """Wherever it ends, the gateway is READY again and has told of the fill and of its commission.

    As news at most once, whole, under the order's ref, with nothing that could not be decoded; the order's
    last status has all of them.
    """

    async def some(paper: RunningGateway, first: int) -> int:
        """Cuts from `first` on, on a paper gateway of their own; returns where the next ones begin, 0 at the end."""
        async with running(configure(paper.port, **AT_ONCE)) as one:
            await one.reaches(READY)
            fills = Fills(one, paper)
            await fills.order()
            await fills.trade(shares=FIRST)
            size = await fills.size()
            behind = min(first + FILLS, size)
            for cut_after in range(first, behind):
                await fills.trade(cut_after)
                await one.reaches(READY, times=2 + cut_after - first)
            assert one.session.counts["connects"] == 1 + behind - first
            fills.verify()
            return behind if behind < size else 0

    async def run() -> None:
        first = await some(papers(), 1)
        while first:
            first = await some(papers(), first)

    asyncio.run(run())
