"""Which executions came already, whose they are, and the commission reports that wait for theirs.

What is changed is handed back as memory by `news`, to be stored with what it led to.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.memory import Memory, OrphanJoined, OrphanKept, Seen, SeenForgotten
from router.messages import CommissionReport, ExecutionFill

REVISION_DIGITS = 2  # at the end of an execId, after the last point


class Executions:
    """By execId. `seen` has when each came (epoch ms), `orphans` the reports whose execution has not come."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self.orphans: dict[str, CommissionReport] = {}
        self._deliveries_of: dict[str, tuple[str, ...]] = {}
        self._news: list[Memory] = []

    def load(self, seen: Iterable[Seen], orphans: Iterable[CommissionReport]) -> None:
        """Continue from what was stored."""
        self.seen = {one.member: one.at_ms for one in seen}
        self.orphans = {report.exec_id: report for report in orphans}

    def first_time(self, message: ExecutionFill | CommissionReport, at_ms: int) -> bool:
        """Whether this execution, or this report, comes for the first time."""
        member = message.exec_id if isinstance(message, ExecutionFill) else _of_commission(message.exec_id)
        if member in self.seen:
            return False
        self.seen[member] = at_ms
        self._news.append(Seen(member, at_ms))
        return True

    def deliveries_of(self, exec_id: str) -> tuple[str, ...]:
        """The deliveries that an execution belongs to: several share one that was nobody's order."""
        return self._deliveries_of.get(exec_id, ())

    def assign(self, exec_ids: Iterable[str], delivery: str) -> None:
        """These executions are, in part at least, this delivery's."""
        for exec_id in exec_ids:
            others = (name for name in self.deliveries_of(exec_id) if name != delivery)
            self._deliveries_of[exec_id] = (*others, delivery)

    def keep(self, report: CommissionReport) -> None:
        """A report that nobody can be told of yet; one whose execution came and was nobody's is let go."""
        if report.exec_id not in self.seen:
            self.orphans[report.exec_id] = report
            self._news.append(OrphanKept(report))

    def reports_for(self, fill: ExecutionFill) -> list[CommissionReport]:
        """The reports that waited for this execution, or for the one it corrects; they wait no longer."""
        names = (fill.exec_id, *revisions(fill.supersedes))
        waited = [name for name in names if name in self.orphans]
        self._news.extend(OrphanJoined(name) for name in waited)
        return [self.orphans.pop(name) for name in waited]

    def release(self, exec_ids: Iterable[str]) -> None:
        """Their deliveries are forgotten."""
        for exec_id in exec_ids:
            self._deliveries_of.pop(exec_id, None)

    def forget(self, before_ms: int) -> None:
        """Drop what came before this, and the reports whose execution will not come any more."""
        self.seen = {member: at_ms for member, at_ms in self.seen.items() if at_ms >= before_ms}
        for exec_id in [exec_id for exec_id in self.orphans if _of_commission(exec_id) not in self.seen]:
            del self.orphans[exec_id]
            self._news.append(OrphanJoined(exec_id))
        self._news.append(SeenForgotten(before_ms))

    def news(self) -> list[Memory]:
        """What has changed since the last call."""
        news, self._news = self._news, []
        return news


def revisions(supersedes: str) -> tuple[str, ...]:
    """What a correction takes the place of, newest first: after `....03` and `....02` also the `....01` before them.

    IB tells only the newest to somebody who was away, so those in between may never be heard.
    """
    stem, _, revision = supersedes.rpartition(".")
    width = len(revision)
    if not stem or not revision.isdecimal() or width > REVISION_DIGITS:
        return (supersedes,) if supersedes else ()
    return tuple(f"{stem}.{number:0{width}d}" for number in range(int(revision), 0, -1))


def _of_commission(exec_id: str) -> str:
    return f"commission {exec_id}"
