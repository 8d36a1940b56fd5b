"""What was seen of a price, the longer ago the coarser."""

import itertools

from paper.bars import merge
from paper.track import Track


def test_prices_become_bars_of_five_seconds() -> None:
    """Open, high, low, close, volume, trades and their average, in bars on the clock."""
    track = Track("1")
    for at, price, volume in ((100, 10.0, 0), (101, 12.0, 200), (104, 9.0, 100), (105, 11.0, 0)):
        track.see(at, price, volume)
    first, second = track.bars(5)
    assert (first.start, first.open, first.high, first.low, first.close) == (100, 10.0, 12.0, 9.0, 9.0)
    assert (first.volume, first.count, first.wap) == (300, 2, 11.0)
    assert (second.start, second.open, second.close, second.volume) == (105, 11.0, 11.0, 0)


def test_nothing_seen_is_nothing() -> None:
    """A track without a price has no bars."""
    assert list(Track("1").bars(60)) == []


def test_what_was_seen_is_told_once() -> None:
    """Four hours: hours, minutes and fives are no overlap and no gap, and their volume is what was traded."""
    track = Track("1")
    for at in range(0, 4 * 3600, 5):
        track.see(at, 100 + at % 7, 1)
    for seconds in (60, 5):
        bars = list(track.bars(seconds))
        assert [later.start - sooner.end for sooner, later in itertools.pairwise(bars)] == [0] * (
            len(bars) - 1
        )
        whole = merge(bars)
        assert (whole.start, whole.end, whole.volume) == (0, 4 * 3600, 2880)


def test_what_is_too_old_for_minutes_is_told_by_hours() -> None:
    """Four days: the first day is known by its hours only, cut into minutes that add up to them."""
    track = Track("1")
    for at in range(0, 4 * 86_400, 60):
        track.see(at, 100.0 + at / 86_400, 10)
    bars = list(track.bars(60))
    assert merge(bars).volume == 4 * 1440 * 10
    assert {bar.seconds for bar in bars} == {60, 5}
    assert bars == list(track.bars(60))
