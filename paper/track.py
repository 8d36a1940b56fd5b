"""What a price did since the gateway started, the longer ago the coarser. Pure: the caller gives the time."""

from collections import deque
from collections.abc import Iterator
from random import Random

from paper.bars import Bar, split

GRAIN = 5  # seconds, the finest that is kept
_TIERS = (
    (GRAIN, 1080),
    (60, 4320),
    (3600, 9000),
)  # seconds a bar and how many are kept: 90 minutes, 3 days, a year


class _Tier:
    """Bars of one length, the last one still growing."""

    def __init__(self, seconds: int, most: int) -> None:
        self.seconds = seconds
        self.bars: deque[Bar] = deque(maxlen=most)

    def see(self, at: int, price: float, volume: int) -> None:
        start = at // self.seconds * self.seconds
        last = self.bars[-1] if self.bars else None
        count = 1 if volume else 0
        if last is None or last.start != start:
            self.bars.append(Bar(start, self.seconds, price, price, price, price, volume, count, price))
            return
        total = last.volume + volume
        wap = (last.wap * last.volume + price * volume) / total if total else price
        high, low = max(last.high, price), min(last.low, price)
        self.bars[-1] = Bar(start, self.seconds, last.open, high, low, price, total, last.count + count, wap)


class Track:
    """One price of one instrument."""

    def __init__(self, name: str) -> None:
        self._name = name  # what the randomness of parts follows from
        self._tiers = [_Tier(*tier) for tier in _TIERS]

    def see(self, at: int, price: float, volume: int = 0) -> None:
        """The price at a second since 1970, and how much was traded at it."""
        for tier in self._tiers:
            tier.see(at, price, volume)

    @property
    def since(self) -> int | None:
        """The first second that is known, None when nothing is."""
        starts = [tier.bars[0].start for tier in self._tiers if tier.bars]
        return min(starts) if starts else None

    def bars(self, seconds: int) -> Iterator[Bar]:
        """Everything that is known, in bars of at most so many seconds, oldest first."""
        fine, minutes, hours = self._tiers
        sure = fine.bars[0].start if fine.bars else 0  # the first that finer ones tell of
        surer = minutes.bars[0].start if minutes.bars else 0
        for bar in hours.bars:
            if bar.start < surer - surer % hours.seconds:
                yield from self._cut(bar, min(seconds, minutes.seconds))
        for bar in minutes.bars:
            if bar.start < sure - sure % minutes.seconds:
                yield from self._cut(bar, seconds)
        for bar in fine.bars:
            yield from self._cut(bar, seconds)

    def _cut(self, bar: Bar, seconds: int) -> list[Bar]:
        parts = max(bar.seconds // seconds, 1)
        return split(bar, parts, Random(f"{self._name}:{bar.start}:{bar.seconds}"))
