"""Entries that rest too long are cancelled (platform contract 6): who is resting, since when, until when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from conf.sections import Entry
from router.bracket import stem_of
from router.messages import OrderLifecycleEvent

DEAD = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive", "PendingCancel"})
PARTIAL_FACTOR = 2  # an entry that filled in part gets twice the time


@dataclass(frozen=True)
class Resting:
    """A live entry. Times are monotonic ns."""

    delivery: str
    ref: str
    since_ns: int
    deadline_ns: int


class EntryTimeouts:
    """The live entries of this router's own brackets."""

    def __init__(self, rules: Entry) -> None:
        self._rules = rules
        self._resting: dict[str, Resting] = {}

    def observe(self, event: OrderLifecycleEvent, now_ns: int) -> None:
        """Start, extend or end the watch over the order this event is about."""
        stem = stem_of(event.ref)
        if not stem or event.ref != f"{stem}-E":
            return
        if event.status in DEAD or event.origin == "completed":
            self._resting.pop(event.ref, None)
            return
        known = self._resting.get(event.ref)
        since_ns = known.since_ns if known else now_ns
        limit_s = self._rules.limit_timeout_s if event.order_type == "LMT" else self._rules.market_timeout_s
        if event.filled > 0:
            limit_s *= PARTIAL_FACTOR
        self._resting[event.ref] = Resting(stem, event.ref, since_ns, since_ns + int(limit_s * 1e9))

    def due(self, now_ns: int) -> list[Resting]:
        """Entries whose time is up; each is returned once and watched no longer."""
        due = [resting for resting in self._resting.values() if resting.deadline_ns <= now_ns]
        for resting in due:
            del self._resting[resting.ref]
        return due

    def __len__(self) -> int:
        return len(self._resting)
