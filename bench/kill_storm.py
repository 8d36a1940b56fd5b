"""SIGKILL the gateway in mid-storm, again and again, and judge what a subscriber heard by the paper ledger.

`make storm`: KILLS kills (100; QUICK=1: 20), SEED as printed. Orders are sent through the gateway's own commands.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.oracle import Verdict, judge
from conf.settings import load
from ipc.bus import BEGINNING, Context, NoReply, Options, Position, Requester, Source, Subscriber
from router.messages import (
    Action,
    ContractSpec,
    ExecutionFill,
    HoldingsQuery,
    HoldingsReply,
    Leg,
    Message,
    OrderLifecycleEvent,
    PlaceOrders,
)

PROJECT = Path(__file__).parent.parent
RESULTS = PROJECT / "bench" / "results" / "storm.json"
AAPL = ContractSpec("STK", "AAPL", con_id=265598)
READY_S = 30.0
LIFE_S = (0.05, 0.8)  # how long a READY gateway lives, at random
TURN_S = 2.0  # after which the observer begins again from its positions
FAST = {"ROUTER_BROKER__BACKOFF_FIRST_S": "0.02", "ROUTER_BROKER__BACKOFF_MAX_S": "0.2"}


class Observer(threading.Thread):
    """Hears trade messages, and begins again from its positions every TURN_S."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._ended = threading.Event()
        self.fills: list[ExecutionFill] = []
        self.statuses: dict[int, str] = {}  # the last of each permId
        self.resets = 0

    def run(self) -> None:
        """Until `end`."""
        positions: dict[str, Position] = {self._source.name: BEGINNING}
        with Context(Options(linger_ms=0)) as context:
            while not self._ended.is_set():
                subscriber = Subscriber(
                    context, [self._source], ("trade",), positions, on_reset=lambda _: self._reset()
                )
                until = time.monotonic() + TURN_S
                while time.monotonic() < until and not self._ended.wait(0.005):
                    for envelope in subscriber.receive():
                        self._hear(envelope.message)
                positions = subscriber.positions
                subscriber.close()

    def end(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        self.join(10)

    def _reset(self) -> None:
        self.resets += 1

    def _hear(self, message: Message) -> None:
        match message:
            case ExecutionFill():
                self.fills.append(message)
            case OrderLifecycleEvent():
                self.statuses[message.perm_id] = message.status
            case _:
                pass


class Storm:
    """The paper gateway, the gateway, and a client that sends orders. Nothing is left running after `close`."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        shutil.copytree(PROJECT / "conf", root / "conf", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        self._env = {**os.environ, **FAST, "ROUTER_HOME": str(root)}
        self.settings = load(root, self._env)
        self.settings.paths.make()
        self.ledger = self.settings.paths.var / "paper.ledger"
        self._log = (root / "log").open("wb")
        self._context = Context(Options(linger_ms=0))
        self._cmd = self.settings.cmd("gateway")
        self.sent = 0
        account = self.settings.paper.account
        port_file = str(self.settings.paths.run / "paper.port")
        options = ("--port-file", port_file, "--ledger", str(self.ledger), "--seed", str(seed))
        self._paper = self._start(
            "paper", "--port", "0", "--cash", "1000000000", "--account", account, *options
        )
        self._gateway = self._start("workers", "gateway")
        self.observer = Observer(Source("gateway", self.settings.pub("gateway"), self._cmd))
        self.observer.start()

    def await_ready(self) -> HoldingsReply:
        """Until the gateway answers as one that is READY. Raises TimeoutError."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            reply = self._ask(HoldingsQuery(), 0.1)
            if isinstance(reply, HoldingsReply):
                return reply
            time.sleep(0.005)
        raise TimeoutError(f"the gateway is not READY after {READY_S:g} s")

    def place(self) -> None:
        """One order for what fills in one or more parts; an answer that is lost with the gateway is not waited for."""
        self.sent += 1
        name = f"K{self.sent}-storm"
        action: Action = self.random.choice(("BUY", "SELL"))
        leg = Leg(f"{name}-X", "exit", action, "MKT", self.random.choice((1, 100, 900)), tif="DAY")
        account = self.settings.paper.account
        self._ask(PlaceOrders(name, account, AAPL, (leg,), "storm"), 0.1)

    def kill(self) -> float:
        """SIGKILL the gateway, start it again; returns the seconds from its start to READY."""
        self._gateway.send_signal(signal.SIGKILL)
        self._gateway.wait(10)
        begun = time.monotonic()
        self._gateway = self._start("workers", "gateway")
        self.await_ready()
        return time.monotonic() - begun

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Records of the paper ledger."""
        lines = self.ledger.read_bytes().split(b"\n")[:-1]
        return [record for record in map(json.loads, lines) if record["kind"] == kind]

    def close(self) -> None:
        """End everything."""
        for process in (self._gateway, self._paper):
            process.kill()
            process.wait(10)
        self.observer.end()
        self._context.close()
        self._log.close()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", *command]
        return subprocess.Popen(line, cwd=PROJECT, env=self._env, stdout=self._log, stderr=self._log)

    def _ask(self, command: Message, timeout_s: float) -> Message | None:
        requester = Requester(self._context, self._cmd, resend_s=timeout_s)
        try:
            return requester.call(command, timeout_s=timeout_s)
        except NoReply:
            return None
        finally:
            requester.close()


def blow(kills: int, seed: int) -> dict[str, Any]:
    """Run a storm; returns its figures, `sound` among them."""
    root = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
    storm = Storm(root, seed)
    ready = []
    try:
        storm.await_ready()
        for _ in range(kills):
            until = time.monotonic() + storm.random.uniform(*LIFE_S)
            while time.monotonic() < until:
                storm.place()
            ready.append(storm.kill())
        verdict, equal = _settled(storm)
        return _figures(storm, verdict, equal, ready, seed)
    finally:
        storm.close()
        shutil.rmtree(root)


def _settled(storm: Storm, seconds: float = 15.0) -> tuple[Verdict, dict[str, bool]]:
    """The verdict once it is sound and everything is equal, or as it stands at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        verdict = judge(storm.records("execution"), list(storm.observer.fills))
        equal = {"orders_equal": _orders_equal(storm), "positions_equal": _positions_equal(storm)}
        if (verdict.sound and all(equal.values())) or time.monotonic() > deadline:
            return verdict, equal
        time.sleep(0.1)


def _orders_equal(storm: Storm) -> bool:
    """Every order of the ledger was heard of, no other, and as Filled exactly where its fills make it so."""
    filled: Counter[int] = Counter()
    for record in storm.records("execution"):
        filled[record["perm_id"]] += round(float(record["shares"]))
    wanted = {
        order["perm_id"]: filled[order["perm_id"]] == round(float(order["quantity"]))
        for order in storm.records("order")
    }
    return wanted == {perm_id: status == "Filled" for perm_id, status in storm.observer.statuses.items()}


def _positions_equal(storm: Storm) -> bool:
    wanted: Counter[int] = Counter()
    for record in storm.records("execution"):
        wanted[record["con_id"]] += round(float(record["shares"])) * (1 if record["action"] == "BUY" else -1)
    told = {position.contract.con_id: round(position.quantity) for position in storm.await_ready().positions}
    return told == {con_id: quantity for con_id, quantity in wanted.items() if quantity}


def _figures(
    storm: Storm, verdict: Verdict, equal: dict[str, bool], ready: list[float], seed: int
) -> dict[str, Any]:
    ready = sorted(ready)
    return {
        "kills": len(ready),
        "seed": seed,
        "orders": len(storm.records("order")),
        **verdict._asdict(),
        **equal,
        "resets": storm.observer.resets,
        "ready_seconds_p50": round(statistics.median(ready), 3),
        "ready_seconds_p99": round(ready[int(len(ready) * 0.99)], 3),
        "sound": verdict.executions > 0
        and verdict.sound
        and all(equal.values())
        and not storm.observer.resets,
    }


def keep(figures: dict[str, Any], path: Path = RESULTS) -> None:
    """Write figures under `gateway_storm`, and at the top wherever another storm has not put its own."""
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    ours = before.get("gateway_storm", {})
    free = {key: value for key, value in figures.items() if key not in before or before[key] == ours.get(key)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(before | free | {"gateway_storm": figures}, indent=2) + "\n")


def main(run: Callable[[int, int], dict[str, Any]] = blow) -> int:
    """Exit status: 0 when nothing was lost, doubled or out of order, else 1."""
    kills = int(os.environ.get("KILLS") or (20 if os.environ.get("QUICK") == "1" else 100))
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {seed}", flush=True)
    figures = run(kills, seed)
    keep(figures)
    for name, value in figures.items():
        print(f"{name:>20}  {value}")
    return 0 if figures["sound"] else 1


if __name__ == "__main__":
    sys.exit(main())
