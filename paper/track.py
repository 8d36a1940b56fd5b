"""What a price did since the gateway started, the longer ago the coarser. Pure: the caller gives the time."""

from collections import deque
from collections.abc import Iterator
from random import Random

from paper.bars import Bar, merge, split

GRAIN = 5  # seconds, the finest that is kept
_MINUTE, _HOUR = 60, 3600
_MOST = {GRAIN: 1080, _MINUTE: 4320, _HOUR: 9000}  # bars that are kept: 90 minutes, 3 days, a year


class Track:
    """One price of one instrument."""

    def __init__(self, name: str) -> None:
        self._name = name  # what the randomness of parts follows from
        self._kept: dict[int, deque[Bar]] = {size: deque(maxlen=most) for size, most in _MOST.items()}
        self._unmerged: dict[int, list[Bar]] = {_MINUTE: [], _HOUR: []}  # what the next bar is made of
        self._start = -1  # of the five seconds that are going on, -1 before the first
        self._open = self._high = self._low = self._close = self._worth = 0.0
        self._volume = self._count = 0

    def see(self, at: int, price: float, volume: int = 0) -> None:
        """The price at a second since 1970, and how much was traded at it."""
        start = at - at % GRAIN
        if start != self._start:
            if self._start >= 0:
                self._keep(GRAIN, self._going_on())
            self._start = start
            self._open = self._high = self._low = price
            self._volume, self._count, self._worth = 0, 0, 0.0
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        if volume:
            self._volume += volume
            self._count += 1
            self._worth += volume * price

    def bars(self, seconds: int) -> Iterator[Bar]:
        """Everything that is known, in bars of at most so many seconds, oldest first."""
        if self._start < 0:
            return
        sure = self._since(GRAIN, _MINUTE)  # from here on the finest tell everything
        surer = self._since(_MINUTE, _HOUR)
        for bar in self._kept[_HOUR]:
            if bar.start < min(surer, sure):
                yield from self._cut(bar, min(seconds, _MINUTE))
        for bar in self._kept[_MINUTE]:
            if surer <= bar.start < sure:
                yield from self._cut(bar, seconds)
        for bar in (*self._kept[GRAIN], self._going_on()):
            if sure <= bar.start:
                yield from self._cut(bar, seconds)

    def _since(self, size: int, longer: int) -> int:
        """From when on the bars of a size tell everything; longer ones tell of what is before."""
        kept = self._kept[size]
        if len(kept) < _MOST[size]:
            return 0
        return -(-kept[0].start // longer) * longer

    def _going_on(self) -> Bar:
        """The five seconds that are not over."""
        wap = self._worth / self._volume if self._volume else self._close
        prices = (self._open, self._high, self._low, self._close)
        return Bar(self._start, GRAIN, *prices, self._volume, self._count, wap)

    def _keep(self, size: int, bar: Bar) -> None:
        """Keep a bar that is over, and the longer one that is over with it."""
        self._kept[size].append(bar)
        longer = {GRAIN: _MINUTE, _MINUTE: _HOUR}.get(size)
        if longer is None:
            return
        parts = self._unmerged[longer]
        if parts and parts[0].start // longer != bar.start // longer:
            start = parts[0].start // longer * longer
            self._keep(longer, _lasting(merge(parts), start, longer))
            parts.clear()
        parts.append(bar)

    def _cut(self, bar: Bar, seconds: int) -> list[Bar]:
        if bar.seconds <= seconds:
            return [bar]
        return split(bar, bar.seconds // seconds, Random(f"{self._name}:{bar.start}:{bar.seconds}"))


def _lasting(bar: Bar, start: int, seconds: int) -> Bar:
    """A bar with the length it has on the clock, whatever was missing in it."""
    prices = (bar.open, bar.high, bar.low, bar.close)
    return Bar(start, seconds, *prices, bar.volume, bar.count, bar.wap)
