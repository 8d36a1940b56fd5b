"""Which bars answer a query: how far back it reaches, and how minutes become bars of its size. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import groupby

from paper.bar_query import BarQuery, BarSize, Unit
from paper.bars import Bar, merge
from paper.contracts import Instrument
from paper.history import History, What
from paper.hours import NEW_YORK
from paper.past import Stretch

_MINUTE, _FIVE = 60, 5  # seconds
_SEARCHED = 14  # days in which there is a session whatever the holidays


@dataclass(frozen=True, slots=True)
class DatedBar:
    """A bar and the day it is of when it is of a day or more; a week's and a month's is its last session."""

    bar: Bar
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Bars of what, of which instrument, in regular hours only or not."""

    instrument: Instrument
    what: What
    regular: bool


def span_of(history: History, asked: Asked, query: BarQuery, now: datetime) -> tuple[int, int]:
    """From when to when a query reaches, seconds since 1970. Seconds and days are counted in trading time."""
    end = min(query.end or now, now).astimezone(NEW_YORK)
    until, (count, unit) = int(end.timestamp()), query.duration
    match unit:
        case Unit.SECOND:
            return min(until, _last(history, asked, end.date(), until).end) - count, until
        case Unit.DAY:
            return _begin_of_day(history, asked, end.date(), until, count), until
        case Unit.WEEK:
            return int((end - timedelta(weeks=count)).timestamp()), until
        case _:
            months = count * (12 if unit is Unit.YEAR else 1)
            return int(_months_before(end, months).timestamp()), until


def bars_of(history: History, asked: Asked, size: BarSize, span: tuple[int, int]) -> list[DatedBar]:
    """The bars of a span of time; the last one may still be going on."""
    if size.seconds:
        return [DatedBar(bar) for bar in _shorter(history, asked, size.seconds, span)]
    days = list(_days(history, asked, span))
    keys = {
        Unit.DAY: lambda one: one.day,
        Unit.WEEK: lambda one: one.day and one.day.isocalendar()[:2],
        Unit.MONTH: lambda one: one.day and (one.day.year, one.day.month),
    }
    groups = (list(group) for _, group in groupby(days, keys[size.unit]))
    return [DatedBar(merge([one.bar for one in group]), group[-1].day) for group in groups]


def sessions_of(history: History, asked: Asked, span: tuple[int, int]) -> list[tuple[date, int, int]]:
    """The sessions that begin in a span: day, begin and end in seconds since 1970."""
    since, until = span
    found = []
    for day, group in groupby(_stretches(history, asked, span), lambda one: one.day):
        stretches = list(group)
        if since <= stretches[0].begin < until:
            found.append((day, stretches[0].begin, stretches[-1].end))
    return found


def latest(history: History, asked: Asked, size: BarSize, now: datetime) -> DatedBar | None:
    """The bar that is going on at this moment; None when there is no such data."""
    until = int(now.timestamp()) + 1
    first = _last(history, asked, now.astimezone(NEW_YORK).date(), until)
    reach = {Unit.SECOND: 0, Unit.DAY: 0, Unit.WEEK: 7, Unit.MONTH: 31}[size.unit]
    day = first.day - timedelta(days=reach)
    begin = int(datetime.combine(day, time(0), NEW_YORK).timestamp())
    span = (max(begin, until - size.seconds) if size.seconds else begin, until)
    found = bars_of(history, asked, size, span)
    return found[-1] if found else None


def _shorter(history: History, asked: Asked, seconds: int, span: tuple[int, int]) -> Iterator[Bar]:
    """Bars of less than a day, on the clock: those of an hour begin at full hours, but for a session's first."""
    since, until = span
    for day, group in groupby(_stretches(history, asked, span), lambda one: one.day):
        midnight = int(datetime.combine(day, time(0), NEW_YORK).timestamp())
        on_clock = partial(_on_clock, midnight, seconds)
        stretches = list(group)
        base = (
            bar
            for stretch in stretches
            for bar in _base(history, asked, stretch, seconds, (on_clock(since), until))
        )
        for start, found in _by_start(base, on_clock):
            yield replace(merge(list(found)), start=max(start, stretches[0].begin))


def _by_start(bars: Iterable[Bar], on_clock: Callable[[int], int]) -> Iterator[tuple[int, Iterator[Bar]]]:
    return groupby(bars, lambda bar: on_clock(bar.start))


def _on_clock(midnight: int, seconds: int, at: int) -> int:
    """When the bar of so many seconds began that a second is in, on a clock that starts at midnight."""
    return midnight + (at - midnight) // seconds * seconds


def _base(
    history: History, asked: Asked, stretch: Stretch, seconds: int, span: tuple[int, int]
) -> Iterable[Bar]:
    """The bars that bars of so many seconds are made of."""
    if seconds < _MINUTE:
        grain = 1 if seconds < _FIVE else _FIVE
        return history.fine(asked.instrument, asked.what, stretch, grain, span)
    minutes = history.minutes(asked.instrument, asked.what, stretch, span[1])
    return (bar for bar in minutes if bar.start >= span[0])


def _days(history: History, asked: Asked, span: tuple[int, int]) -> Iterator[DatedBar]:
    since, until = span
    for day, group in groupby(_stretches(history, asked, span), lambda one: one.day):
        stretches = list(group)
        if stretches[0].begin < since:
            continue
        wholes = (history.whole(asked.instrument, asked.what, one, until) for one in stretches)
        found = [bar for bar in wholes if bar is not None]
        if found:
            yield DatedBar(merge(found), day)


def _stretches(history: History, asked: Asked, span: tuple[int, int]) -> Iterator[Stretch]:
    """The stretches that overlap a span, as far back as anything is known."""
    first = _local_day(span[0])
    known = history.first_day(asked.instrument) or _local_day(history.start)
    days = max(first, known), _local_day(span[1])
    for one in history.stretches(asked.instrument, *days, regular=asked.regular):
        if one.end > span[0] and one.begin < span[1]:
            yield one


def _last(history: History, asked: Asked, day: date, until: int) -> Stretch:
    """The last stretch that began before `until`, on that day or one before."""
    first = day - timedelta(days=_SEARCHED)
    found = history.stretches(asked.instrument, first, day, regular=asked.regular)
    return [one for one in found if one.begin < until][-1]


def _begin_of_day(history: History, asked: Asked, day: date, until: int, count: int) -> int:
    """When the session began that is the `count`th back from `until`, the present one included."""
    back = count * 2 + _SEARCHED  # days: more than enough with week-ends and holidays
    found = history.stretches(asked.instrument, day - timedelta(days=back), day, regular=asked.regular)
    begins = [min(one.begin for one in group) for _, group in groupby(found, lambda one: one.day)]
    begun = [begin for begin in begins if begin < until]
    return begun[-count] if len(begun) >= count else until


def _months_before(moment: datetime, months: int) -> datetime:
    """The same time of the month that lies so many before, on its last day if it is shorter."""
    index = moment.year * 12 + moment.month - 1 - months
    year, month = index // 12, index % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return moment.replace(year=year, month=month, day=min(moment.day, (following - timedelta(days=1)).day))


def _local_day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(NEW_YORK).date()
