"""Making an account flat: its orders are cancelled, their ends waited for, and what is held then is closed at market."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog

from router import flatten
from router.messages import ContractSpec, FlattenReply, Leg
from router.pacing import Priority
from workers.gateway.current import Current
from workers.gateway.session import Session

FLAT_S = 5.0  # for cancelled orders to end before positions are closed
CLOSING_S = 2.0  # for the closing orders to show in IB's events: nobody protects what they sell

log = structlog.get_logger()

Write = Callable[[str, str, ContractSpec, tuple[Leg, ...]], object]  # name, account, contract, legs


class Flattening:
    """One per desk; `write` journals orders and puts them on the socket."""

    def __init__(self, session: Session, current: Current, write: Write) -> None:
        self._session = session
        self._current = current
        self._write = write
        self._cancelling: dict[str, float] = {}  # account, until when (monotonic s)
        self._closing: dict[tuple[str, int], float] = {}  # account and conId, until when

    def concerns(self, account: str, con_id: int) -> bool:
        """Whether the account is being made flat and this position of it not sold yet: who protects it would turn it."""
        now = time.monotonic()
        held = any((p.account, p.contract.con_id) == (account, con_id) for p in self._current.positions())
        sold = held and now < self._closing.get((account, con_id), 0.0)
        return sold or now < self._cancelling.get(account, 0.0)

    async def run(self, account: str) -> FlattenReply:
        """Do it; the answer names what was cancelled and the closing orders."""
        link, client_id = self._session.link, self._session.client_id
        deadline = self._cancelling[account] = time.monotonic() + FLAT_S
        link.outbox.withdraw(Priority.ENTRY, "the account is made flat")
        before = [event for event in self._current.orders() if event.account == account]
        cancelled = [event for event in before if event.client_id == client_id]
        for event in cancelled:
            link.cancel(event.order_id)
        ids = [event.order_id for event in cancelled]
        while any(self._current.is_live(client_id, one) for one in ids) and time.monotonic() < deadline:  # noqa: ASYNC110 - Current tells nobody
            await asyncio.sleep(0.01)
        self._cancelling.pop(account, None)
        closing = []
        for position in [one for one in self._current.positions() if one.account == account]:
            contract, number = self._current.routable(position.contract), time.time_ns() // 1_000_000
            self._closing[account, contract.con_id] = time.monotonic() + CLOSING_S
            legs = flatten.closing(position, before, number=number)
            closing += [leg.ref for leg in legs]
            write = partial(self._write, f"flat:{contract.con_id}:{number}", account, contract, legs)
            link.outbox.offer(Priority.PROTECT, write, size=len(legs))
        log.warning("flatten", account=account, cancelled=len(cancelled), closing=len(closing))
        return FlattenReply(tuple(event.ref for event in cancelled), tuple(closing))
