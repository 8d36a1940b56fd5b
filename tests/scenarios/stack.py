"""The whole stack on a market that moves by hand only: what the scenarios of an order's life share."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from ipc.bus import LIVE, Envelope, JournalReader, Source, Subscriber
from router.messages import CancelAll, Heartbeat, OrderLifecycleEvent, PositionSnapshot
from router.protection import STOPS
from tests.helpers import PROJECT
from tests.paper.clients.desk import Hand
from tests.storm.stage import Stage
from workers.store import keys

FIRST_STRIKE = 420  # each trade has an option of its own: one dollar further up
SECONDS = 15.0  # for what takes milliseconds, on a machine that is busy with something else


class Stack(Stage):
    """Redis, gateway, sizing, submission and dispatch as in a storm; the paper gateway takes orders from the test."""

    def __init__(self, root: Path) -> None:
        self._paper: subprocess.Popen[bytes] | None = None
        self._control = Path(tempfile.mkdtemp(prefix="p", dir="/tmp")) / "s"  # short enough for a unix socket
        self.paper_options: tuple[str, ...] = ("--market", "still")
        super().__init__(root)
        self.strikes = itertools.count(FIRST_STRIKE)
        self.account = self.settings.paper.account
        self.known_twins = 0  # orderRefs that a test itself has used twice
        self.unguarded: set[int] = set()  # strikes of trades whose guard a test has kept from its work

    def __exit__(self, *given: object) -> None:
        super().__exit__(*given)
        self._control.unlink(missing_ok=True)
        self._control.parent.rmdir()

    def start(self, role: str, kill_point: str = "") -> int:
        """Start a process; paper with a control socket."""
        if role != "paper":
            return super().start(role, kill_point)
        command = [
            sys.executable, "-m", "paper", "--port", "0", "--port-file", self.settings.broker.port_file,
            "--account", self.settings.paper.account, "--ledger", str(self.ledger_file),
            "--control", str(self._control), "--tick", "0.02", *self.paper_options,
        ]  # fmt: skip
        with (self.settings.paths.log / "paper.log").open("ab") as log:
            self._paper = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
        self.await_true(self._control.exists, "the paper gateway listens")
        self._pids[role] = self._paper.pid
        return self._paper.pid

    def kill(self, role: str) -> None:
        """SIGKILL, and wait for the end."""
        if role != "paper":
            super().kill(role)
            return
        assert self._paper is not None
        self._paper.kill()
        self._paper.wait()
        del self._pids[role]

    # ------------------------------------------------------------ hands

    def do(self, statements: str) -> Any:
        """Have the paper gateway carry out statements of a scenario; returns what was told."""
        hand = Hand(str(self._control))
        try:
            return hand(statements)
        finally:
            hand.close()

    @contextmanager
    def configured(self, name: str, change: Callable[[str], str]) -> Iterator[None]:
        """Submission with a file of its configuration changed."""
        path = self.root / "conf" / name
        usual = path.read_text()
        path.write_text(change(usual))
        self.kill("submission")
        self.start("submission")
        try:
            yield
        finally:
            path.write_text(usual)
            self.kill("submission")
            self.start("submission")

    # ------------------------------------------------------------ what is

    @property
    def ledger_file(self) -> Path:
        """What the paper gateway writes down."""
        return self.settings.paths.var / "paper.ledger"

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's records of a kind, in order."""
        records = map(json.loads, self.ledger_file.read_text().splitlines())
        return [record for record in records if record["kind"] == kind]

    def live(self) -> list[OrderLifecycleEvent]:
        """Every order that works."""
        return list(self.now().orders)

    def held(self) -> dict[int, float]:
        """Quantity by conId of what is held."""
        return {one.contract.con_id: one.quantity for one in self.now().positions}

    def told(self) -> list[dict[str, Any]]:
        """What lies in the distributor's queue, oldest first."""
        return [json.loads(one) for one in reversed(self.redis.call("LRANGE", keys.DISTRIBUTION, 0, -1))]

    def journal(self, process: str, topic: str | None = None) -> Iterator[Envelope]:
        """What a process has said since the stack was started."""
        return iter(JournalReader(self.settings.journal(process), process).read(topic=topic))

    @contextmanager
    def alerts(self) -> Iterator[Alerts]:
        """What is said on the platform's channel from here on."""
        client = redis.Redis.from_url(self.settings.redis_url)
        heard = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py
        try:
            heard.subscribe(keys.ALERTS)
            assert heard.get_message(timeout=SECONDS), "subscribed"
            yield Alerts(heard)
        finally:
            heard.close()
            client.close()

    def progress(self, process: str) -> dict[str, int]:
        """How far a process says that it has come: its newest heartbeat."""
        subscriber = Subscriber(
            self.context,
            [Source(process, self.settings.pub(process), self.settings.cmd(process))],
            ("heartbeat",),
            {process: LIVE},
        )
        try:
            found: list[Heartbeat] = []

            def heard() -> bool:
                found.extend(e.message for e in subscriber.receive() if isinstance(e.message, Heartbeat))
                return bool(found)

            self.await_true(heard, f"a heartbeat of {process}", SECONDS)
            return found[-1].progress
        finally:
            subscriber.close()

    def is_protected(self) -> bool:
        """Whether, for each contract, the live stops that wait for nothing are exactly what is held."""
        holdings = self.now()
        stopped: Counter[int] = Counter()
        parents = {event.order_id for event in holdings.orders if event.order_id}
        for event in holdings.orders:
            if event.order_type in STOPS and event.contract and event.parent_id not in parents:
                stopped[event.contract.con_id] += round(event.remaining)
        held = {one.contract.con_id: round(abs(one.quantity)) for one in holdings.positions}
        return dict(stopped) == held

    def twins(self) -> int:
        """How many orderRefs the paper gateway has ever had two orders of this client under; must be none."""
        perm_ids: dict[str, set[int]] = defaultdict(set)
        for record in self.ledger("order"):
            if record["order_ref"] and record["client_id"] == self.settings.broker.client_id:
                perm_ids[record["order_ref"]].add(record["perm_id"])
        return sum(len(found) > 1 for found in perm_ids.values())

    def flat(self) -> None:
        """Back to nothing held and nothing at work, and the paper gateway to its usual self."""
        self.do("clear\n" + "\n".join(f"switch {name} {value}" for name, value in USUAL.items()))
        self.await_ready()
        self.await_true(self._is_flat, "everything is closed", SECONDS)

    def _is_flat(self) -> bool:
        if self.live():
            self.ask(CancelAll(), SECONDS)  # somebody else's too
        if self.held():
            self.flatten()
        return not self.held() and not self.live()


class Alerts:
    """Messages of `alerts:critical`."""

    def __init__(self, heard: Any) -> None:
        self._heard = heard

    def next(self, kind: str) -> dict[str, Any]:
        """The next alert of this type."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            message = self._heard.get_message(timeout=0.1)
            if (
                message
                and message["type"] == "message"
                and (alert := json.loads(message["data"]))["type"] == kind
            ):
                return dict(alert)
        raise AssertionError(f"no alert {kind} within {SECONDS:g} s")


USUAL = {
    "cancel_delay": "0",
    "fill_delay": "0",
    "child_modify_refused": "off",
    "oca_reduction": "proportional",
}


def positions_of(envelopes: Iterator[Envelope]) -> list[PositionSnapshot]:
    """IB's words on positions."""
    return [e.message for e in envelopes if isinstance(e.message, PositionSnapshot)]
