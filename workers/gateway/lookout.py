"""What somebody else does at IB and nobody tells: trades whose executions have to be asked for, orders under our names."""

from __future__ import annotations

import asyncio
import time

import structlog

from router import twins
from router.messages import LinkPhase, OrderLifecycleEvent
from router.messages import Message as BusMessage
from router.unexplained import QUIET_NS, Unexplained
from workers.gateway.session import Session, Sink

log = structlog.get_logger()


class Lookout:
    """Hears everything that is published, and has a look where there is a reason to."""

    def __init__(self, session: Session, *, sink: Sink) -> None:
        self._session = session
        self._sink = sink
        self._unexplained = Unexplained()
        self._twins = twins.Twins()
        self._asking: asyncio.Task[None] | None = None

    def observe(self, *messages: BusMessage) -> None:
        """Learn. What follows happens after the session has learned the same."""
        now_ns = time.monotonic_ns()
        for message in messages:
            if self._unexplained.observe(message, now_ns):
                asyncio.get_running_loop().call_later(QUIET_NS / 1e9, self._look)
            twin = self._twins.observe(message)
            if twin is not None:
                asyncio.get_running_loop().call_soon(self._on_twin, twin)

    def _look(self) -> None:
        if self._session.phase is LinkPhase.READY and self._unexplained.due(time.monotonic_ns()):
            log.info("a position moved without an execution: asking IB for executions")
            self._asking = asyncio.ensure_future(self._ask())

    async def _ask(self) -> None:
        try:
            await self._session.link.executions(self._session.request_timeout_s)
        except (TimeoutError, OSError) as error:
            log.warning("executions not told", problem=str(error))  # the next rebuild asks for all of them

    def _on_twin(self, event: OrderLifecycleEvent) -> None:
        ours = event.client_id == self._session.client_id
        log.error("two live orders under one orderRef", order_ref=event.ref, perm_id=event.perm_id, ours=ours)
        self._sink(twins.alert(event, ours=ours))
        if ours:
            self._session.link.cancel(event.order_id)
