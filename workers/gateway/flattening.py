"""Making an account flat: its orders are cancelled, their ends waited for, and what is held then is closed at market."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from router import flatten
from router.messages import ContractSpec, FlattenReply, Leg, OrderLifecycleEvent, PositionSnapshot
from router.pacing import Priority
from router.recovery import ROUNDS
from workers.clock import now_ms
from workers.gateway.current import Current
from workers.gateway.session import Session

FLAT_S = 5.0  # for cancelled orders to end before positions are closed, and for these to be gone

log = structlog.get_logger()

Write = Callable[[str, str, ContractSpec, tuple[Leg, ...]], object]  # name, account, contract, legs


class Flattening:
    """One per desk; `write` journals orders and puts them on the socket."""

    def __init__(self, session: Session, current: Current, write: Write) -> None:
        self._session = session
        self._current = current
        self._write = write
        self._accounts: Counter[str] = Counter()  # at work

    def concerns(self, account: str) -> bool:
        """Whether the account is being made flat: what is placed now is left over, or sells what is sold already."""
        return self._accounts[account] > 0

    def begin(self, account: str) -> None:
        """From now on nothing is placed there, and what waits for its turn is taken back. Then `run`."""
        self._accounts[account] += 1
        for priority in (Priority.ENTRY, Priority.PROTECT):
            self._session.link.outbox.withdraw(priority, "the account is made flat", account=account)

    async def run(self, account: str, answer: Callable[[FlattenReply], None]) -> None:
        """Do it; the answer, before the last position is gone, names what was cancelled and the closing orders."""
        try:
            before = await self._cancelled(account)
            closing = self._close(account, before)
            log.warning("flatten", account=account, cancelled=len(before), closing=len(closing))
            cancelled = tuple(event.ref for event in before if event.client_id == self._session.client_id)
            answer(FlattenReply(cancelled, closing))
            await self._until(lambda: not self._held(account))
        finally:
            self._accounts[account] -= 1

    async def _cancelled(self, account: str) -> list[OrderLifecycleEvent]:
        """The account's live orders, once this client's have ended; those just written are asked for first."""
        link, client_id = self._session.link, self._session.client_id
        with suppress(TimeoutError, OSError):  # then with what is known
            for _ in range(ROUNDS):  # the first may have been under way before those orders left
                await link.open_orders(FLAT_S)
        before = [event for event in self._current.orders() if event.account == account]
        ours = [event.order_id for event in before if event.client_id == client_id]
        for order_id in ours:
            link.cancel(order_id)
        await self._until(lambda: not any(self._current.is_live(client_id, one) for one in ours))
        return before

    def _close(self, account: str, before: Sequence[OrderLifecycleEvent]) -> tuple[str, ...]:
        """Offer what closes every position at market, each order on its own, since many could not leave together;
        gives the orderRefs."""
        closing: list[str] = []
        for position in self._held(account):
            contract, number = self._current.routable(position.contract), now_ms()
            legs = flatten.closing(position, before, number=number)
            closing += [leg.ref for leg in legs]
            for leg in legs:
                write = partial(self._write, f"flat:{contract.con_id}:{number}", account, contract, (leg,))
                self._session.link.outbox.offer(Priority.PROTECT, write, account=account)
        return tuple(closing)

    def _held(self, account: str) -> list[PositionSnapshot]:
        return [one for one in self._current.positions() if one.account == account]

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait for IB's word, at most FLAT_S."""
        deadline = time.monotonic() + FLAT_S
        while not done() and time.monotonic() < deadline:  # noqa: ASYNC110 - Current tells nobody
            await asyncio.sleep(0.01)
