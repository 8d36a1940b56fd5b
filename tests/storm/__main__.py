"""`make storm`: every kill point, twice in a row, random kills, and three planted bugs that must be caught.

QUICK=1 takes about five minutes; without it there are at least KILLS=3000 kills. SEED=n repeats a storm. The random
kills are spread over several stacks, each begun cold: IB repeats a whole day at each connect, and thousands of
orders on one day would make a storm of what the rebuild repeats. Figures are merged into bench/results/storm.json
after each stack, also when the storm fails or is interrupted. Exit status 1 when a promise was broken, a kill point
was missed, or a bug was not caught; 130 when interrupted.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.nursery import NurseryError
from tests.storm.bugs import BUGS
from tests.storm.kills import Tally, Trial, at_points, at_random, every_trial, settle
from tests.storm.oracle import Verdict, judge
from tests.storm.report import Report
from tests.storm.stage import Stage, StormError

QUICK = os.environ.get("QUICK") == "1"
KILLS = int(os.environ.get("KILLS") or (250 if QUICK else 3_000))
PER_STACK = 150  # random kills on one stack
# where each bug shows: the process that has it, and the kills that bring it out
CATCH = {
    "skip_lookup": ("gateway", ("gateway.write.after", "gateway.sent.after", "submission.placed")),
    "order_id_in_ref": ("gateway", ("gateway.write.after", "gateway.sent.after", "gateway.reply.before")),
    "ack_before_durable": ("sizing", ("sizing.take.after", "sizing.gate.after", "sizing.prepare.after")),
}

Work = Callable[[Stage], None]


def stormed(name: str, work: Work, tally: Tally, *, bug: str = "") -> Verdict:
    """One stack, one piece of work on it, and the verdict. A stack that gets stuck is judged as it stands.

    Its directory is kept when the verdict is not sound although no bug was planted, and with KEEP=1.
    """
    root = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    keep = bool(os.environ.get("KEEP"))
    begun = time.monotonic()
    try:
        with Stage(root, bug=bug, bug_in=CATCH[bug][0] if bug else "") as stage:
            try:
                work(stage)
            except (StormError, NurseryError) as error:
                print(f"{name}: {error}", flush=True)
            verdict = judge(stage)
        keep = keep or not (bug or verdict.sound)
    finally:
        if keep:
            print(f"{name}: kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    seconds = time.monotonic() - begun
    print(
        f"{name}: {tally.kills} kills in {seconds:.0f} s, broken: {verdict.broken or 'nothing'}", flush=True
    )
    print(f"  {verdict}", flush=True)
    return verdict


def storm(report: Report, seed: int) -> None:
    """All of it."""

    def blow(name: str, work: Callable[[Stage, Tally], None]) -> None:
        tally = Tally()
        report.add(tally)
        report.judged(name, stormed(name, lambda stage: work(stage, tally), tally))

    blow("kill points", lambda stage, tally: at_points(stage, tally, every_trial()))
    for number in itertools.count(1):
        kills = min(PER_STACK, KILLS - report.kills)
        if kills <= 0:
            break
        blow(f"random kills {number}", partial(at_random, kills=kills, seed=seed + number))
    for bug in BUGS:
        trials = [Trial(point) for point in CATCH[bug][1]]
        report.planted(bug, caught(bug, trials))
    report.finished = True


def caught(bug: str, trials: list[Trial]) -> list[str]:
    """The promises that a planted bug breaks."""
    tally = Tally()

    def work(stage: Stage) -> None:
        at_points(stage, tally, trials)
        settle(stage)
        stage.await_idle()

    return stormed(f"bug {bug}", work, tally, bug=bug).broken


def main() -> int:
    """Run it all; returns the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {seed}", flush=True)
    report = Report(seed, quick=QUICK)
    status = 1
    try:
        storm(report, seed)
        status = 0 if report.sound else 1
    except KeyboardInterrupt:
        report.failures.append("interrupted")
        status = 130
    except Exception as error:
        report.failures.append(repr(error))
        raise
    finally:
        report.write()
        for name, value in report.figures().items():
            print(f"{name:>24}  {value}")
    return status


if __name__ == "__main__":
    sys.exit(main())
