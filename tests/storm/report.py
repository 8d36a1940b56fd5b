"""The figures of a storm: gathered stack by stack, written after each, so that one cut short leaves what it had."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from tests.helpers import PROJECT
from tests.storm.kills import Tally
from tests.storm.oracle import Verdict
from workers.killpoint import POINTS

RESULTS = PROJECT / "bench" / "results" / "storm.json"
MOST = ("orders_per_ref_max", "entries_per_signal_max")
SUMS = (
    "signals",
    "orders",
    "in_doubt",
    "parked",
    "executions",
    "unaccounted",
    "acks_off",
    "belied",
    "lost",
    "doubled",
    "flipped",
    "pushed_again",
)


class Report:
    """`finished` says that all that was planned was done; without it a storm is never `sound`."""

    def __init__(self, seed: int, *, quick: bool, path: Path = RESULTS) -> None:
        self._seed, self._quick, self._path = seed, quick, path
        self._verdicts: list[Verdict] = []
        self._tallies: list[Tally] = []
        self._bugs: dict[str, list[str]] = {}
        self.failures: list[str] = []  # promises not kept, stacks that got stuck, and on which stack
        self.finished = False

    def add(self, tally: Tally) -> None:
        """Count a stack's kills from now on."""
        self._tallies.append(tally)

    def judged(self, name: str, verdict: Verdict) -> None:
        """A stack's verdict."""
        self._verdicts.append(verdict)
        self.failures += [f"{name}: broken: {promise}" for promise in verdict.broken]
        self.write()

    def planted(self, bug: str, broken: list[str]) -> None:
        """What a planted bug broke: nothing at all means that the storm does not see it."""
        self._bugs[bug] = broken
        if not broken:
            self.failures.append(f"bug {bug}: not caught")
        self.write()

    @property
    def kills(self) -> int:
        """So far."""
        return sum(tally.kills for tally in self._tallies)

    @property
    def sound(self) -> bool:
        """Whether everything was done, every kill point hit, every promise kept, every bug caught."""
        return self.finished and not self.failures and not self._missed()

    def figures(self) -> dict[str, Any]:
        """As they are written. A storm without a verdict yet has no maxima."""
        verdicts = self._verdicts
        ready = sorted(s for tally in self._tallies for s in tally.ready_s)
        killed = sum((tally.killed for tally in self._tallies), Counter[str]())
        statuses = sum((Counter(verdict.statuses) for verdict in verdicts), Counter[str]())
        return {
            "sound": self.sound,
            "finished": self.finished,
            "failures": self.failures,
            "seed": self._seed,
            "quick": self._quick,
            "stacks": len(self._tallies),
            "kills": self.kills,
            "kills_by_process": dict(sorted(killed.items())),
            **{name: sum(getattr(verdict, name) for verdict in verdicts) for name in SUMS},
            **{name: max((getattr(verdict, name) for verdict in verdicts), default=None) for name in MOST},
            "differences": [text for verdict in verdicts for text in verdict.differences],
            "crashes": [text for verdict in verdicts for text in verdict.crashes],
            "kill_points_hit": len(self._hit()),
            "kill_points_total": len(POINTS),
            "kill_points_missed": self._missed(),
            "ready_seconds_p50": round(statistics.median(ready), 3) if ready else None,
            "ready_seconds_p99": round(ready[int(len(ready) * 0.99)], 3) if ready else None,
            "ready_seconds_max": round(ready[-1], 3) if ready else None,
            "ready_count": len(ready),
            "acks": dict(sorted(statuses.items())),
            "bugs_caught": {bug: bool(broken) for bug, broken in self._bugs.items()},
            "bugs_broke": self._bugs,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        }

    def write(self) -> None:
        """Merge the figures into the file, which other storms share."""
        before = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_suffix(".new")
        whole.write_text(json.dumps(before | self.figures(), indent=2) + "\n")
        whole.replace(self._path)

    def _hit(self) -> set[str]:
        return set().union(*(tally.hit for tally in self._tallies))

    def _missed(self) -> list[str]:
        return sorted(set(POINTS) - self._hit())
