"""`make storm`: every kill point, twice in a row, random kills, and three planted bugs that must be caught.

QUICK=1 takes about five minutes; without it there are at least 3,000 kills. SEED=n repeats a storm. Figures are merged
into bench/results/storm.json. Exit status 1 when a promise was broken, a kill point was missed, or a bug was not caught.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers import PROJECT
from tests.storm.bugs import BUGS
from tests.storm.kills import Tally, Trial, at_points, at_random, every_trial, settle
from tests.storm.oracle import Verdict, judge
from tests.storm.stage import Stage, StormError
from workers.killpoint import POINTS

RESULTS = PROJECT / "bench" / "results" / "storm.json"
QUICK = os.environ.get("QUICK") == "1"
RANDOM_KILLS = 120 if QUICK else 3_000
RANDOM_S = 90.0 if QUICK else float("inf")
# where each bug shows: the process that has it, and the kills that bring it out
CATCH = {
    "skip_lookup": ("gateway", ("gateway.write.after", "gateway.sent.after", "submission.placed")),
    "order_id_in_ref": ("gateway", ("gateway.write.after", "gateway.sent.after", "gateway.reply.before")),
    "ack_before_durable": ("sizing", ("sizing.take.after", "sizing.gate.after", "sizing.prepare.after")),
}


def stormed(name: str, work: Callable[[Stage, Tally], None], *, bug: str = "") -> tuple[Verdict, Tally]:
    """One stack, one piece of work on it, and the verdict. A stack that gets stuck is judged as it stands."""
    root = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    tally = Tally()
    begun = time.monotonic()
    try:
        with Stage(root, bug=bug, bug_in=CATCH[bug][0] if bug else "") as stage:
            try:
                work(stage, tally)
            except StormError as error:
                print(f"{name}: {error}", file=sys.stderr)
            verdict = judge(stage)
    finally:
        keep = os.environ.get("KEEP")
        if keep:
            print(f"{name}: kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{name}: {tally.kills} kills in {time.monotonic() - begun:.0f} s, {verdict}", flush=True)
    return verdict, tally


def caught(bug: str) -> bool:
    """Whether the storm sees a planted bug."""

    def work(stage: Stage, tally: Tally) -> None:
        at_points(stage, [Trial(point) for point in CATCH[bug][1]], tally)
        settle(stage, tally)

    verdict, _ = stormed(f"bug {bug}", work, bug=bug)
    return not verdict.sound


def main() -> int:
    """Run it all; returns the exit status."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {seed}", flush=True)
    points, points_tally = stormed("kill points", lambda stage, tally: at_points(stage, every_trial(), tally))
    until = time.monotonic() + RANDOM_S
    chance, chance_tally = stormed(
        "random kills", lambda stage, tally: at_random(stage, RANDOM_KILLS, seed, tally, until=until)
    )
    found = {bug: caught(bug) for bug in BUGS}
    ready = sorted(points_tally.ready_s + chance_tally.ready_s)
    missed = sorted(set(POINTS) - points_tally.hit)
    figures: dict[str, Any] = {
        "seed": seed,
        "quick": QUICK,
        "kills": points_tally.kills + chance_tally.kills,
        "signals": points.signals + chance.signals,
        "orders": points.orders + chance.orders,
        "orders_per_ref_max": max(points.orders_per_ref_max, chance.orders_per_ref_max),
        "entries_per_signal_max": max(points.entries_per_signal_max, chance.entries_per_signal_max),
        "in_doubt": points.in_doubt + chance.in_doubt,
        "parked": points.parked + chance.parked,
        "unaccounted": points.unaccounted + chance.unaccounted,
        "acks_off": points.acks_off + chance.acks_off,
        "executions": points.executions + chance.executions,
        "lost": points.lost + chance.lost,
        "doubled": points.doubled + chance.doubled,
        "flipped": points.flipped + chance.flipped,
        "crashes": points_tally.crashes + chance_tally.crashes,
        "kill_points_hit": len(points_tally.hit),
        "kill_points_total": len(POINTS),
        "kill_points_missed": missed,
        "ready_seconds_p50": round(statistics.median(ready), 3),
        "ready_seconds_p99": round(ready[int(len(ready) * 0.99)], 3),
        "acks": {name: points.statuses.get(name, 0) + chance.statuses.get(name, 0)
                 for name in sorted({*points.statuses, *chance.statuses})},
        "bugs_caught": found,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }  # fmt: skip
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(before | figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:>24}  {value}")
    return 0 if points.sound and chance.sound and not missed and all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
