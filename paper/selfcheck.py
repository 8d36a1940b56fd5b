"""`python -m paper.selfcheck --events N --seed S`: shake an engine and let an auditor look at every event.

Prints what was done and exits with 1 on a violation of what must always add up (see `paper.audit`).
"""

import argparse
import sys
import time

from paper.audit import Auditor
from paper.hours import Hours
from paper.switches import Switches
from paper.turmoil import make_turmoil

_SHOWN = 20
# chosen so that every switch that changes what happens, not only how it is told, is on for a part of the events
_WORLDS = (
    (Hours.ALWAYS, Switches()),
    (Hours.NYSE, Switches()),
    (Hours.ALWAYS, Switches(cancel_delay=2.0, fill_delay=0.5, oca_presubmitted=True)),
    (
        Hours.NYSE,
        Switches(
            book_size=False,
            cancel_orphans=False,
            fill_twice=False,
            modified_filled_first=False,
            price_band=True,
        ),
    ),
)


def shake(seed: int, events: int) -> list[Auditor]:
    """Shake one engine for each of several sets of switches; together they see at least `events` events."""
    auditors = []
    for number, (hours, switches) in enumerate(_WORLDS):
        turmoil = make_turmoil(seed * len(_WORLDS) + number, hours, switches)
        auditor = turmoil.auditor
        while auditor.events < events / len(_WORLDS):
            turmoil.act()
        auditors.append(auditor)
    return auditors


def main(arguments: list[str]) -> int:
    """Exit status 0, or 1 when something did not add up."""
    parser = argparse.ArgumentParser(prog="python -m paper.selfcheck", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    auditors = shake(options.seed, options.events)
    seconds = time.perf_counter() - started
    violations = [sentence for auditor in auditors for sentence in auditor.violations]
    events, checks = sum(one.events for one in auditors), sum(one.checks for one in auditors)
    executions = sum(len(one.exec_ids) for one in auditors)
    lines = [
        f"{events} events, {executions} executions, {checks} checks, {len(violations)} violations, {seconds:.1f} s",
        *violations[:_SHOWN],
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
