"""`router run`: the whole stack as a child of this command, one demo signal, its life told as it happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from conf.settings import Settings
from ipc.bus import Envelope, Subscriber
from ipc.loop import Loop
from ipc.topics import TOPICS
from router.messages import Heartbeat
from router.signal import delivery_of, parse
from workers.cli import bus
from workers.cli.health import PROCESSES, Exit
from workers.cli.life import Life, Line
from workers.cli.signals import send_demo
from workers.cli.stack import Down, Stack, Unreachable
from workers.cli.tail import Printer, follow
from workers.guard import die_with_parent
from workers.store.client import Client, StoreAway, connect
from workers.store.producer import Emitted, ack_of, exit_of

READY_S = 60.0  # for every process to become ready
LIFE_S = 60.0  # for the demo signal's whole life
LOOK_S = 0.02  # between two looks; also how long a line is held, so that lines come in order of time
CHECK_S = 1.0  # between two looks at supervisord while the stack starts
KILL_S = 10.0  # for supervisord to end when it was told to
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FAILING = ("BACKOFF", "EXITED")  # states of a program that has ended and will be started again
CALM = ("trade", "decision", "egress", "link")  # what is shown after the demo: no quotes, no heartbeats
HINTS = """
status     {router} status
tail       {router} tail             (--json for machines)
again      {router} signal send --demo
logs       {log}
dashboard  none in this version: `status` and `tail` say what there is to see

following the bus; Ctrl-C stops everything"""


class Failed(Exception):
    """The run did not do what it is for; the text says why."""


def run(settings: Settings, *, once: bool, with_parent: bool = False) -> int:
    """Start, send, tell, follow, stop. With `once` end by itself: 0 only if the whole life was seen.

    `with_parent`: whoever started this, `make` for one, takes it along however it ends.
    """
    if with_parent:
        die_with_parent(signal.SIGTERM)
    stack = Stack(settings.root)
    if stack.is_up():
        print(f"router: a stack runs in {settings.root} already: `router down` stops it", file=sys.stderr)
        return Exit.DEGRADED
    settings.paths.make()
    print(f"starting the stack in {settings.root} (profile {settings.profile})", flush=True)
    with _interruptible(), _started(stack) as child, bus.context(settings) as joined:
        subscriber = bus.listen(joined, settings, TOPICS)
        redis = connect(settings.redis_url, name="cli", timeout_s=settings.redis.socket_timeout_s)
        try:
            return _live(settings, Readiness(stack, child), subscriber, redis, once=once)
        except KeyboardInterrupt:
            with suppress(OSError):  # a terminal that was closed
                print(flush=True)
                if once:
                    print(
                        "router: interrupted before the signal's life was over", file=sys.stderr, flush=True
                    )
            return Exit.DEGRADED if once else Exit.OK
        finally:
            redis.close()
            subscriber.close()


def _live(
    settings: Settings, readiness: Readiness, subscriber: Subscriber, redis: Client, *, once: bool
) -> int:
    """Everything between start and stop; returns the exit code."""
    problem = ""
    try:
        if not until(subscriber, readiness.hear, readiness.look, READY_S):
            raise Failed(f"not ready after {READY_S:.0f} s: {readiness.waiting}")
        tell_life(subscriber, redis)
    except (Failed, StoreAway) as error:
        problem = str(error)
        print(f"router: {problem}", file=sys.stderr, flush=True)
    if once:
        return Exit.DEGRADED if problem else Exit.OK
    print(HINTS.format(router=sys.argv[0], log=settings.paths.log), flush=True)
    follow(subscriber, Printer(lambda envelope: envelope.topic in CALM))
    return Exit.OK


def until(
    subscriber: Subscriber,
    hear: Callable[[Sequence[Envelope]], object],
    look: Callable[[], bool],
    seconds: float,
) -> bool:
    """Hand on what comes and look every LOOK_S; True as soon as `look` says so, False when the time is over."""
    loop = Loop()
    found = False

    def check() -> None:
        nonlocal found
        found = look()
        if found:
            loop.stop()

    loop.attach(subscriber, hear)
    loop.every(LOOK_S, check)
    loop.after(seconds, loop.stop)
    try:
        loop.run()
    finally:
        loop.detach(subscriber)
        loop.close()
    return found


class Readiness:
    """Waits until every process says by heartbeat that it is ready; tells what it waits for when that changes."""

    def __init__(self, stack: Stack, child: subprocess.Popen[bytes]) -> None:
        self._stack = stack
        self._child = child
        self._begun = time.monotonic()
        self._looked = self._begun
        self._missing = dict.fromkeys(PROCESSES, "to start")
        self._said: set[str] = set()

    @property
    def waiting(self) -> str:
        """Who is not ready, and why; empty when all are."""
        return ", ".join(f"{name} ({what})" for name, what in self._missing.items() if what)

    def hear(self, envelopes: Sequence[Envelope]) -> None:
        """Take the heartbeats."""
        for envelope in envelopes:
            if isinstance(beat := envelope.message, Heartbeat):
                self._missing[beat.process] = "" if beat.state == "ready" else beat.waiting_for or beat.state

    def look(self) -> bool:
        """Whether all are ready. Raises Failed when supervisord has ended or a program refuses to run."""
        now = time.monotonic()
        if not self.waiting:
            print(f"ready after {now - self._begun:.1f} s", flush=True)
            return True
        if now - self._looked >= CHECK_S:
            self._looked = now
            self._check()
            self._say(f"waiting for {self.waiting}")
        return False

    def _say(self, text: str) -> None:
        """Once: a process that is started again and again is back where it was each time."""
        if text not in self._said:
            print(f"  {text}", flush=True)
            self._said.add(text)

    def _check(self) -> None:
        if self._child.poll() is not None:
            raise Failed(f"supervisord ended with {self._child.returncode}: see var/log/supervisord.log")
        try:
            programs = self._stack.programs()
        except Down:
            return  # its socket is not there yet
        lost = [program.problem for program in programs if program.given_up]
        if lost:
            raise Failed("; ".join(lost))
        for program in programs:
            if program.problem and program.state in FAILING:
                self._say(program.problem)


def tell_life(subscriber: Subscriber, redis: Client) -> None:
    """Send the demo signal and print its life. Raises Failed unless it runs its whole course in time."""
    document, emitted, sent_ns = send_demo(redis)
    if emitted is not Emitted.SENT:
        raise Failed(f"the demo signal was not sent: {emitted.name}")
    payload = json.dumps(document).encode()
    print(f"signal {document['id']} sent to Redis list signals:execution:{document['symbol']}", flush=True)
    life = Life(document["id"], delivery_of(parse(payload)))
    story = Story(life, redis, sent_ns)
    done = until(subscriber, story.hear, story.look, LIFE_S)
    if life.end:
        raise Failed(f"the signal ended early: {life.end}")
    if not done:
        raise Failed(f"not within {LIFE_S:.0f} s: {life.missing() or 'EXIT and ack readable in Redis'}")


class Story:
    """Prints the lines of a life with the ms since the signal was sent, in order of time over all publishers."""

    def __init__(self, life: Life, redis: Client, sent_ns: int) -> None:
        self._life = life
        self._redis = redis
        self._sent_ns = sent_ns
        self._held: list[Envelope] = []

    def hear(self, envelopes: Sequence[Envelope]) -> None:
        """Hold what came until nothing earlier can come any more."""
        self._held += envelopes

    def look(self) -> bool:
        """Tell what is old enough. True when the life is over, and confirmed by Redis if it ran its course."""
        horizon = time.monotonic_ns() - int(LOOK_S * 1e9)
        self._held.sort(key=lambda envelope: envelope.published_ns)
        due = [envelope for envelope in self._held if envelope.published_ns <= horizon]
        self._held = self._held[len(due) :]
        for envelope in due:
            for line in self._life.observe(envelope.message):
                self._print(envelope.published_ns, line)
        return bool(self._life.end) or (self._life.complete and self._confirmed())

    def _confirmed(self) -> bool:
        ack, ended = ack_of(self._redis, self._life.signal_id), exit_of(self._redis, self._life.signal_id)
        if ack is None or ended is None:
            return False
        if ack.get("status") != "FILLED":
            raise Failed(f"the ack in Redis says {ack.get('status')}, not FILLED")
        lifecycle = ended.get("lifecycle", {})
        self._print(
            time.monotonic_ns(),
            Line(
                "in Redis",
                f"ack {ack['status']}; EXIT {lifecycle.get('result')} by {lifecycle.get('reason')}, "
                f"realized {lifecycle.get('realized_pnl')} USD",
            ),
        )
        return True

    def _print(self, at_ns: int, line: Line) -> None:
        print(f"{(at_ns - self._sent_ns) / 1e6:>10.1f} ms  {line.stage:<12}  {line.text}", flush=True)


@contextmanager
def _started(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """supervisord as a child; afterwards neither it nor any of its programs is there any more."""
    child = stack.start_attached()
    try:
        yield child
    finally:
        for number in STOPPING:
            signal.signal(
                number, signal.SIG_IGN
            )  # the stop is bounded; a second Ctrl-C must not orphan anybody
        with suppress(OSError):  # nobody may be there to read it, and that may be why this ends
            print("stopping the stack", flush=True)
        try:
            stack.stop()
        except (Down, Unreachable):
            child.terminate()
        try:
            child.wait(KILL_S)
        except subprocess.TimeoutExpired:
            child.kill()  # its programs go with it: each asked the kernel for that
            child.wait()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end the run as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
