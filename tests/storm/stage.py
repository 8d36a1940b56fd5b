"""The stack without supervisord: started, killed and started again at will, with signals to work on."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from conf.settings import Settings, load
from ipc.bus import Context, JournalReader, NoReply, Options, Requester, Source, Subscriber
from router.contract import fingerprint
from router.messages import (
    Flatten,
    FlattenReply,
    Heartbeat,
    HoldingsQuery,
    HoldingsReply,
    Message,
    SignalSized,
)
from tests.helpers import make_root
from tests.nursery import Nursery
from workers.cli.demo import STRIKES, demo_signal
from workers.store import keys
from workers.store.client import Client, StoreAway, Word, connect

ROLES = ("sizing", "submission", "gateway")  # the way of an order: these are killed most
AROUND = ("dispatch", "redis")  # these now and then
WORKING = {"sizing": "candidates", "submission": "placing"}  # what a heartbeat calls that which is on its way
# In this order; the broker is never killed.
FIRST = ("redis", "paper", "gateway", "dispatch", "submission", "sizing")
LIBRARIES = (  # of the router, not the router: that is loaded by each process, with its kill point
    "ib_insync",
    "zmq",
    "redis",
    "msgspec",
    "structlog",
    "orjson",
    "zoneinfo",
    "holidays",
    "conf.settings",
)
REDIS_S = 10.0  # for Redis to come back
LIST = keys.execution_list("SPY")
MAX_AGE_MS = 20_000
OLD_MS = 15_000  # age of a signal that is soon stale
UNLISTED = 450.37  # strike
SPEED = {  # a restart costs little, a signal stays fresh over it, and nothing is refused for want of money
    "ROUTER_BROKER__BACKOFF_FIRST_S": "0.02",
    "ROUTER_BROKER__BACKOFF_MAX_S": "0.2",
    "ROUTER_BROKER__SETTLE_S": "0.2",
    "ROUTER_BUS__RESEND_S": "0.2",
    "ROUTER_INGRESS__MAX_AGE_MS": str(MAX_AGE_MS),
    "ROUTER_INGRESS__MAX_PER_SYMBOL": "1000",
    "ROUTER_RISK__MAX_POSITIONS": "1000",
    "ROUTER_SIZING__BASE_FRACTION": "0.002",
    "ROUTER_PAPER__CASH": "1000000",
    "ROUTER_MONITOR__HEARTBEAT_S": "0.2",
    "ROUTER_LOG__FORMAT": "json",
}


class StormError(AssertionError):
    """The stack did not do what it had to within its time."""


class Stage:
    """One root with its processes. Use as a context manager: nothing is left running."""

    def __init__(self, root: Path, *, bug: str = "", bug_in: str = "") -> None:
        self.root = make_root(root)
        self._bug, self._bug_in = bug, bug_in
        env = {**os.environ, "ROUTER_HOME": str(root), **SPEED}
        self.settings: Settings = load(root, env)
        self.settings.paths.make()
        # What is killed leaves no coverage behind, and measuring it makes each of the many starts several times as long.
        self._nursery = Nursery(*LIBRARIES, env=env)
        self._pids: dict[str, int] = {}
        self._role_of: dict[int, str] = {}
        self._fell_s: dict[str, float] = {}  # when a role's process last ended
        self.crashes: list[str] = []  # roles that ended otherwise than by SIGKILL, and how
        self._numbers = itertools.count(time.time_ns() % 10**9)
        self.context = Context(Options(linger_ms=0))
        self.redis: Client = connect(self.settings.redis_url, name="storm")
        self.sent: list[str] = []
        self.pushed_again = 0
        self._stale_s = 0.0
        self._waiting: dict[str, str] = {}  # payloads of signals without an ack, as far as was looked

    def __enter__(self) -> Stage:
        try:
            for role in FIRST:
                self.start(role)
            self.call("PING")
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for role in list(self._pids):
            self.kill(role)
        self._nursery.close()
        self.redis.close()
        self.context.close()

    # ------------------------------------------------------------ processes

    def start(self, role: str, kill_point: str = "") -> int:
        """Start a process, armed or not; returns its pid."""
        program: tuple[str, ...] = ("workers", role)
        if self._bug and role == self._bug_in:
            program = ("tests.storm.bugs", self._bug, role)
        log = self.settings.paths.log / f"{role}.log"
        pid = self._nursery.start(*program, log=log, env={"ROUTER_KILL_POINT": kill_point})
        self._pids[role], self._role_of[pid] = pid, role
        if role == "redis":
            self._push_again()
        return pid

    def kill(self, role: str) -> None:
        """SIGKILL, and wait for the end."""
        pid = self._pids.pop(role)
        self._fell_s[role] = time.monotonic()
        with suppress(ProcessLookupError):  # it ended by itself just now: `crashes` says so
            if not self.has_ended(pid):
                os.kill(pid, signal.SIGKILL)
        self.await_true(lambda: self.has_ended(pid), f"{role} has ended")

    def has_ended(self, pid: int) -> bool:
        """Whether a process has ended, by whatever means."""
        self._listen()
        return pid in self._nursery.ended

    def died_of_kill(self, pid: int) -> bool:
        """Whether it was SIGKILL."""
        return self._nursery.ended.get(pid) == -signal.SIGKILL

    def pid(self, role: str) -> int:
        """The present process of a role."""
        return self._pids[role]

    def revive(self) -> None:
        """Start again what ended by itself, as supervisord would."""
        self._listen()
        for role in [role for role, pid in self._pids.items() if pid in self._nursery.ended]:
            self.start(role)

    def _listen(self) -> None:
        for pid, status in self._nursery.listen():
            self._note_end(pid, status)

    def _note_end(self, pid: int, status: int) -> None:
        role = self._role_of.get(pid, "")
        if self._pids.get(role) == pid:
            self._fell_s[role] = time.monotonic()
        if status != -signal.SIGKILL:
            self.crashes.append(f"{role} ended with {status}")

    # ------------------------------------------------------------ waiting and asking

    def await_true(self, look: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        """Wait for `look`. Raises StormError."""
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                raise StormError(f"not within {seconds:g} s: {what}")
            time.sleep(0.005)

    def await_ready(self, seconds: float = 30.0) -> float:
        """Until the gateway is READY; returns the seconds since its last process ended."""
        begun = time.monotonic()
        self.await_true(lambda: self.holdings() is not None, "the gateway is READY", seconds)
        return time.monotonic() - self._fell_s.get("gateway", begun)

    def await_idle(self) -> None:
        """Until sizing and submission, by two heartbeats in a row, have nothing on its way.

        A signal's end may be told before all who worked on it know; what dies then is asked for that signal again.
        """
        idle: dict[str, int] = dict.fromkeys(WORKING, 0)  # heartbeats
        publishers = [Source(role, self.settings.pub(role), self.settings.cmd(role)) for role in WORKING]
        subscriber = Subscriber(self.context, publishers, ("heartbeat",), positions=None)

        def heard() -> bool:
            self.revive()
            for envelope in subscriber.receive():
                if isinstance(beat := envelope.message, Heartbeat):
                    works = beat.state != "ready" or beat.progress[WORKING[beat.process]]
                    idle[beat.process] = 0 if works else idle[beat.process] + 1
            return min(idle.values()) >= 2

        try:
            self.await_true(heard, "sizing and submission have nothing on its way")
        finally:
            subscriber.close()

    def holdings(self) -> HoldingsReply | None:
        """What the gateway says is held, None while it is not READY."""
        reply = self.ask(HoldingsQuery(), 0.2)
        return reply if isinstance(reply, HoldingsReply) else None

    def now(self) -> HoldingsReply:
        """What is held and what works, once the gateway is READY to say so."""
        while (holdings := self.holdings()) is None:
            self.await_ready()
        return holdings

    def flatten(self) -> None:
        """Close everything, so that money never runs out."""
        if not isinstance(self.ask(Flatten(), 15.0), FlattenReply):
            raise StormError("the account could not be made flat")

    def ask(self, command: Message, timeout_s: float) -> Message | None:
        """Ask the gateway; None without an answer in time."""
        requester = Requester(self.context, self.settings.cmd("gateway"), resend_s=timeout_s)
        try:
            return requester.call(command, timeout_s=timeout_s)
        except NoReply:
            return None
        finally:
            requester.close()

    def call(self, *command: Word) -> Any:
        """A command to Redis, repeated while Redis is away. Raises StoreAway when it stays away."""
        deadline = time.monotonic() + REDIS_S
        while True:
            try:
                return self.redis.call(*command)
            except StoreAway:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    # ------------------------------------------------------------ signals

    def send(self, *, targets: int = 1, kind: str = "") -> str:
        """Send a fresh signal; with more than one target its bracket has as many pairs. Returns its id.

        Of a `kind` that is refused: by sizing (`dry_run`), for its contract (`unlisted`), or soon, when it is stale (`old`).
        """
        at = datetime.now(UTC) - timedelta(milliseconds=OLD_MS if kind == "old" else 0)
        self._stale_s = time.monotonic() + (MAX_AGE_MS - OLD_MS) / 1000
        document: dict[str, Any] = demo_signal(at, next(self._numbers))
        if targets > 1:
            document["targets"] = [500.0 + number for number in range(targets)]
        strike = UNLISTED if kind == "unlisted" else STRIKES[len(self.sent) % len(STRIKES)]
        contract = document["contract"] | {"strike": strike}
        document |= {
            "dry_run": kind == "dry_run",
            "contract": contract,
            "contract_fp": fingerprint(contract, symbol="SPY", strategy="1dte", side="LONG"),
        }
        payload = json.dumps(document)
        self.call("LPUSH", LIST, payload)  # twice, if Redis dies over the reply
        self.sent.append(document["id"])
        self._waiting[document["id"]] = payload
        return str(document["id"])

    def was_sized(self, signal_id: str) -> bool:
        """Whether sizing has handed it on."""
        journal = JournalReader(self.settings.journal("sizing"))
        sized = (envelope.message for envelope in journal.read(topic="decision"))
        return any(isinstance(m, SignalSized) and m.request.signal.id == signal_id for m in sized)

    def await_stale(self) -> None:
        """Until the last signal, an `old` one, may not be sent any more."""
        self.await_true(lambda: time.monotonic() > self._stale_s, "a stale signal")

    def _push_again(self) -> None:
        """What Redis had acknowledged and not written when it was killed the platform would have to send again.

        A signal goes from the list to the taken to its ack, so looking in this order misses none.
        """
        for signal_id, payload in list(self._waiting.items()):
            listed = payload.encode() in self.call("LRANGE", LIST, 0, -1)
            taken = any(signal_id.encode() in value for value in self.call("HVALS", keys.TAKEN))
            if self.ack(signal_id) is not None:
                del self._waiting[signal_id]
            elif not listed and not taken:
                self.pushed_again += 1
                self.call("LPUSH", LIST, payload)

    def ack(self, signal_id: str) -> dict[str, Any] | None:
        """The signal's ack, once it has one."""
        raw = self.call("GET", keys.ack(signal_id))
        return dict(json.loads(raw)) if raw else None
