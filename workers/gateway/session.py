"""The life of the IB connection: connect, rebuild, watch, reconnect (design, section 3).

    DOWN -> CONNECTING -> SYNCING -> READY <-> DEGRADED, any -> DOWN

Nothing is placed outside READY; what IB says is never refused. READY is not reached while any part of the
rebuild is missing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from conf.ib_errors import load_ib_errors
from conf.settings import Settings
from router import alerts, recovery
from router.connectivity import Connectivity, hear
from router.ib_errors import ErrorPolicies
from router.messages import (
    BrokerError,
    ContractSpec,
    LinkPhase,
    LinkState,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
)
from router.messages import Message as BusMessage
from router.pacing import Priority
from router.reconnect import ResetWindows, backoff_s
from router.recovery import ROUNDS
from workers.clock import now_ms
from workers.gateway.current import Current
from workers.gateway.doubts import Doubts
from workers.gateway.hearing import together
from workers.gateway.known import Known
from workers.gateway.link import Link
from workers.gateway.listing import Listing
from workers.gateway.login import choose_account
from workers.gateway.outbox import nothing
from workers.gateway.pulse import probe, while_alive
from workers.gateway.twins import Twins
from workers.gateway.undecodable import MAX_KEPT, quarantine
from workers.gateway.waiting import first_of
from workers.killpoint import kill_point

ATTEMPTS = 3  # of each rebuild request before the connection is given up

log = structlog.get_logger()


class Sink(Protocol):
    """Where messages go: the publisher."""

    def __call__(self, *messages: BusMessage) -> object:
        """Journal and publish, in order."""


class Session:
    """Owns the Link. `run()` keeps it up until cancelled."""

    def __init__(
        self, settings: Settings, sink: Sink, known: Known, current: Current, doubts: Doubts | None = None
    ) -> None:
        self.settings = self._settings = settings
        self._sink = sink
        self._known = known
        self._current = current
        self._streams: dict[int, ContractSpec] = {}
        self._lost, self._lost_reason = asyncio.Event(), ""
        self._failure: BaseException | None = None  # of the sink: what IB says cannot be kept
        self._resync = asyncio.Event()
        self._data_lost = False
        self._listing = Listing()
        self._connectivity = Connectivity()
        self._doubts = doubts if doubts is not None else Doubts()
        self._twins = Twins()
        self._inquire = asyncio.Event()
        self._hearers = together(
            known.hears,
            current.hears,
            self._listing.hears,
            {BrokerError: self._on_error, OrderLifecycleEvent: self._look_for_twin},
            self._doubts.hears,
        )
        self._resets = ResetWindows(settings.broker.reset_windows, settings.broker.reset_zone)
        self._quarantine = quarantine(settings)
        self._recovering: asyncio.Task[None] | None = None
        # who sends a bracket again: Commands; without it the next rebuild finds the bracket in doubt again
        self.resend: Callable[[OrderIntent], None] = lambda _: None
        self.on_ready: Callable[[], object] = nothing  # who begins when IB is READY; Contracts
        self.account, self.phase = "", LinkPhase.DOWN
        self._counts = {"messages": 0, "undecodable": 0, "connects": 0}
        self.client_id = settings.broker.client_id
        self.request_timeout_s = settings.broker.request_timeout_s
        self._policies = ErrorPolicies(load_ib_errors(settings.root))
        self.link = Link(
            self,
            requests_per_second=settings.broker.requests_per_second,
            reserved_per_second=settings.broker.reserved_per_second,
            policies=self._policies,
        )

    @property
    def counts(self) -> dict[str, int]:
        """Messages of IB, undecodable ones, connects; types nobody has a use for; the pacing of what is sent."""
        pacing = self.link.outbox.state
        return {
            **self._counts,
            **{f"unused_{kind}": count for kind, count in self.link.inbound.unused.items()},
            "tokens": pacing.tokens,
            **{f"queued_{priority.name.lower()}": pacing.queued[priority] for priority in Priority},
            "oldest_wait_ms": pacing.oldest_wait_ns // 1_000_000,
        }

    @property
    def connected(self) -> bool:
        """Whether there is a socket on which a cancel can be tried."""
        return self.phase in (LinkPhase.READY, LinkPhase.DEGRADED, LinkPhase.SYNCING)

    # ------------------------------------------------------------ Listener

    def on_messages(self, messages: Sequence[BusMessage]) -> None:
        """Journal, publish, and learn what the next command will need to know."""
        self._counts["messages"] += len(messages)
        kill_point("gateway.heard.before")
        self._publish(*messages)
        kill_point("gateway.heard.after")
        for message in messages:
            for learn in self._hearers.get(type(message), ()):
                learn(message)

    def _look_for_twin(self, event: OrderLifecycleEvent) -> None:
        if (younger := self._twins.observe(event)) is None:
            return
        ours = younger.client_id == self.client_id
        log.error("two orders under one ref", order_ref=younger.ref, perm_id=younger.perm_id, ours=ours)
        self._publish(alerts.twins(younger, ours=ours))
        if ours:
            self.link.cancel(younger.order_id)

    def on_undecodable(self, payload: bytes, error: Exception) -> None:
        """Loud, counted, kept with its bytes, and the connection lives on."""
        self._counts["undecodable"] += 1
        self._quarantine.keep("IB", repr(error), payload[:MAX_KEPT])
        self._publish(alerts.undecodable(payload, error))

    def on_closed(self, reason: str) -> None:
        """The socket is gone: from now on, not from when the task notices."""
        self._lost_reason = reason
        self._lost.set()
        if self._recovering is not None:
            self._recovering.cancel()
        if self.phase is not LinkPhase.DOWN:
            self._to(LinkPhase.DOWN, reason)

    # ------------------------------------------------------------ life

    async def run(self) -> None:
        """Connect, and connect again, for ever. Cancel to stop. Raises what the sink raised."""
        attempt = 0
        try:
            while True:
                try:
                    await self._connect()
                    await self._alive(self._rebuild())
                    attempt = 0
                    await self._watch()
                except (OSError, TimeoutError) as error:
                    if self._failure is not None:
                        raise self._failure from error
                    self._to(LinkPhase.DOWN, self._reason(error))
                self.link.disconnect()
                await asyncio.sleep(self._backoff(attempt))
                attempt += 1
        finally:
            self._to(LinkPhase.DOWN, "gateway stopped")
            self.link.disconnect()

    def stream(self, contract: ContractSpec) -> None:
        """Stream a qualified contract's quotes, on this connection and on every later one."""
        self._streams[contract.con_id] = contract
        if self.phase in (LinkPhase.READY, LinkPhase.DEGRADED):  # else the rebuild will
            self.link.stream_quotes(contract)

    def release(self, con_id: int) -> None:
        """Stop a contract's quotes, on this connection and on every later one."""
        self._streams.pop(con_id, None)
        self.link.release_quotes(con_id)

    async def _connect(self) -> None:
        broker = self._settings.broker
        port = self._settings.broker_port()
        if port is None:
            raise OSError(f"no port yet in {broker.port_file}: is the paper gateway running?")
        self._to(LinkPhase.CONNECTING, f"{broker.host}:{port}")
        self._lost.clear()
        self._inquire.clear()
        self._connectivity = Connectivity()
        self._known.new_connection()
        self._counts["connects"] += 1
        await self.link.connect(broker.host, port, self.client_id, timeout_s=broker.connect_timeout_s)
        self.link.keep_ids_above(self._known.highest_order_id)
        self.account = choose_account(self.link.accounts, broker.account, self._settings.mode)

    async def _rebuild(self) -> None:
        """Ask for everything, until nothing was lost meanwhile."""
        if self._recovering is not None:
            self._recovering.cancel()  # of the rebuild before, whose rounds this one begins anew
        self._to(LinkPhase.SYNCING, "rebuilding from IB")
        self._resync.set()
        while self._resync.is_set():
            self._resync.clear()
            await self._ask_for_everything()
        self._listing.complete()
        self._judge("rebuilt from IB")
        doubts = self._known.doubts()
        if doubts:
            self._publish(alerts.in_doubt([doubt.intent.delivery for doubt in doubts]))
            self._recovering = asyncio.ensure_future(self._recover())
            self._recovering.add_done_callback(self._recovered)

    def _recovered(self, task: asyncio.Task[None]) -> None:
        """Whatever ended it but its own end makes the connection begin anew."""
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, OSError | TimeoutError):
                self._failure = self._failure or error
            self.on_closed(f"orders in doubt could not be looked up: {error!r}")

    async def _ask_for_everything(self) -> None:
        """One request at a time; all of them must be answered."""
        if self._data_lost:
            self._data_lost = False
            self.link.forget_quotes()
        self._current.begin_rebuild()
        self._twins.forget()
        self._listing.begin()
        for ask in (
            self.link.positions,
            self.link.open_orders,
            self.link.completed_orders,
            self.link.executions,
            self.link.account_summary,
        ):
            await self._insist(ask)
        vanished = self._current.vanished(time.monotonic_ns())
        if vanished:
            self.on_messages(vanished)
        self.link.keep_ids_above(self._known.highest_order_id)
        self.link.pnl(self.account)
        for contract in self._streams.values():
            self.link.stream_quotes(contract)
        await self._ask_about_doubts()

    async def _recover(self) -> None:
        """Orders in doubt after a rebuild, which was the first round: settle, ask again, then decide.

        A connection that is lost meanwhile ends this; the next rebuild begins anew.
        """
        kill_point("gateway.recover.begun")
        await asyncio.sleep(self._settings.broker.settle_s)
        kill_point("gateway.recover.settled")
        if self._connectivity.server:
            return  # IB has not told all it knows
        for ask in (self.link.open_orders, self.link.completed_orders, self.link.executions):
            await self._insist(ask)
        kill_point("gateway.recover.asked")
        for doubt in self._known.doubts():
            request, sent = doubt.intent.request, doubt.sent
            decision = recovery.decide(
                evidence=False, rounds=ROUNDS, sent=sent, now_ms=now_ms(), expires_ms=request.expires_ms
            )
            log.error(
                "order in doubt", signal_id=request.signal.id, order_ref=request.delivery, decision=decision
            )
            kill_point("gateway.recover.decided")
            if decision == "resend":
                self.resend(doubt.intent)
            else:
                why = recovery.reason(sent=sent)
                self.on_messages([OrderParked(delivery=request.delivery, request=request, reason=why)])

    async def _insist(self, ask: Callable[[float], Awaitable[None]]) -> None:
        for left in reversed(range(ATTEMPTS)):
            try:
                await ask(self.request_timeout_s)
            except TimeoutError:
                if left == 0:
                    raise TimeoutError(f"IB did not answer {ask.__name__} {ATTEMPTS} times") from None
            else:
                return

    async def _watch(self) -> None:
        """Until the connection is lost: probe a silent socket, ask IB again where there is a reason to."""
        deadline_s = self._settings.broker.heartbeat_timeout_s
        while True:
            await first_of(self._lost, self._resync, self._inquire, timeout_s=deadline_s / 4)
            if self._lost.is_set():
                raise OSError(self._lost_reason)
            if self._resync.is_set() or self._known.silent(now_ms()):
                self._known.new_connection()
                await self._alive(self._rebuild())
            if self._inquire.is_set():
                self._inquire.clear()
                await self._alive(self._ask_about_doubts())
            await probe(self.link, deadline_s)

    def _alive(self, work: Coroutine[object, object, None]) -> Awaitable[None]:
        return while_alive(self.link, self._settings.broker.heartbeat_timeout_s, work)

    async def _ask_about_doubts(self) -> None:
        """What an error left open, IB's own lists of orders settle."""
        for _ in range(ROUNDS):
            if not self._doubts:
                return
            await self._insist(self.link.open_orders)
            await self._insist(self.link.completed_orders)
        if self._connectivity.server:  # they went away meanwhile: their return asks again
            return
        now_ns = time.monotonic_ns()
        verdict = self._doubts.conclude(now_ns)
        if ends := [*verdict.never, *self._current.unlisted(verdict.over, self.client_id, now_ns)]:
            self.on_messages(ends)

    def _on_error(self, error: BrokerError) -> None:
        if error.policy == "link":
            self._on_link_error(error)
            return
        if error.ref and not self._policies.lists(error.code):
            self._publish(alerts.unknown_error(error))
        heard = not self.link.inbound.bridge.unheard(error.request_id)
        self._doubts.observe(error, heard=heard, works=self._current.works(error.ref, self.client_id))
        if self._doubts:
            self._inquire.set()

    def _on_link_error(self, error: BrokerError) -> None:
        """Gateway to IB's servers. Even where IB kept the data, what it withheld may never come unasked."""
        heard = hear(self._connectivity, error.code, error.text)
        self._connectivity = heard.state
        if heard.rebuild:
            self._data_lost = self._data_lost or heard.data_lost
            self._resync.set()
        elif self.phase in (LinkPhase.READY, LinkPhase.DEGRADED):
            self._judge(error.text)

    def _judge(self, reason: str) -> None:
        """READY, or DEGRADED with what does not work."""
        trouble = self._connectivity.trouble
        if trouble:
            self._to(LinkPhase.DEGRADED, trouble)
        elif self.phase is not LinkPhase.READY:
            self._to(LinkPhase.READY, reason)
            self.on_ready()

    def _backoff(self, attempt: int) -> float:
        broker = self._settings.broker
        return backoff_s(
            attempt, first_s=broker.backoff_first_s, longest_s=broker.backoff_max_s, jitter=random.random()
        )

    def _reason(self, error: Exception) -> str:
        until = self._resets.until(datetime.now(UTC))
        expected = f" (IB resets its servers until {until:%H:%M} UTC)" if until else ""
        return (str(error) or type(error).__name__) + expected

    def _to(self, phase: LinkPhase, reason: str) -> None:
        last = self._current.link
        if last is not None and (last.phase, last.reason) == (phase, reason):
            return  # the same refusal at every attempt is said once
        self.phase = phase
        log.info("link", phase=phase.value, reason=reason)
        state = LinkState(
            phase=phase,
            reason=reason,
            accounts=self.link.accounts if phase in (LinkPhase.SYNCING, LinkPhase.READY) else (),
            account=self.account,
            server_version=self.link.server_version,
            client_id=self.client_id,
        )
        self._current.observe(state)
        if phase is LinkPhase.READY:
            state = self._listing.take(state, self._current.positions(), self._current.orders())
        self._publish(state)

    def _publish(self, *messages: BusMessage) -> None:
        try:
            self._sink(*messages)
        except Exception as error:
            self._failure = error
            self._lost.set()
            raise
