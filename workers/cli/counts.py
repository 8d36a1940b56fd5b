"""`router tail --stats`: how much of what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ipc.bus import Envelope


class Counts:
    """Messages by topic and type, and how many came per second since the last look."""

    def __init__(self) -> None:
        self.total: Counter[tuple[str, str]] = Counter()
        self._before: Counter[tuple[str, str]] = Counter()
        self._first_ns = 0
        self._last_ns = 0

    def take(self, envelopes: Iterable[Envelope]) -> None:
        """Count them."""
        for envelope in envelopes:
            self.total[envelope.topic, type(envelope.message).__name__] += 1
            self._first_ns = self._first_ns or envelope.at_ns
            self._last_ns = envelope.at_ns

    @property
    def span_s(self) -> float:
        """Seconds between the first and the last message, by the time they were written at."""
        return max(0.0, (self._last_ns - self._first_ns) / 1e9)

    def look(self, seconds: float) -> list[dict[str, object]]:
        """One row per topic and type: `count` in all, `per_s` over the `seconds` since the last look."""
        rows: list[dict[str, object]] = []
        for (topic, kind), count in sorted(self.total.items()):
            new = count - self._before[topic, kind]
            per_s = round(new / seconds, 1) if seconds > 0 else None
            rows.append({"topic": topic, "type": kind, "count": count, "per_s": per_s})
        self._before = self.total.copy()
        return rows


def table(rows: Sequence[dict[str, object]], missed: Sequence[dict[str, object]]) -> list[str]:
    """The rows and what was missed of each publisher, for people."""
    lines = [f"{'TOPIC':<10} {'MESSAGE':<20} {'COUNT':>10} {'PER S':>10}"]
    for row in rows:
        per_s = "-" if row["per_s"] is None else row["per_s"]
        lines.append(f"{row['topic']:<10} {row['type']:<20} {row['count']:>10} {per_s:>10}")
    for news in missed:
        lines.append(f"-- {news['publisher']}: {in_words(news)}")
    return lines


def in_words(missed: dict[str, object]) -> str:
    """`2 gaps, 0 dropped, ...` of one publisher."""
    return ", ".join(f"{value} {name}" for name, value in missed.items() if name not in ("type", "publisher"))
