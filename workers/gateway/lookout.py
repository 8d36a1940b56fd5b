"""What somebody else does at IB and nobody tells: his trades and orders have to be asked for.

IB tells each client of its own orders only. A position that moves without an execution, and the orders of others that
the guard counts on, are reasons to ask.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from router import foreign
from router.end import order_key
from router.messages import LinkPhase, OrderLifecycleEvent
from router.messages import Message as BusMessage
from router.unexplained import LEARNS_FROM, QUIET_NS, Unexplained
from workers.gateway.current import Current
from workers.gateway.session import Session

LOOK_S = 0.5  # between two questions while other clients' orders work
SELDOM_S = 30.0  # else, while anything is held

log = structlog.get_logger()


class Lookout:
    """Hears everything before it is published, and has a look where there is a reason to."""

    def __init__(self, session: Session, current: Current) -> None:
        self._session = session
        self._current = current
        self._unexplained = Unexplained()
        self._listed: set[int] | None = None  # permIds of the answer that is coming
        self._asked_s = 0.0
        self._moved = False  # a position that no execution explains, since IB last answered about them
        self._wake = asyncio.Event()

    def news(self, *messages: BusMessage) -> tuple[BusMessage, ...]:
        """The messages but for what an answer to a question of ours only repeats."""
        now_ns = time.monotonic_ns()
        for message in messages:
            if type(message) in LEARNS_FROM and self._unexplained.observe(message, now_ns):
                asyncio.get_running_loop().call_later(QUIET_NS / 1e9, self._wake.set)
        return messages if self._listed is None else tuple(one for one in messages if self._is_news(one))

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_S)
            except TimeoutError:
                pass
            self._wake.clear()
            if self._session.phase is LinkPhase.READY:
                await self._look()

    async def _look(self) -> None:
        moved = self._moved = self._unexplained.due(time.monotonic_ns()) or self._moved
        try:
            if moved:
                log.info("a position moved without an execution: asking IB for executions")
                await self._session.link.executions(self._session.request_timeout_s)
                self._moved = False
            if moved or self._counts_on_others() or self._is_time():
                await self._ask_for_orders()
        except (TimeoutError, OSError) as error:
            log.warning("IB did not tell what others do", problem=str(error))  # the next look asks again

    async def _ask_for_orders(self) -> None:
        self._listed = set()
        try:
            await self._session.link.open_orders(self._session.request_timeout_s)
            listed = self._listed
        finally:
            self._listed = None
        self._asked_s = time.monotonic()
        if self._session.phase is not LinkPhase.READY:
            return  # a rebuild lists them again
        gone = foreign.ended(
            self._current.orders(), listed, client_id=self._session.client_id, now_ns=time.monotonic_ns()
        )
        if gone:
            self._session.on_messages(gone)

    def _counts_on_others(self) -> bool:
        return any(event.client_id != self._session.client_id for event in self._current.orders())

    def _is_time(self) -> bool:
        return bool(self._current.positions()) and time.monotonic() - self._asked_s > SELDOM_S

    def _is_news(self, message: BusMessage) -> bool:
        if not isinstance(message, OrderLifecycleEvent):
            return True
        assert self._listed is not None
        self._listed.add(message.perm_id)
        return not foreign.repeats(message, self._current.order(order_key(message)))
