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
from router.exposure import Place
from router.messages import ContractSpec, FlattenReply, Leg, LinkPhase, OrderLifecycleEvent
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
        """Do it; the answer, before the last position is gone, names what was cancelled and the closing orders sent.

        Raises ConnectionError where the connection was lost meanwhile: what was held then may be closed by now.
        """
        connects = self._connects
        try:
            before = await self._cancelled(account, connects)
            closing = await self._close(account, before, connects)
            log.warning("flatten", account=account, cancelled=len(before), closing=len(closing))
            cancelled = tuple(event.ref for event in before if event.client_id == self._session.client_id)
            answer(FlattenReply(cancelled, closing))
            await self._until(lambda: not self._held(account), connects)
        finally:
            self._accounts[account] -= 1

    async def _cancelled(self, account: str, connects: int) -> list[OrderLifecycleEvent]:
        """The account's live orders, once this client's have ended; those just written are asked for first."""
        link, client_id = self._session.link, self._session.client_id
        with suppress(TimeoutError):  # then with what is known
            for _ in range(ROUNDS):  # the first may have been under way before those orders left
                await link.open_orders(FLAT_S)
        before = [event for event in self._current.orders() if event.account == account]
        ours = [event.order_id for event in before if event.client_id == client_id]
        for order_id in ours:
            link.cancel(order_id)
        await self._until(lambda: not any(self._current.is_live(client_id, one) for one in ours), connects)
        # IB's word on a position and the executions that it lags behind, or runs ahead of, have to meet
        await self._until(lambda: all(one.is_certain for one in self._current.places(account)), connects)
        self._insist_on(connects)
        return before

    async def _close(
        self, account: str, before: Sequence[OrderLifecycleEvent], connects: int
    ) -> tuple[str, ...]:
        """Send what closes every position at market, each order on its own, since many could not leave together;
        gives the orderRefs. Raises what kept one from being sent."""
        closing: list[str] = []
        sent: list[asyncio.Future[None]] = []
        for place in self._held(account):
            contract, number = self._current.routable(place.contract), now_ms()
            legs = flatten.closing(place, before, number=number)
            closing += [leg.ref for leg in legs]
            name = f"flat:{contract.con_id}:{number}"
            sent += [
                self._offer(account, partial(self._write, name, account, contract, (leg,)), connects)
                for leg in legs
            ]
        for error in await asyncio.gather(*sent, return_exceptions=True):
            if error is not None:
                raise error
        return tuple(closing)

    def _offer(self, account: str, write: Callable[[], object], connects: int) -> asyncio.Future[None]:
        """Done once it was written."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def leave() -> None:
            self._insist_on(connects)  # it may have waited for its turn
            write()
            sent.set_result(None)

        self._session.link.outbox.offer(Priority.PROTECT, leave, dropped=sent.set_exception, account=account)
        return sent

    def _held(self, account: str) -> list[Place]:
        return [place for place in self._current.places(account) if place.quantity]

    @property
    def _connects(self) -> int:
        return self._session.counts["connects"]

    def _is_over(self, connects: int) -> bool:
        """Whether what was known then may have changed unheard."""
        phase = self._session.phase
        return connects != self._connects or phase in (LinkPhase.DOWN, LinkPhase.SYNCING)

    def _insist_on(self, connects: int) -> None:
        if self._is_over(connects):
            raise ConnectionError("the connection was lost while the account was made flat: ask again")

    async def _until(self, done: Callable[[], bool], connects: int) -> None:
        """Wait for IB's word, at most FLAT_S, and not longer than there is a connection."""
        deadline = time.monotonic() + FLAT_S
        while not done() and time.monotonic() < deadline:
            if self._is_over(connects):
                return
            await asyncio.sleep(0.01)
