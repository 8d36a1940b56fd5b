"""Bars, and how one becomes many or many one. Pure.

A bar that is split is told in full by its parts: they start at its open, end at its close, one touches its high and
one its low, and volume and count add up. So bars of every size agree with each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from random import Random

_SWING = 0.8  # how much of a bar's range the path through it uses; noise fills the rest


@dataclass(frozen=True, slots=True)
class Bar:
    """What a price did from `start`, seconds since 1970, for `seconds`. Prices in USD, volume in shares or contracts."""

    start: int
    seconds: int
    open: float
    high: float
    low: float
    close: float
    volume: int = 0
    count: int = 0
    wap: float = 0.0

    @property
    def end(self) -> int:
        """The first second that is not in it."""
        return self.start + self.seconds

    @property
    def middle(self) -> float:
        """A price that stands for the whole bar."""
        return (self.open + self.high + self.low + self.close) / 4


def merge(bars: Sequence[Bar]) -> Bar:
    """One bar of several in a row, at least one."""
    first, last = bars[0], bars[-1]
    volume = sum(bar.volume for bar in bars)
    worth = sum(bar.volume * bar.wap for bar in bars)
    return Bar(
        start=first.start,
        seconds=last.end - first.start,
        open=first.open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=last.close,
        volume=volume,
        count=sum(bar.count for bar in bars),
        wap=worth / volume if volume else last.close,
    )


def split(bar: Bar, parts: int, random: Random) -> list[Bar]:
    """The bar as `parts` bars of the same length, as the randomness has it."""
    if parts <= 1:
        return [bar]
    path = _path(bar, parts, random)
    volumes, counts = _shares(bar.volume, parts, random), _shares(bar.count, parts, random)
    seconds = bar.seconds // parts
    reach = (bar.high - bar.low) / parts
    found = []
    for index, (open_, close) in enumerate(pairwise(path)):
        high = min(max(open_, close) + random.random() * reach, bar.high)
        low = max(min(open_, close) - random.random() * reach, bar.low)
        wap = (open_ + close + high + low) / 4
        start = bar.start + index * seconds
        found.append(Bar(start, seconds, open_, high, low, close, volumes[index], counts[index], wap))
    return _touching(found, bar)


def within(bars: Iterable[Bar], since: int, until: int) -> list[Bar]:
    """Those that lie in the time from `since` to before `until`."""
    return [bar for bar in bars if since <= bar.start and bar.end <= until]


def _path(bar: Bar, parts: int, random: Random) -> list[float]:
    """Prices at the edges of the parts: a walk tied to open and close that stays within the bar's range."""
    walk = list(accumulate((random.gauss(0, 1) for _ in range(parts)), initial=0.0))
    tied = [step - walk[-1] * index / parts for index, step in enumerate(walk)]
    width = max(tied) - min(tied)
    scale = _SWING * (bar.high - bar.low) / width if width else 0.0
    slope = (bar.close - bar.open) / parts
    inner = (
        _inside(bar, bar.open + slope * index + scale * step) for index, step in enumerate(tied[1:-1], 1)
    )
    return [bar.open, *inner, bar.close]


def _inside(bar: Bar, price: float) -> float:
    """A price that would be beyond high or low as far this side of it."""
    mirrored = 2 * bar.high - price if price > bar.high else 2 * bar.low - price if price < bar.low else price
    return min(max(mirrored, bar.low), bar.high)


def _touching(parts: list[Bar], bar: Bar) -> list[Bar]:
    """The parts with the highest of them at the bar's high and the lowest at its low."""
    top = max(range(len(parts)), key=lambda index: parts[index].high)
    parts[top] = replace(parts[top], high=bar.high)
    bottom = min(range(len(parts)), key=lambda index: parts[index].low)
    parts[bottom] = replace(parts[bottom], low=bar.low)
    return parts


def _shares(total: int, parts: int, random: Random) -> list[int]:
    """A number cut into whole parts that add up to it."""
    if total <= 0:
        return [0] * parts
    edges = list(accumulate((0.5 + random.random() for _ in range(parts)), initial=0.0))
    cuts = [int(total * edge / edges[-1]) for edge in edges[:-1]]
    return [later - sooner for sooner, later in pairwise([*cuts, total])]
