"""Sizing: reads signals, gates them, prices and sizes them, hands an order request to submission.

Decisions are `router.signal`, `router.risk`, `router.kelly` and `router.bracket`; this shell brings them what
they look at. A signal here is a Candidate until it has left: refused, or answered for by submission. Killed at
any point, the next sizing finds it in Redis: what was refused stays so, of the rest it asks the gateway first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from conf.settings import Settings
from ipc.bus import Envelope, Requester, Reset
from router import risk
from router.broker_view import BrokerView
from router.contract import describe
from router.entry import check
from router.errors import FieldError
from router.gates import PlatformGates
from router.messages import (
    CommandRefused,
    ContractReady,
    FindDelivery,
    Message,
    OrderRequest,
    PlaceReply,
    PrepareContract,
    Quote,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
)
from router.order import order_request
from router.quote import priced
from router.reasons import Reason, ending
from router.refusal import denied, unreadable, unusable
from router.sessions import trading_ended
from router.signal import delivery_of, parse
from workers.candidate import Candidate, Looks
from workers.clock import now_ms
from workers.earlier import Earlier
from workers.killpoint import kill_point
from workers.role import LoopShell
from workers.runner import run
from workers.store.client import StoreAway, connect
from workers.store.ingress import Taken
from workers.store.intake import Intake
from workers.store.platform import read_gates
from workers.subscription import subscribe

RETRY_S = 0.1  # before a command that was refused for now is tried again
GATES_NS = 50_000_000  # for which what the platform allows is as good as new


class Sizing:
    """The only reader of signals (a Worker)."""

    def __init__(self, shell: LoopShell) -> None:
        self._shell = shell
        self._settings = settings = shell.settings
        self._log = shell.log
        self._redis = connect(settings.redis_url, name="sizing", timeout_s=settings.redis.socket_timeout_s)
        self._intake = Intake(settings, self._redis)
        self._events = subscribe(shell, on_reset=self._on_reset)
        self._gateway = Requester(
            shell.context,
            settings.cmd("gateway"),
            resend_s=settings.bus.resend_s,
            quarantine=shell.quarantine,
        )
        self._submission = Requester(
            shell.context, settings.cmd("submission"), resend_s=settings.bus.resend_s
        )
        self._view = BrokerView()
        self._looks = Looks(settings, self._view)
        self._candidates: dict[str, Candidate] = {}
        self._earlier = Earlier(shell.publisher.journal)
        self._draining = False
        self._counts = {"received": 0, "refused": 0, "sized": 0, "submitted": 0}

    # ------------------------------------------------------------ Worker

    @property
    def waiting_for(self) -> str:
        """Redis, the IB connection, the account: in that order."""
        if self._intake.problem:
            return self._intake.problem
        return self._view.waiting_for

    @property
    def progress(self) -> dict[str, int]:
        """Signals received, refused, sized and submitted, and those on their way."""
        return {**self._counts, "candidates": len(self._candidates)}

    def handle(self, request_id: str, message: Message) -> Message | None:
        """Sizing takes no commands."""
        return CommandRefused(Reason.UNKNOWN_COMMAND, f"sizing has no {type(message).__name__}")

    def snapshot(self) -> Iterable[Message]:
        """Sizing has no state that a late subscriber needs."""
        return ()

    def start(self) -> None:
        """Listen to the gateway and to Redis."""
        loop = self._shell.loop
        loop.attach(self._events, self._on_events)
        loop.attach(self._gateway)
        loop.attach(self._submission)
        loop.every(self._settings.ingress.poll_s, self._take)
        self._intake.start(lambda: loop.post(self._take))

    def drain(self) -> bool:
        """Take nothing more; what is on its way may finish, and stays in Redis if it does not."""
        self._draining = True
        return not self._candidates

    def close(self) -> None:
        """Stop the wakers and leave Redis."""
        self._intake.stop()
        self._redis.close()

    # ------------------------------------------------------------ in: the bus

    def _on_reset(self, reset: Reset) -> None:
        """Something was missed that nobody can tell any more; what is left of it all comes in a snapshot."""
        self._log.warning("beginning anew from the gateway's snapshot", reason=reset.reason)
        self._view.forget()

    def _on_events(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._view.observe(envelope.message)
            if isinstance(envelope.message, Quote):
                self._on_quote(envelope.message)

    # ------------------------------------------------------------ in: signals

    def _take(self) -> None:
        """Take what is there. Until everything needed is there too, signals wait in Redis."""
        if self._draining or not self._intake.reachable() or self.waiting_for:
            return
        kill_point("sizing.take.before")
        for taken in self._intake.collect():
            kill_point("sizing.take.after")
            self._receive(taken)

    def _receive(self, taken: Taken) -> None:
        self._counts["received"] += 1
        try:
            signal = parse(taken.payload)
        except FieldError as error:
            self._tell_refused(unreadable(taken.payload, taken.ticket, error))
            return
        candidate = Candidate(delivery_of(signal), signal, taken.ticket)
        again = taken.redelivered or self._earlier.received(candidate.delivery)
        received = SignalReceived(candidate.delivery, signal, taken.ticket, taken.redelivered)
        kill_point("sizing.received.before")
        self._publish(received)
        kill_point("sizing.received.after")
        if candidate.delivery in self._candidates or self._earlier.refused(candidate.delivery):
            return  # the same delivery twice: what becomes, or became, of the first one answers for both
        self._candidates[candidate.delivery] = candidate
        if again:
            self._find(candidate)
        else:
            self._gate(candidate)

    def _find(self, candidate: Candidate) -> None:
        """Is submission still offering it, or was it sent, before the crash or by a process that died?"""
        candidate.attempts += 1
        name, question = f"{candidate.delivery}/{candidate.attempts}", FindDelivery(candidate.delivery)
        kill_point("sizing.find.before")
        self._submission.send(name, question, partial(self._on_found, candidate, self._find_sent))
        kill_point("sizing.find.after")

    def _find_sent(self, candidate: Candidate) -> None:
        question = FindDelivery(candidate.delivery)
        self._ask_gateway(candidate, question, partial(self._on_found, candidate, self._gate))

    def _on_found(self, candidate: Candidate, then: Callable[[Candidate], None], reply: Message) -> None:
        kill_point("sizing.found")
        match reply:
            case PlaceReply(outcome="unknown"):
                then(candidate)
            case PlaceReply():
                self._leave(candidate)  # its end is told from what IB says of it
            case _:
                self._again(candidate, self._find)

    # ------------------------------------------------------------ decide

    def _gate(self, candidate: Candidate) -> None:
        """Screen and gate before anything is spent on the signal."""
        candidate.gates = None
        gates = self._gates(candidate)
        if gates is None:
            self._again(candidate, self._gate)
            return
        facts = self._looks.facts(candidate, gates, now_ms=now_ms())
        try:
            risk.screen(facts)
        except FieldError as error:
            self._end(candidate, unusable(candidate.signal, candidate.ticket, error))
            return
        denial = risk.first_denial(facts, risk.TABLE)
        if denial is not None:
            self._deny(candidate, denial)
            return
        if not candidate.told:  # once, however often the gateway has to be asked again
            self._tell_gated(candidate)
        self._prepare(candidate)

    def _gates(self, candidate: Candidate) -> PlatformGates | None:
        """What the platform allows, read anew if the candidate has waited since; None while Redis is away."""
        now_ns = time.monotonic_ns()
        if candidate.gates is None or now_ns - candidate.gates_ns > GATES_NS:
            kill_point("sizing.gate.before")
            try:
                candidate.gates, candidate.gates_ns = read_gates(self._redis), now_ns
            except StoreAway as error:
                self._intake.problem = str(error)
                return None
            kill_point("sizing.gate.after")
        return candidate.gates

    def _prepare(self, candidate: Candidate) -> None:
        """Have the contract qualified and its quotes streamed."""

        def on_reply(reply: Message) -> None:
            kill_point("sizing.prepared")
            match reply:
                case ContractReady() if trading_ended(reply, datetime.now(UTC)):
                    what = "has expired: its last session is over"
                    error = FieldError(
                        "contract.expiry", reply.contract.expiry, what, Reason.CONTRACT_EXPIRED
                    )
                    self._end(candidate, unusable(candidate.signal, candidate.ticket, error))
                case ContractReady():
                    candidate.ready = reply
                    self._await_quote(candidate)
                case CommandRefused(retry=False):
                    code = ending(reply.code, Reason.CONTRACT_LOOKUP_FAILED)
                    what = describe(candidate.signal.contract)
                    words = code.words.format(
                        field="contract", value=what, problem=reply.text, text=reply.text
                    )
                    self._deny(candidate, risk.Denial(code, words, "contract", f"{what} {reply.text}"))
                case _:
                    self._again(candidate, self._prepare)

        kill_point("sizing.prepare.before")
        self._ask_gateway(candidate, PrepareContract(contract=candidate.signal.contract), on_reply)
        kill_point("sizing.prepare.after")

    def _await_quote(self, candidate: Candidate) -> None:
        wait_s = self._settings.entry.quote_wait_s
        candidate.deadline_ns = time.monotonic_ns() + int(wait_s * 1e9)
        if self._looks.priced(candidate, time.monotonic_ns()):
            self._size(candidate)
        else:
            deadline_ns = candidate.deadline_ns  # another wait has another one
            self._shell.loop.after(wait_s, lambda: self._give_up_on_quote(candidate, deadline_ns))

    def _on_quote(self, quote: Quote) -> None:
        for candidate in list(self._candidates.values()):
            ready = candidate.ready
            if ready is None or ready.contract.con_id != quote.con_id or not candidate.deadline_ns:
                continue
            if priced(quote):
                self._size(candidate)

    def _give_up_on_quote(self, candidate: Candidate, deadline_ns: int) -> None:
        if candidate.deadline_ns == deadline_ns and candidate.delivery in self._candidates:
            self._size(candidate)  # a signal with a price hint of its own may still be priced

    def _size(self, candidate: Candidate) -> None:
        """Everything is there: price, size, gate again, hand on."""
        candidate.deadline_ns = 0
        sized = self._looks.sized(candidate, time.monotonic_ns()) if self._gates(candidate) else None
        if sized is None:
            self._again(candidate, self._gate)
            return
        try:
            request = order_request(self._settings, sized)
        except FieldError as error:
            self._deny(candidate, risk.Denial(error.reason, str(error), error.field, error.value))
            return
        if request is None:
            detail = "no quote, only an old one, or none that leaves room for a stop"
            self._refuse(candidate, Reason.NO_MARKET_DATA, "quote", detail)
            return
        facts = self._looks.facts(candidate, sized.gates, now_ms=now_ms(), notional=request.notional)
        denial = risk.first_denial(facts, risk.TABLE)
        if denial is not None:
            self._deny(candidate, denial)
            return
        self._counts["sized"] += 1
        kill_point("sizing.sized.before")
        self._publish(SignalSized(delivery=candidate.delivery, request=request))
        kill_point("sizing.sized.after")
        if candidate.signal.dry_run:
            self._refuse(candidate, Reason.DRY_RUN, "dry_run", "sized but never sent")
            return
        self._hand_on(candidate, request)

    def _hand_on(self, candidate: Candidate, request: OrderRequest) -> None:
        """Submission answers for the order, and tells the end of one that the gateway refused. What submission itself
        could not take is nobody else's to tell."""

        def on_reply(reply: Message) -> None:
            kill_point("sizing.answered")
            match reply:
                case PlaceReply(outcome="refused"):
                    self._leave(candidate)
                case CommandRefused(retry=True) if now_ms() <= request.expires_ms:
                    self._shell.loop.after(RETRY_S, lambda: self._hand_on(candidate, request))
                case CommandRefused(retry=True):  # too old; but an earlier submission may have had it sent
                    self._find(candidate)
                case CommandRefused():
                    code = ending(reply.code, Reason.NOT_SENT)
                    self._deny(candidate, risk.Denial(code, reply.text, reply.code, reply.text))
                case _:
                    self._counts["submitted"] += 1
                    self._leave(candidate)

        kill_point("sizing.request.before")
        self._submission.send(candidate.delivery, request, on_reply)
        kill_point("sizing.request.after")

    # ------------------------------------------------------------ out

    def _ask_gateway(
        self, candidate: Candidate, command: Message, on_reply: Callable[[Message], None]
    ) -> None:
        candidate.attempts += 1
        request_id = f"{candidate.delivery}/{type(command).__name__}/{candidate.attempts}"
        self._gateway.send(request_id, command, on_reply)

    def _again(self, candidate: Candidate, step: Callable[[Candidate], None]) -> None:
        """Try the step once more soon; the freshness gate ends a signal that waits too long."""
        after = self._gate if step == self._prepare else step
        self._shell.loop.after(RETRY_S, lambda: after(candidate))

    def _refuse(self, candidate: Candidate, code: Reason, check: str, detail: str) -> None:
        self._deny(candidate, risk.Denial(code, code.words, check, detail))

    def _deny(self, candidate: Candidate, denial: risk.Denial) -> None:
        self._end(candidate, denied(candidate.signal, candidate.ticket, denial))

    def _end(self, candidate: Candidate, refused: SignalRefused) -> None:
        self._leave(candidate)
        self._tell_refused(refused)

    def _tell_gated(self, candidate: Candidate) -> None:
        candidate.told = True
        signal = candidate.signal
        gated = SignalGated(candidate.delivery, signal.id, signal.symbol, risk.NAMES)
        kill_point("sizing.gated.before")
        self._publish(gated)
        kill_point("sizing.gated.after")

    def _tell_refused(self, refused: SignalRefused) -> None:
        self._counts["refused"] += 1
        self._log.info(
            "signal refused",
            signal_id=refused.signal_id,
            status=refused.status,
            code=refused.code,
            reason=refused.reason,
            field=refused.field,
            value=refused.value,
        )
        kill_point("sizing.refused.before")
        self._publish(refused)
        kill_point("sizing.refused.after")

    def _leave(self, candidate: Candidate) -> None:
        candidate.deadline_ns = 0
        self._candidates.pop(candidate.delivery, None)

    def _publish(self, message: Message) -> None:
        self._shell.publisher.publish(message)
        self._earlier.observe(message)


def main(settings: Settings) -> int:
    """Entry of `python -m workers sizing`. Raises ConfigError for an entry that IB would never take."""
    check(settings.entry)
    return run(settings, "sizing", Sizing)
