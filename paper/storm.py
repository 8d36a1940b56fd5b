"""Storm mode: executions by the ten thousand for orders that are made up, to find out what a client can take.

Every frame is encoded before the storm begins. An execution is told of by execDetails, openOrder and orderStatus
as they stand after it, and its commissionReport; it is in the ledger before its burst is written, and the
burst's instant after. The storm is apart from the account: no position or later question knows of it. The first client to connect gets the storm.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from paper import messages_out as out
from paper.contracts import ContractQuery, Instrument
from paper.ledger import Ledger
from paper.order_out import open_order
from paper.orders import Execution, Order, OrderTerms, Status

log = logging.getLogger("paper")
MESSAGES_PER_EXECUTION = 4
_BLOCK = 200  # executions
LOWEST_ID, HIGHEST_ID = 1_000_000, 9_999_998  # seven digits, as the mark that order ids take the place of
_ORDER_MARK, _COUNT_MARK = b"9999999", b"zzzzzzzz"
_PRICE, _COMMISSION = Decimal(100), Decimal(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A storm: `executions` for `orders` orders, each in `partials` fills, `burst` executions at a time.

    `rate` is executions per second, 0 for as fast as the client reads.
    """

    executions: int
    orders: int
    partials: int
    burst: int
    rate: float


@dataclass(frozen=True, slots=True)
class Gust:
    """One burst: its frames, joined, and the execution ids and orderRefs in it."""

    data: bytes
    executions: tuple[tuple[str, str], ...]


class Sink(Protocol):
    """Where a storm is written to."""

    def write(self, data: bytes) -> None:
        """Take bytes, after everything taken before."""
        ...

    async def drain(self) -> bool:
        """Wait until more can be written. False when the client is gone."""
        ...


def make_plan(executions: int, orders: int | None, partials: int | None, burst: int, rate: float) -> Plan:
    """Fill in what was not said: as many orders as the executions need at so many partials."""
    partials = partials or (max(executions // orders, 1) if orders else 10)
    orders = orders or -(-executions // partials)
    return Plan(executions, orders, partials, burst, rate)


@dataclass(frozen=True, slots=True)
class Stage:
    """Who gets a storm, of what, and when it was encoded. `first_id` has seven digits."""

    instrument: Instrument
    client_id: int
    first_id: int
    version: int
    account: str
    now: datetime


def gusts(plan: Plan, stage: Stage) -> list[Gust]:
    """Every burst of a storm, encoded. Orders take turns, so that their fills are mixed as on a busy day."""
    fills = _templates(plan, stage)
    made: list[Gust] = []
    frames: list[bytes] = []
    names: list[tuple[str, str]] = []
    session = f"{int(stage.now.timestamp()) & 0xFFFFFFFF:08x}"
    for number in range(plan.executions):
        turn, at = divmod(number, plan.orders)
        order_id, count = stage.first_id + at, f"{number + 1:08x}"
        frame = fills[turn].replace(_ORDER_MARK, b"%d" % order_id)
        frames.append(frame.replace(_COUNT_MARK, count.encode()))
        names.append((f"{session}.{count}.01.01", f"storm-{order_id}"))
        if len(names) == plan.burst or number == plan.executions - 1:
            made.append(Gust(b"".join(frames), tuple(names)))
            frames, names = [], []
    return made


def _templates(plan: Plan, stage: Stage) -> list[bytes]:
    """The four frames of each fill of an order, with marks as long as what they are replaced by."""
    order = _order(plan, stage)
    session = f"{int(stage.now.timestamp()) & 0xFFFFFFFF:08x}"
    made = []
    for _ in range(-(-plan.executions // plan.orders)):
        order = _filled(order)
        exec_id = f"{session}.{_COUNT_MARK.decode()}.01.01"
        fill = Execution(exec_id, order, Decimal(1), _PRICE, stage.now, "ISLAND", _COMMISSION, None)
        frames = (
            out.exec_details(-1, fill, stage.account),
            open_order(order, stage.version),
            out.order_status(order),
            out.commission_report(fill),
        )
        made.append(b"".join(frames))
    return made


def _blocks(bursts: list[Gust]) -> Iterator[list[Gust]]:
    """Bursts that share one fsync: small ones wait for each other in the ledger, not on the wire."""
    block: list[Gust] = []
    size = 0
    for gust in bursts:
        block.append(gust)
        size += len(gust.executions)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


async def blow(ledger: Ledger, plan: Plan, sink: Sink, bursts: list[Gust]) -> float:
    """Write a storm; the ledger has each burst's executions first. Returns messages a second."""
    sent, here = 0, True
    begin = time.monotonic()
    for block in _blocks(bursts):
        ledger.append("storm", executions=[name for gust in block for name in gust.executions])
        ledger.commit()
        written: list[tuple[int, int]] = []  # executions and monotonic ns of each burst
        for gust in block:
            if plan.rate and (wait := begin + sent / plan.rate - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            here = here and await sink.drain()
            if here:
                written.append((len(gust.executions), time.monotonic_ns()))
                sink.write(gust.data)
                sent += len(gust.executions)
        ledger.append("storm-sent", bursts=written)
        await asyncio.sleep(0)
    await sink.drain()
    seconds = time.monotonic() - begin
    rate = sent * MESSAGES_PER_EXECUTION / seconds
    text = "storm: %d executions of %d orders in %.3f s, %.0f messages a second"
    log.info(text, sent, plan.orders, seconds, rate)
    ledger.append("storm-end", executions=sent, seconds=round(seconds, 6), messages_per_second=round(rate))
    ledger.commit()
    return rate


def _order(plan: Plan, stage: Stage) -> Order:
    order_id = int(_ORDER_MARK)
    terms = OrderTerms(
        contract=ContractQuery(con_id=stage.instrument.con_id),
        action="BUY",
        quantity=Decimal(plan.partials),
        order_type="LMT",
        limit=_PRICE,
        aux=None,
        tif="DAY",
        oca_group="",
        oca_type=0,
        account=stage.account,
        order_ref=f"storm-{order_id}",
        transmit=True,
        parent_id=0,
        what_if=False,
    )
    return Order(stage.client_id, order_id, 10**9 + order_id, stage.instrument, terms, terms.quantity)


def _filled(order: Order) -> Order:
    """The order after one more share; beyond its size it starts again, as a modification would let it."""
    filled = order.filled + 1
    quantity = max(order.quantity, filled)
    status = Status.FILLED if filled == quantity else Status.SUBMITTED
    return replace(
        order, filled=filled, quantity=quantity, average_price=_PRICE, last_price=_PRICE, status=status
    )
