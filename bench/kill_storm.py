"""SIGKILL the gateway in mid-storm, again and again, and judge what subscribers heard by the paper ledger.

`make storm`: KILLS kills (100; QUICK=1: 20), SEED as printed. Orders are sent through the gateway's own commands: some
fill at once, some in parts over several ticks of the market, some rest from one life of the gateway to the next, and
some of those are cancelled. A second subscriber, a process, is stopped (SIGSTOP) for ten seconds meanwhile.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.observer import Heard, Observer
from bench.oracle import Verdict, as_end, ends, holdings, judge, wrong_orders
from bench.stand import PROJECT, Stand
from router.messages import Action, CancelOrders

RESULTS = PROJECT / "bench" / "results" / "storm.json"
LIFE_S = (0.05, 0.8)  # how long a READY gateway lives, at random
ANSWER_S = 0.1  # an answer that is lost with the gateway is not waited for
SETTLE_S = 20.0
STOP_S = 10.0  # of the second subscriber
TICK_S = "0.1"  # between two moves of the market: what one tick does not fill, a later one does
RESTING = 40  # orders at most that rest at a time
QUANTITIES = (1, 100, 900, 5_000, 20_000)
FAR = {"BUY": 50.0, "SELL": 1_500.0}  # limits that the market does not come to


class Storm:
    """A stand, two subscribers, and a client that sends and cancels orders."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stand = Stand("--seed", str(seed), "--tick", TICK_S)
        self.sent: Counter[str] = Counter()
        self.observer = Observer(self.stand.source)
        self._resting: list[str] = []
        self._lines = self.stand.root / "heard"
        self._second = self.stand.start("bench.observer", str(self.stand.root), str(self._lines))

    def act(self) -> None:
        """One order, or the cancel of one that rests; an answer that is lost with the gateway is not waited for."""
        action: Action = self.random.choice(("BUY", "SELL"))
        dice = self.random.random()
        if dice < 0.15 and self._resting:
            ref = self._resting.pop(self.random.randrange(len(self._resting)))
            self.sent["cancels"] += 1
            self.stand.ask(CancelOrders(refs=(ref,)), ANSWER_S)
        elif dice < 0.35 and len(self._resting) < RESTING:
            self.sent["resting"] += 1
            self.stand.order(self.random.choice(QUANTITIES), action, FAR[action], ANSWER_S)
            self._resting.append(self.stand.last_ref)
        else:
            self.sent["market"] += 1
            self.stand.order(self.random.choice(QUANTITIES), action, None, ANSWER_S)

    def live(self) -> None:
        """One life of the gateway, as long as it happens to be."""
        until = time.monotonic() + self.random.uniform(*LIFE_S)
        while time.monotonic() < until:
            self.act()

    def kill(self) -> float:
        """SIGKILL the gateway, start it again; returns the seconds from its start to READY."""
        self.stand.kill()
        begun = time.monotonic()
        self.stand.start_gateway()
        self.stand.await_ready()
        return time.monotonic() - begun

    def stop_second(self, seconds: float) -> threading.Timer:
        """SIGSTOP the second subscriber, and SIGCONT it after so long."""
        self._second.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, self._second.send_signal, (signal.SIGCONT,))
        timer.start()
        return timer

    def second(self) -> Heard:
        """What the second subscriber has heard so far."""
        return Heard.read(self._lines)

    def close(self) -> None:
        """End everything."""
        self.observer.end()
        self.stand.close()


def blow(kills: int, seed: int, stop_s: float = STOP_S) -> dict[str, Any]:
    """Run a storm; returns its figures, `sound` among them."""
    storm = Storm(seed)
    ready: list[float] = []
    timer: threading.Timer | None = None
    try:
        storm.stand.await_ready()
        for number in range(kills):
            if number == kills // 3:
                timer = storm.stop_second(stop_s)
            storm.live()
            ready.append(storm.kill())
        if timer is not None:
            timer.join()
        return _figures(storm, _settled(storm), ready, seed, stop_s)
    finally:
        if timer is not None:
            timer.cancel()
        storm.close()


def _settled(storm: Storm) -> dict[str, Any]:
    """The verdicts once all is sound and equal, or as they stand at the deadline."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        findings = _findings(storm)
        if findings["sound"] or time.monotonic() > deadline:
            return findings
        time.sleep(0.2)


def _findings(storm: Storm) -> dict[str, Any]:
    """What the ledger, the subscribers and the gateway say, compared."""
    now = storm.stand.await_ready()
    records = storm.stand.records("order", "execution", "error")
    executions = [record for record in records if record["kind"] == "execution"]
    told = ends(records)
    first, second = storm.observer.heard, storm.second()
    verdict, later = judge(executions, list(first.fills)), judge(executions, second.fills)
    working = {event.perm_id: event.status for event in now.orders}
    positions = {one.contract.con_id: round(one.quantity) for one in now.positions}
    found = {
        **verdict._asdict(),
        "in_parts": sum(parts > 1 for parts in Counter(one["perm_id"] for one in executions).values()),
        "wrong_orders": wrong_orders(told, dict(first.statuses)),
        "orders_equal": working.keys() == {perm_id for perm_id, end in told.items() if not end}
        and not any(map(as_end, working.values())),
        "positions_equal": positions == holdings(executions),
        "without_commission": verdict.executions - len(first.paid),
        "resets": first.resets,
        "stopped_sound": _whole(later, second, told),
    }
    sound = _whole(verdict, first, told) and found["stopped_sound"]
    return {**found, "sound": sound and found["orders_equal"] and found["positions_equal"]}


def _whole(verdict: Verdict, heard: Heard, told: dict[int, str]) -> bool:
    """Whether a subscriber heard all of it once, in order, and without having to begin anew."""
    right = verdict.executions > 0 and verdict.sound and not heard.resets
    paid = len(heard.paid) == verdict.executions
    return right and paid and not wrong_orders(told, dict(heard.statuses))


def _figures(
    storm: Storm, findings: dict[str, Any], ready: list[float], seed: int, stop_s: float
) -> dict[str, Any]:
    ready = sorted(ready)
    return {
        "kills": len(ready),
        "seed": seed,
        "orders": len(storm.stand.records("order")),
        **storm.sent,
        **findings,
        "stopped_seconds": stop_s,
        "ready_seconds_p50": round(statistics.median(ready), 3),
        "ready_seconds_p99": round(ready[int(len(ready) * 0.99)], 3),
    }


def keep(figures: dict[str, Any], path: Path = RESULTS) -> None:
    """Write figures under `gateway_storm`, and at the top wherever another storm has not put its own."""
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    ours = before.get("gateway_storm", {})
    free = {key: value for key, value in figures.items() if key not in before or before[key] == ours.get(key)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(before | free | {"gateway_storm": figures}, indent=2) + "\n")


def main(run: Callable[[int, int], dict[str, Any]] = blow) -> int:
    """Exit status: 0 when nothing was lost, doubled, out of order or left wrong, else 1."""
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
