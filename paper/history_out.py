"""Past prices for the wire, for the versions 157 to 176. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from paper.bar_answer import DatedBar
from paper.bars import Bar
from paper.history import What
from paper.hours import NEW_YORK, ZONE_NAME
from paper.wire import Field, frame

_NONE: tuple[Field, ...] = (-1, -1, -1)  # volume, average and count of a bar that is not of trades
_FLAGS = 0  # tick attributes: none of them


def moment_text(seconds: int) -> str:
    """`20260402 09:30:00 US/Eastern`."""
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%Y%m%d %H:%M:%S} {ZONE_NAME}"


def _date_text(dated: DatedBar, *, epoch: bool) -> str:
    """A bar's date: a day's never has a time."""
    if dated.day is not None:
        return f"{dated.day:%Y%m%d}"
    return str(dated.bar.start) if epoch else moment_text(dated.bar.start)


def _traded(bar: Bar, what: What) -> tuple[Field, ...]:
    """Volume, average price and number of trades."""
    return (bar.volume, round(bar.wap, 3), bar.count) if what is What.TRADES else _NONE


def historical_data(
    req_id: int, span: tuple[int, int], bars: Sequence[DatedBar], what: What, *, epoch: bool
) -> bytes:
    """historicalData: all bars and from when to when they were asked for."""
    fields: list[Field] = [17, req_id, moment_text(span[0]), moment_text(span[1]), len(bars)]
    for dated in bars:
        bar = dated.bar
        fields += [
            _date_text(dated, epoch=epoch),
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            *_traded(bar, what),
        ]
    return frame(*fields)


def historical_update(req_id: int, dated: DatedBar, what: What, *, epoch: bool) -> bytes:
    """historicalDataUpdate: the bar that is going on."""
    bar = dated.bar
    volume, average, count = _traded(bar, what)
    date_text = _date_text(dated, epoch=epoch)
    return frame(90, req_id, count, date_text, bar.open, bar.close, bar.high, bar.low, average, volume)


def historical_schedule(req_id: int, sessions: Sequence[tuple[date, int, int]]) -> bytes:
    """historicalSchedule: sessions with begin, end and day, in New York time."""
    rows = [(_dashed(begin), _dashed(end), f"{day:%Y%m%d}") for day, begin, end in sessions]
    whole = (rows[0][0], rows[-1][1]) if rows else ("", "")
    flat = (text for row in rows for text in row)
    return frame(106, req_id, *whole, ZONE_NAME, len(rows), *flat)


def _dashed(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%Y%m%d-%H:%M:%S}"


def head_time_stamp(req_id: int, seconds: int, *, epoch: bool) -> bytes:
    """headTimestamp, in UTC."""
    text = str(seconds) if epoch else f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}"
    return frame(88, req_id, text)


def real_time_bar(req_id: int, bar: Bar, what: What) -> bytes:
    """realtimeBar: five seconds."""
    return frame(50, 3, req_id, bar.start, bar.open, bar.high, bar.low, bar.close, *_traded(bar, what))


def historical_ticks(req_id: int, what: What, bars: Sequence[Bar], venue: str, size: int) -> bytes:
    """historicalTicks, BidAsk or Last: one tick of each bar, all of them at once."""
    rows: list[Field] = []
    for bar in bars:
        match what:
            case What.TRADES:
                rows += [bar.start, _FLAGS, bar.close, bar.volume, venue, ""]
            case What.BID_ASK:
                rows += [bar.start, _FLAGS, bar.open, bar.close, size, size]
            case _:
                rows += [bar.start, _FLAGS, bar.close, 0]
    number = {What.TRADES: 98, What.BID_ASK: 97}.get(what, 96)
    return frame(number, req_id, len(bars), *rows, 1)


def histogram(req_id: int, sizes: Sequence[tuple[Decimal, int]]) -> bytes:
    """histogramData: how much was traded at each price."""
    return frame(89, req_id, len(sizes), *(value for row in sizes for value in row))
