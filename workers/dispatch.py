"""Dispatch: the only writer of the platform's keys. Bus messages in, Redis out, in order, once.

`router.book` decides what the platform is told; each event's writes, the state behind them and the publisher's
offset are applied by one script. When Redis fails, everything in memory is dropped and read back once it
answers, and the publishers are followed again from the stored offsets: one way of starting, for every reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import groupby

from conf.settings import Settings
from ipc.bus import BEGINNING, Envelope, Position, Reset, Subscriber
from router.book import Book, Outcome
from router.effects import Acknowledge, DeadLetter, Distribute, Effect, Gauge, Warn
from router.messages import CommandRefused, Heartbeat, LinkState, Message, Published
from router.reasons import Reason
from workers.clock import now_ms
from workers.role import LoopShell
from workers.runner import run
from workers.store import egress, state
from workers.store.client import Command, StoreAway, connect
from workers.store.egress import Offset, Unit
from workers.store.platform import check_server
from workers.subscription import subscribe

DECISIONS, BROKER, TIMERS = ("sizing", "submission"), "gateway", "timers"
UNITS = 500  # events applied in one round trip
TICK_S = 0.02  # between two looks for waits that are over
PULSE_S = 5.0  # between two signs of life for the platform
TIDY_S = 3_600.0  # between two sweeps of what is long over
RETRY_FIRST_S, RETRY_MAX_S = 0.05, 2.0
CATCH_UP_S = 10.0  # after which waits end even if a publisher has not been reached
NEWS_MS = 900_000  # older events are not distributed again when Redis has lost the offsets


class Dispatch:
    """From the bus to Redis (a Worker)."""

    def __init__(self, shell: LoopShell) -> None:
        self._shell = shell
        self._settings = settings = shell.settings
        self._log = shell.log
        self._redis = connect(settings.redis_url, name="dispatch", timeout_s=settings.redis.socket_timeout_s)
        self._book: Book | None = None
        self._subscribers: tuple[Subscriber, ...] = ()
        self._problem = "Redis is not connected yet"
        self._retry_s = RETRY_FIRST_S
        self._resumed_s = 0.0
        self._timer_seq = 0
        self._applied: dict[str, Offset] = {}  # by publisher, as Redis must have it
        self._news_from_ms: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}  # publisher -> monotonic seconds of its last message
        self._connected: bool | None = None  # as written to execution:connection:status
        self._draining = False
        self._counts = {
            "events": 0,
            "repeated": 0,
            "told": 0,
            "errors": 0,
            "resumed": 0,
            "not_distributed": 0,
        }

    # ------------------------------------------------------------ Worker

    @property
    def waiting_for(self) -> str:
        """Redis, then the publishers."""
        if self._book is None:
            return self._problem or "Redis"
        silent = [name for name in (BROKER, *DECISIONS) if not self._hears(name)]
        return f"the {' and '.join(silent)} process" if silent else ""

    @property
    def progress(self) -> dict[str, int]:
        """Events applied, repetitions, things told to the platform, refused writes, deliveries known."""
        return {**self._counts, "deliveries": len(self._book.deliveries) if self._book else 0}

    def handle(self, request_id: str, message: Message) -> Message | None:
        """Dispatch takes no commands."""
        return CommandRefused(code=Reason.UNKNOWN_COMMAND, text=f"dispatch has no {type(message).__name__}")

    def snapshot(self) -> Iterable[Message]:
        """What was published is in Redis."""
        return ()

    def start(self) -> None:
        """Begin with Redis; the publishers follow from what it says."""
        loop = self._shell.loop
        loop.post(self._resume)
        loop.every(TICK_S, self._expire)
        loop.every(self._settings.monitor.heartbeat_s, self._watch)
        loop.every(PULSE_S, self._pulse)
        loop.every(TIDY_S, self._tidy)

    def drain(self) -> bool:
        """Each event is applied before the next is read, so there is nothing under way.

        Nobody will say it later, so the platform is told now that nothing is connected.
        """
        self._draining = True
        if self._book is not None:
            self._tell_connection(False)
        self._leave()
        return True

    def close(self) -> None:
        """Leave Redis."""
        self._redis.close()

    # ------------------------------------------------------------ start, and start again

    def _resume(self) -> None:
        """Continue from what Redis holds. Raises ConfigError when this Redis may lose it."""
        if self._draining:
            return
        try:
            for warning in check_server(self._redis):
                self._log.warning(warning)
            egress.load_script(self._redis)
            offsets = self._applied = state.read_offsets(self._redis)
            wait_ms = int(1000 * self._settings.lifecycle.commission_wait_s)
            book = Book(account=self._settings.broker.account, wait_ms=wait_ms)
            book.connection(False, now_ms())  # until the gateway has said otherwise
            self._counts["errors"] += state.load(self._redis, book, now_ms())
        except StoreAway as error:
            self._away(error)
            return
        self._problem, self._retry_s = "", RETRY_FIRST_S
        self._resumed_s = time.monotonic()
        self._counts["resumed"] += 1
        self._timer_seq = offsets.get(TIMERS, Offset(0, 0)).seq
        self._connected = None
        self._follow(offsets)
        self._book = book
        self._log.info("resumed", offsets={name: str(offset) for name, offset in offsets.items()})

    def _follow(self, offsets: dict[str, Offset]) -> None:
        """Decisions first: an OrderTimedOut should be known before the cancel that it caused."""
        positions = {
            name: Position(offsets[name].epoch, offsets[name].seq) if name in offsets else BEGINNING
            for name in (*DECISIONS, BROKER)
        }
        self._news_from_ms = dict.fromkeys(positions.keys() - offsets.keys(), now_ms() - NEWS_MS)
        self._subscribers = (
            self._subscriber(DECISIONS, positions),
            self._subscriber((BROKER,), positions),
        )
        for subscriber in self._subscribers:
            self._shell.loop.attach(subscriber, self._on_envelopes)

    def _subscriber(self, names: Sequence[str], positions: dict[str, Position]) -> Subscriber:
        own = {name: positions[name] for name in names}
        return subscribe(self._shell, only=names, positions=own, on_reset=self._on_reset)

    def _on_reset(self, reset: Reset) -> None:
        self._log.warning(
            "a journal could not be continued, starting from a snapshot",
            publisher=reset.publisher,
            reason=reset.reason,
        )

    def _away(self, error: StoreAway) -> None:
        """Drop everything and come back to it when Redis answers."""
        if self._book is not None or self._problem != str(error):
            self._log.warning("Redis is away, retrying", problem=str(error))
        self._problem = str(error)
        self._leave()
        self._redis.close()
        self._shell.loop.after(self._retry_s, self._resume)
        self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)

    def _leave(self) -> None:
        self._book = None
        for subscriber in self._subscribers:
            self._shell.loop.detach(subscriber)
            subscriber.close()
        self._subscribers = ()

    # ------------------------------------------------------------ events

    def _on_envelopes(self, envelopes: Sequence[Envelope]) -> None:
        book = self._book
        assert book is not None, "subscribers are attached as long as there is a book"
        units: list[tuple[Unit, Outcome]] = []
        beat: Heartbeat | None = (
            None  # the gateway's last word on its connection, unless a LinkState came after it
        )
        for whole, group in groupby(envelopes, key=lambda e: (e.publisher, e.seq) if e.snapshot else None):
            if whole:
                units.append(self._snapshot_unit(book, list(group)))
                continue
            for envelope in group:
                self._heard_s[envelope.publisher] = time.monotonic()
                message = envelope.message
                if not isinstance(message, Heartbeat):
                    units.append(self._unit(book, envelope))
                if envelope.publisher == BROKER and isinstance(message, Heartbeat | LinkState):
                    beat = message if isinstance(message, Heartbeat) else None
        for start in range(0, len(units), UNITS):
            if not self._apply(units[start : start + UNITS]):
                return
        if beat is not None:
            self._tell_connection(beat.state == "ready")

    def _unit(self, book: Book, envelope: Envelope) -> tuple[Unit, Outcome]:
        name, message, at_ms = envelope.publisher, envelope.message, envelope.at_ns // 1_000_000
        offset = Offset(envelope.epoch, envelope.seq)
        outcome = self._fold(book, [envelope], at_ms)
        if at_ms < self._news_from_ms.get(name, 0):
            outcome = self._old_news(outcome)
        unit = self._make(name, offset, type(message).__name__, outcome)
        if not outcome.repeated:
            entry = egress.stream_entry(
                message,
                publisher=name,
                offset=offset,
                at_ms=at_ms,
                maxlen=self._settings.redis.stream_maxlen,
            )
            unit.commands.extend([entry] if entry else [])
        return unit, outcome

    def _fold(self, book: Book, envelopes: Sequence[Envelope], at_ms: int) -> Outcome:
        """What the book cannot fold must not stop all that follows: told, counted, and still on its stream."""
        messages = [envelope.message for envelope in envelopes]
        first = messages[0]
        try:
            if envelopes[0].snapshot or (isinstance(first, LinkState) and first.held is not None):
                return book.restate(messages, at_ms=at_ms)
            return book.apply(first, at_ms=at_ms)
        except Exception:
            self._counts["errors"] += 1
            self._log.exception("event not folded", publisher=envelopes[0].publisher, messages=messages)
            return Outcome([], [])

    def _snapshot_unit(self, book: Book, envelopes: list[Envelope]) -> tuple[Unit, Outcome]:
        """A snapshot restates what is: to a stream goes only what filled unheard. It counts as one event."""
        first = envelopes[0]
        at_ms, offset = first.at_ns // 1_000_000, Offset(first.epoch, first.seq, 1)
        outcome = self._fold(book, envelopes, at_ms)
        unit = self._make(first.publisher, offset, "snapshot", outcome)
        unit.commands.extend(
            egress.restated(
                outcome.news,
                publisher=first.publisher,
                offset=offset,
                at_ms=at_ms,
                maxlen=self._settings.redis.stream_maxlen,
            )
        )
        return unit, outcome

    def _make(self, publisher: str, offset: Offset, event: str, outcome: Outcome) -> Unit:
        group = self._settings.ingress.group
        told = [command for effect in outcome.effects for command in egress.commands(effect, group)]
        kept = [command for change in outcome.memory for command in state.commands(change)]
        return Unit(publisher, offset, f"{publisher} {offset} {event}", told + kept)

    def _old_news(self, outcome: Outcome) -> Outcome:
        news = (Distribute, DeadLetter, Warn)
        kept: list[Effect] = [effect for effect in outcome.effects if not isinstance(effect, news)]
        self._counts["not_distributed"] += len(outcome.effects) - len(kept)
        return outcome._replace(effects=kept)

    def _apply(self, units: list[tuple[Unit, Outcome]]) -> bool:
        """Write, then say on the bus what can be read now. False when Redis is away."""
        try:
            applied = egress.apply(self._redis, [unit for unit, _ in units], self._applied)
        except StoreAway as error:
            self._away(error)
            return False
        published: list[Message] = []
        for (unit, outcome), result in zip(units, applied, strict=True):
            self._counts["events"] += 1
            self._counts["repeated"] += not result.new or outcome.repeated
            self._counts["errors"] += len(result.errors)
            for problem in result.errors:
                self._log.error("write refused, mend or delete the key", source=unit.event, problem=problem)
            if result.new:
                self._note_connection(outcome)
                published += [news for effect in outcome.effects if (news := announced(effect))]
        if published:
            self._counts["told"] += len(published)
            self._shell.publisher.publish(*published)
        return True

    # ------------------------------------------------------------ time

    def _expire(self) -> None:
        """End the waits that are over, once what was published meanwhile has been read."""
        book = self._book
        due_ms = book.next_due_ms() if book else None
        if book is None or due_ms is None or due_ms > now_ms() or not self._caught_up():
            return
        self._apply_timer(book.expire(now_ms()), "waited")

    def _tidy(self) -> None:
        if self._book is not None:
            self._apply_timer(self._book.forget(now_ms()), "tidied")

    def _apply_timer(self, outcome: Outcome, event: str) -> None:
        self._timer_seq += 1
        self._apply([(self._make(TIMERS, Offset(0, self._timer_seq), event, outcome), outcome)])

    def _caught_up(self) -> bool:
        late = time.monotonic() - self._resumed_s > CATCH_UP_S
        return late or all(subscriber.following for subscriber in self._subscribers)

    def _hears(self, name: str) -> bool:
        silent_s = time.monotonic() - self._heard_s.get(name, -1e9)
        return silent_s <= self._settings.monitor.stale_after_s

    # ------------------------------------------------------------ signs of life

    def _note_connection(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if isinstance(effect, Gauge) and effect.name == "connection":
                self._connected = effect.text == "connected"

    def _watch(self) -> None:
        """A gateway that died cannot say that its connection is gone."""
        if self._book is not None and not self._hears(BROKER):
            self._tell_connection(False)

    def _tell_connection(self, connected: bool) -> None:
        if self._book is not None:
            self._book.connection(connected, now_ms())
        if connected is not self._connected:
            self._connected = connected
            self._write(egress.commands(Gauge("connection", "connected" if connected else "failed"), ""))

    def _pulse(self) -> None:
        book = self._book
        if book is not None and self._connected:
            self._write(egress.heartbeat(time.time(), book.working(), book.held))

    def _write(self, commands: list[Command]) -> None:
        """Writes that may be repeated freely, outside the order of events."""
        try:
            self._redis.pipeline(commands)
        except StoreAway as error:
            self._away(error)


def announced(effect: Effect) -> Published | None:
    """What dispatch says on the bus of an effect that can be read in Redis now."""
    match effect:
        case Distribute(subject, kind, document):
            outcome, execution = document.get("lifecycle", {}), document["execution"]
            detail = document.get("reason") or " ".join(
                str(outcome[name]) for name in ("reason", "result", "realized_pnl") if name in outcome
            )
            return Published(kind, *subject, status=execution["status"], detail=detail)
        case Acknowledge(subject, _, document):
            return Published("ACK", *subject, status=document["status"], detail=document.get("reason", ""))
        case DeadLetter(subject, document):
            return Published("DEAD_LETTER", *subject, status="", detail=document["reason"])
        case _:
            return None


def main(settings: Settings) -> int:
    """Entry of `python -m workers dispatch`."""
    return run(settings, "dispatch", Dispatch)
