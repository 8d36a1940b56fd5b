"""What an underlying did before the gateway started: it follows from the seed and ends at the starting price. Pure.

Trading is in stretches: before the open, the regular session and after the close of a stock; with `--hours always`
one a day. Each stretch is one bar, worked out from the last one back; its minutes and seconds are that bar, split.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from paper.bars import Bar, split
from paper.hours import NEW_YORK, Hours, close_of, extended_close_of, is_session

YEARS = 10  # how far back anything is known
_DAYS_A_YEAR = 252
_TURNOVER = 4e9  # USD traded in a day
_TRADE = 110  # shares in a trade on average
_GAP, _REGULAR, _EXTENDED, _WICK = 0.3, 0.9, 0.25, 0.35  # in standard deviations of a day
_EXTENDED_VOLUME = 0.03  # of a day's
_MINUTE, _FIVE = 60, 5  # seconds


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of trading on one session, seconds since 1970; regular or before the open or after the close."""

    day: date
    begin: int
    end: int
    regular: bool


@lru_cache(maxsize=1 << 14)
def stretches_of(hours: Hours, day: date) -> tuple[Stretch, ...]:
    """The stretches of one day, in order; none on a day without a session."""
    midnight = datetime.combine(day, time(0), NEW_YORK)
    if hours is Hours.ALWAYS:
        after = datetime.combine(day + timedelta(days=1), time(0), NEW_YORK)
        return (Stretch(day, int(midnight.timestamp()), int(after.timestamp()), regular=True),)
    if not is_session(day):
        return ()
    moments = (
        datetime.combine(day, time(4), NEW_YORK),
        datetime.combine(day, time(9, 30), NEW_YORK),
        close_of(day),
        extended_close_of(day),
    )
    edges = [int(moment.timestamp()) for moment in moments]
    return tuple(
        Stretch(day, begin, end, regular)
        for begin, end, regular in zip(edges, edges[1:], (False, True, False), strict=False)
    )


def stretches(hours: Hours, since: date, until: date) -> Iterator[Stretch]:
    """The stretches of the days from `since` to `until`, both included, in order."""
    for offset in range((until - since).days + 1):
        yield from stretches_of(hours, since + timedelta(days=offset))


class Past:
    """One underlying before `start`. `spot` in USD, `volatility` a year's as a fraction."""

    def __init__(
        self, name: str, spot: float, volatility: float, hours: Hours, start: datetime, *, traded: bool = True
    ) -> None:
        self._name = name  # what its randomness follows from
        self._sigma = volatility / math.sqrt(_DAYS_A_YEAR)
        self._volume = _TURNOVER / spot if traded else 0.0
        self._hours = hours
        self._start = int(start.timestamp())
        self._next = start.astimezone(NEW_YORK).date()  # the latest day that is not worked out yet
        self._price = spot  # where the stretch before those worked out has to end
        self.first_day = date(self._next.year - YEARS, 1, 1)
        self._bars: dict[int, Bar] = {}  # of stretches, by their begin

    def bar(self, stretch: Stretch) -> Bar | None:
        """What happened in a stretch up to the start; None when there was none of it yet, or nothing is known."""
        while self._next >= max(stretch.day, self.first_day):
            for one in reversed(stretches_of(self._hours, self._next)):
                self._work_out(one)
            self._next -= timedelta(days=1)
        return self._bars.get(stretch.begin)

    def minutes(self, stretch: Stretch) -> list[Bar]:
        """The minutes of a stretch, as far as it was over at the start."""
        bar = self.bar(stretch)
        return [] if bar is None else split(bar, bar.seconds // _MINUTE, self._random(bar, "minutes"))

    def parts(self, minute: Bar, seconds: int) -> list[Bar]:
        """One of this past's minutes in parts of 5 seconds or of 1."""
        fives = split(minute, minute.seconds // _FIVE, self._random(minute, "parts"))
        if seconds == _FIVE:
            return fives
        return [one for five in fives for one in split(five, _FIVE, self._random(five, "seconds"))]

    def _random(self, bar: Bar, what: str) -> Random:
        return Random(f"{self._name}:{bar.start}:{what}")

    def _work_out(self, stretch: Stretch) -> None:
        """The bar of one stretch, ending at the price at which the next one begins but for a gap."""
        end = min(stretch.end, self._start // _MINUTE * _MINUTE)
        if end <= stretch.begin:
            return
        random = Random(f"{self._name}:{stretch.begin}")
        share = math.sqrt((end - stretch.begin) / (stretch.end - stretch.begin))
        sigma = self._sigma * share * (_REGULAR if stretch.regular else _EXTENDED)
        close = self._price
        begin = close / math.exp(sigma * random.gauss(0, 1))
        wick = sigma * _WICK
        high = max(begin, close) * math.exp(wick * abs(random.gauss(0, 1)))
        low = min(begin, close) / math.exp(wick * abs(random.gauss(0, 1)))
        busy = math.exp(random.gauss(0, 0.25)) * share * (1 if stretch.regular else _EXTENDED_VOLUME)
        volume = int(self._volume * busy)
        wap = (begin + high + low + close) / 4
        self._bars[stretch.begin] = Bar(
            stretch.begin, end - stretch.begin, begin, high, low, close, volume, volume // _TRADE, wap
        )
        opens = stretch is stretches_of(self._hours, stretch.day)[0]
        gap = self._sigma * _GAP * random.gauss(0, 1) if opens and self._hours is not Hours.ALWAYS else 0.0
        self._price = begin / math.exp(gap)
