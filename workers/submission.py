"""Submission: turns order requests into brackets, has the gateway send them once, cancels entries that rest too long.

It keeps no orders: a request is remembered until the gateway has answered for it, and sizing asks again when
this process dies before that. The gateway decides whether a delivery is new, so asking twice sends once; what was
refused is told once, by what the journal says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conf.settings import Settings
from ipc.bus import Envelope, Requester, Reset
from router.bracket import legs
from router.messages import (
    BrokerError,
    CancelOrders,
    CommandRefused,
    FindDelivery,
    LinkPhase,
    LinkState,
    Message,
    OrderLifecycleEvent,
    OrderRequest,
    OrderSubmitted,
    OrderTimedOut,
    PlaceBracket,
    PlaceReply,
    SignalRefused,
)
from router.reasons import Reason, ending
from router.refusal import alarming
from router.signal import age_ms
from router.timeouts import EntryTimeouts, Resting, alert
from workers.clock import now_ms
from workers.earlier import Earlier
from workers.guardian import Guardian
from workers.killpoint import kill_point
from workers.role import LoopShell
from workers.runner import run
from workers.subscription import subscribe

RETRY_S = 0.1  # before a bracket that the gateway could not take is offered again
GUARD_S = 0.05  # between two looks at what is protected
SWEEP_S = 0.25  # between two looks for entries whose time is up


@dataclass
class Placing:
    """A request that the gateway has not answered for."""

    request_id: str
    request: OrderRequest
    attempts: int = 0


class Submission:
    """From an order request to a bracket at the gateway (a Worker)."""

    def __init__(self, shell: LoopShell) -> None:
        self._shell = shell
        self._settings = settings = shell.settings
        self._log = shell.log
        self._events = subscribe(shell, on_reset=self._on_reset)
        self._gateway = Requester(
            shell.context,
            settings.cmd("gateway"),
            resend_s=settings.bus.resend_s,
            quarantine=shell.quarantine,
        )
        self._timeouts = EntryTimeouts(settings.entry)
        self._guardian = Guardian(settings, self._gateway, shell.log, shell.publisher.publish)
        self._earlier = Earlier(shell.publisher.journal)
        self._placing: dict[str, Placing] = {}
        self._link: LinkState | None = None
        self._counts = {"requests": 0, "sent": 0, "adopted": 0, "in_doubt": 0, "refused": 0, "timed_out": 0}

    # ------------------------------------------------------------ Worker

    @property
    def waiting_for(self) -> str:
        """The IB connection, as the gateway tells it."""
        if self._link is None:
            return "the gateway process"
        if self._link.phase is not LinkPhase.READY:
            return f"IB connection: {self._link.phase} ({self._link.reason})"
        return ""

    @property
    def progress(self) -> dict[str, int]:
        """Requests and what became of them, entries resting."""
        return {
            **self._counts,
            **self._guardian.counts,
            "placing": len(self._placing),
            "resting": len(self._timeouts),
        }

    def handle(self, request_id: str, message: Message) -> Message | None:
        """An order request from sizing, answered once the gateway has answered for it; or whether there is one."""
        if isinstance(message, FindDelivery):
            return self._find(message.delivery)
        if not isinstance(message, OrderRequest):
            return CommandRefused(
                code=Reason.UNKNOWN_COMMAND, text=f"submission has no {type(message).__name__}"
            )
        kill_point("submission.request")
        self._counts["requests"] += 1
        if self._earlier.refused(message.delivery):  # by a life that died before it could answer
            return PlaceReply(delivery=message.delivery, outcome="refused")
        placing = Placing(request_id, message)
        self._placing[message.delivery] = placing
        self._place(placing)
        return None

    def _find(self, delivery: str) -> Message:
        """Whether a request of an earlier sizing is still offered to the gateway, or its end was told."""
        if delivery in self._placing:
            return CommandRefused(Reason.WAITING, f"{delivery} is being offered to the gateway", retry=True)
        refused = self._earlier.refused(delivery)
        return PlaceReply(delivery=delivery, outcome="refused" if refused else "unknown")

    def snapshot(self) -> Iterable[Message]:
        """Submission has no state that a late subscriber needs."""
        return ()

    def start(self) -> None:
        """Listen to the gateway."""
        loop = self._shell.loop
        loop.attach(self._events, self._on_events)
        loop.attach(self._gateway)
        loop.every(SWEEP_S, self._sweep)
        loop.every(GUARD_S, self._guardian.sweep)

    def drain(self) -> bool:
        """Done once the gateway has answered for everything that was begun."""
        return not self._placing

    def close(self) -> None:
        """Nothing is held outside the bus."""

    # ------------------------------------------------------------ place

    def _place(self, placing: Placing) -> None:
        placing.attempts += 1
        request = placing.request
        command = PlaceBracket(
            request=request,
            legs=legs(
                request,
                outside_rth=self._settings.entry.outside_rth,
                ladder=self._guardian.ladder(request.contract.sec_type),
            ),
        )
        kill_point("submission.place.before")
        self._gateway.send(
            f"{request.delivery}/{placing.attempts}", command, lambda reply: self._on_placed(placing, reply)
        )
        kill_point("submission.place.after")

    def _on_placed(self, placing: Placing, reply: Message) -> None:
        kill_point("submission.placed")
        request = placing.request
        match reply:
            case PlaceReply(outcome="sent" | "adopted" as how):
                self._counts[how] += 1
                kill_point("submission.told.before")
                self._shell.publisher.publish(
                    OrderSubmitted(delivery=request.delivery, signal_id=request.signal.id, how=how)
                )
                kill_point("submission.told.after")
            case PlaceReply():
                self._counts["in_doubt"] += 1  # the gateway finds out, or parks it
            case CommandRefused(retry=True) if now_ms() <= request.expires_ms:
                self._shell.loop.after(RETRY_S, lambda: self._place(placing))
                return
            case CommandRefused(code=Reason.STALE) | CommandRefused(retry=True):
                words = Reason.STALE.words.format(age=age_ms(request.signal, now_ms()))
                self._refuse(request, Reason.STALE, words, reply)
            case CommandRefused():
                self._refuse(request, ending(reply.code, Reason.NOT_SENT), reply.text, reply)
            case _:
                raise TypeError(f"the gateway answered PlaceBracket with {type(reply).__name__}")
        del self._placing[request.delivery]
        if isinstance(reply, CommandRefused):  # told by now: sizing would tell what nobody has
            reply = PlaceReply(delivery=request.delivery, outcome="refused")
        kill_point("submission.reply.before")
        self._shell.responder.reply(placing.request_id, reply)
        kill_point("submission.reply.after")

    def _refuse(self, request: OrderRequest, code: Reason, reason: str, reply: CommandRefused) -> None:
        self._counts["refused"] += 1
        signal, status = request.signal, code.status
        self._log.info("order refused", signal_id=signal.id, status=status, reason=reason, detail=reply.text)
        refused = SignalRefused(
            delivery=request.delivery,
            ticket=request.ticket,
            status=status,
            reason=reason,
            signal=signal,
            signal_id=signal.id,
            symbol=signal.symbol,
            field=reply.code,
            value=reply.text,
            code=code,
        )
        kill_point("submission.refused.before")
        self._shell.publisher.publish(refused)
        self._earlier.observe(refused)
        kill_point("submission.refused.after")

    # ------------------------------------------------------------ entries that rest too long

    def _on_reset(self, reset: Reset) -> None:
        """Something was missed that nobody can tell any more; what is left of it all comes in a snapshot."""
        self._log.warning("beginning anew from the gateway's snapshot", reason=reset.reason)
        self._guardian.forget()
        self._timeouts.forget()

    def _on_events(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._guardian.observe(envelope.message)
            match envelope.message:
                case OrderLifecycleEvent() as event:
                    self._timeouts.observe(event, time.monotonic_ns())
                case BrokerError() as error:
                    alarm = alarming(error, now_ms())
                    if alarm is not None:
                        self._shell.publisher.publish(alarm)
                case LinkState() as link:
                    self._link = link
                    for resting in self._timeouts.hear(link, time.monotonic_ns()):
                        self._log.warning("entry rested while IB was away, cancelling", order_ref=resting.ref)
                        self._send_cancel(resting)
                case _:
                    pass

    def _sweep(self) -> None:
        now_ns = time.monotonic_ns()
        for resting in self._timeouts.due(now_ns):
            if not resting.told:
                self._tell(resting, (now_ns - resting.since_ns) / 1e9)
            self._send_cancel(resting)

    def _tell(self, resting: Resting, after_s: float) -> None:
        self._counts["timed_out"] += 1
        self._log.warning("entry timed out, cancelling", order_ref=resting.ref, after_s=round(after_s, 1))
        signal_id = resting.delivery.rpartition("-")[0]
        self._shell.publisher.publish(
            OrderTimedOut(delivery=resting.delivery, signal_id=signal_id, after_s=after_s), alert(resting)
        )

    def _send_cancel(self, resting: Resting) -> None:
        def on_reply(reply: Message) -> None:
            if isinstance(reply, CommandRefused):
                self._log.error("cancel refused", order_ref=resting.ref, code=reply.code, detail=reply.text)
                if reply.retry:
                    self._timeouts.put_back(resting)

        name = f"{resting.ref}/cancel/{resting.since_ns}"
        self._gateway.send(name, CancelOrders(refs=(resting.ref,)), on_reply)


def main(settings: Settings) -> int:
    """Entry of `python -m workers submission`."""
    return run(settings, "submission", Submission)
