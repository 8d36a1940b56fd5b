"""Statistics of a tail."""

from __future__ import annotations

from ipc.bus import Envelope
from router.messages import LinkPhase, LinkState, Quote
from workers.cli.counts import Counts, in_words, table

LINK = LinkState(LinkPhase.READY, "up")
QUOTE = Quote(1, "SPY", 1.0, 1.1, 1.0, 1, 1, 0)
MISSED: dict[str, object] = {"type": "gap", "publisher": "gateway", "gaps": 2, "dropped": 0}


def link(at_ns: int) -> Envelope:
    """A link state written at an instant."""
    return Envelope("gateway", 1, 1, "link", 1, 1, at_ns, LINK)


def test_rates_are_those_since_the_last_look() -> None:
    """Counts go on, rates begin anew; without time there is no rate."""
    counts = Counts()
    assert counts.look(1.0) == []
    counts.take([link(1), link(2), Envelope("gateway", 1, 1, "quote", 1, 1, 3, QUOTE)])
    assert counts.look(2.0) == [
        {"topic": "link", "type": "LinkState", "count": 2, "per_s": 1.0},
        {"topic": "quote", "type": "Quote", "count": 1, "per_s": 0.5},
    ]
    counts.take([link(4)])
    assert [(row["count"], row["per_s"]) for row in counts.look(0.5)] == [(3, 2.0), (1, 0.0)]
    assert [row["per_s"] for row in counts.look(0.0)] == [None, None]


def test_the_span_is_that_of_the_messages() -> None:
    """From the first to the last; never negative, whatever the clock did."""
    counts = Counts()
    assert counts.span_s == 0.0
    counts.take([link(1_000_000_000), link(3_500_000_000)])
    assert counts.span_s == 2.5
    counts.take([link(500)])
    assert counts.span_s == 0.0


def test_the_table_is_for_people() -> None:
    """A line per type, a line per publisher."""
    counts = Counts()
    counts.take([link(1)])
    _, row, missed = table(counts.look(0), [MISSED])
    assert row.split() == ["link", "LinkState", "1", "-"]
    assert table(counts.look(1), [])[1].split()[-1] == "0.0"
    assert missed == "-- gateway: 2 gaps, 0 dropped"
    assert in_words(MISSED) == "2 gaps, 0 dropped"
