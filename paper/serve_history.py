"""Answers to requests for past prices."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from paper import bar_query as bq
from paper import data_requests as dr
from paper import history_out
from paper import messages_out as out
from paper.bar_answer import Asked, bars_of, sessions_of, span_of
from paper.bars import Bar
from paper.contracts import ContractQuery, Instrument
from paper.gateway import Gateway
from paper.history import What
from paper.hours import NEW_YORK
from paper.session import BarLine, Session
from paper.track import GRAIN
from paper.validation import NO_CONTRACT, Refusal

_REALTIME = frozenset({What.TRADES, What.MIDPOINT, What.BID, What.ASK})
_BAD_WHAT: Refusal = (
    321,
    "Error validating request.-'bQ' : cause - What to show field is missing or incorrect.",
)
_NO_TIMES: Refusal = (
    321,
    "Error validating request.-'bZ' : cause - Either a start or an end time must be given, not both.",
)
_DUPLICATE: Refusal = (322, "Duplicate ticker id")
_TICKS = 1000  # at most in an answer
_HISTOGRAM_DAYS = 31  # at most
_TICK_DAYS = 7  # how far ticks are looked for
_DAY = 86_400
_MINUTE = bq.BAR_SIZES["1 min"]
_SECOND = bq.BAR_SIZES["1 secs"]


def _historical_data(gateway: Gateway, session: Session, request: dr.HistoricalData) -> None:
    one = _found(gateway, request.contract)
    query = bq.read_query(
        request.end, request.duration, request.size, request.what, request.format_date, live=request.live
    )
    if request.live and request.req_id in session.bars:
        raise bq.Refused(*_DUPLICATE)
    what, now = query.what or What.TRADES, gateway.clock.now()
    asked = Asked(one, what, request.regular)
    span = span_of(gateway.history, asked, query, now)
    if query.what is None:
        sessions = sessions_of(gateway.history, asked, span)
        session.send(history_out.historical_schedule(request.req_id, sessions))
        return
    bars = bars_of(gateway.history, asked, query.size, span) if gateway.history.knows(one, what) else []
    if not bars:
        raise bq.Refused(*bq.no_data(one.local_symbol, one.exchange, what))
    session.send(history_out.historical_data(request.req_id, span, bars, what, epoch=query.epoch))
    if request.live:
        gateway.market.quote(one)  # it is followed from now on
        session.bars[request.req_id] = BarLine(asked, _now(gateway), query.size, query.epoch)


def _cancel_historical_data(gateway: Gateway, session: Session, request: dr.CancelHistoricalData) -> None:
    line = session.bars.get(request.req_id)
    if line is None or line.size is None:  # bars of five seconds are cancelled by a request of their own
        raise bq.Refused(*bq.unknown_query(request.req_id))
    del session.bars[request.req_id]
    raise bq.Refused(*bq.cancelled(request.req_id))


def _real_time_bars(gateway: Gateway, session: Session, request: dr.RealTimeBars) -> None:
    one = _found(gateway, request.contract)
    if request.what not in _REALTIME:
        raise bq.Refused(*_BAD_WHAT)
    what = What(request.what)
    if not gateway.history.knows(one, what):
        raise bq.Refused(420, f"Invalid Real-time Query:No {what} data of {one.symbol}@{one.exchange}")
    if request.req_id in session.bars:
        raise bq.Refused(*_DUPLICATE)
    gateway.market.quote(one)
    asked = Asked(one, what, request.regular)
    session.bars[request.req_id] = BarLine(asked, _now(gateway) // GRAIN * GRAIN)


def _cancel_real_time_bars(gateway: Gateway, session: Session, request: dr.CancelRealTimeBars) -> None:
    if session.bars.pop(request.req_id, None) is None:
        raise bq.Refused(300, f"Can't find EId with tickerId:{request.req_id}")


def _head_time_stamp(gateway: Gateway, session: Session, request: dr.HeadTimeStamp) -> None:
    one, what = _found(gateway, request.contract), bq.read_what(request.what)
    first = gateway.history.first_day(one)
    if first is None or not gateway.history.knows(one, what):
        raise bq.Refused(*bq.no_head())
    week = first + timedelta(days=_TICK_DAYS)
    stretch = next(gateway.history.stretches(one, first, week, regular=request.regular))
    epoch = request.format_date == 2
    session.send(history_out.head_time_stamp(request.req_id, stretch.begin, epoch=epoch))


def _historical_ticks(gateway: Gateway, session: Session, request: dr.HistoricalTicks) -> None:
    one, what = _found(gateway, request.contract), bq.read_what(request.what)
    start = bq.read_moment("Start Time", request.start)
    end = bq.read_moment("End Time", request.end)
    if (start is None) == (end is None):
        raise bq.Refused(*_NO_TIMES)
    count = min(max(request.count, 1), _TICKS)
    asked = Asked(one, what, request.regular)
    known = gateway.history.knows(one, what) and what in (What.TRADES, What.MIDPOINT, What.BID_ASK)
    if not known:
        raise bq.Refused(*bq.no_data(one.local_symbol, one.exchange, what))
    found: list[Bar] = []
    for minute in _minutes(gateway, asked, start, end):
        seconds = bars_of(gateway.history, asked, _SECOND, (minute.start, minute.end))
        ticks = [two.bar for two in seconds if what is not What.TRADES or two.bar.volume]
        found = [*found, *ticks] if start else [*ticks, *found]
        if len(found) >= count:
            break
    found = found[:count] if start else found[-count:]
    quote = gateway.market.quote(one)
    venue = one.venue
    session.send(history_out.historical_ticks(request.req_id, what, found, venue, quote.bid_size))


def _minutes(gateway: Gateway, asked: Asked, start: datetime | None, end: datetime | None) -> Iterator[Bar]:
    """The minutes after a start, or those before an end, latest first; none later than now."""
    now = _now(gateway)
    if start is not None:
        since = int(start.timestamp())
        span = since, min(since + _TICK_DAYS * _DAY, now)
        found = [one.bar for one in bars_of(gateway.history, asked, _MINUTE, span)]
        yield from found
    elif end is not None:
        until = min(int(end.timestamp()), now)
        span = until - _TICK_DAYS * _DAY, until
        yield from (one.bar for one in reversed(bars_of(gateway.history, asked, _MINUTE, span)))


def _histogram(gateway: Gateway, session: Session, request: dr.Histogram) -> None:
    one = _found(gateway, request.contract)
    count, _, unit = request.period.partition(" ")
    days = {"s": 1, "d": 1, "w": 7, "m": 31, "y": 366}.get(unit[:1].lower())
    if not count.isdecimal() or not days or not gateway.history.knows(one, What.TRADES):
        raise bq.Refused(*bq.no_data(one.local_symbol, one.exchange, What.TRADES))
    asked, now = Asked(one, What.TRADES, request.regular), _now(gateway)
    span = now - min(int(count[:9]) * days, _HISTOGRAM_DAYS) * _DAY, now
    sizes: Counter[Decimal] = Counter()
    for dated in bars_of(gateway.history, asked, _MINUTE, span):
        sizes[Decimal(repr(dated.bar.close))] += dated.bar.volume
    session.send(history_out.histogram(request.req_id, sorted(sizes.items())))


def _nothing(gateway: Gateway, session: Session, request: object) -> None:
    """Cancels of what is answered at once find nothing to end, and TWS says nothing of it."""


def _now(gateway: Gateway) -> int:
    return int(gateway.clock.now().timestamp())


def _found(gateway: Gateway, contract: ContractQuery) -> Instrument:
    """The one contract that is meant. Raises Refused."""
    found = gateway.catalog.find(contract, gateway.clock.now().astimezone(NEW_YORK).date())
    if len(found) != 1:
        raise bq.Refused(*NO_CONTRACT)
    return found[0]


_Handler = Callable[[Gateway, Session, Any], None]


def _answering(handler: _Handler) -> _Handler:
    """The handler with its refusals sent as errors."""

    def answer(gateway: Gateway, session: Session, request: Any) -> None:
        try:
            handler(gateway, session, request)
        except bq.Refused as refused:
            session.send(out.error(request.req_id, *refused.refusal, session.version))

    return answer


_ANSWERS: dict[type, _Handler] = {
    dr.HistoricalData: _historical_data,
    dr.CancelHistoricalData: _cancel_historical_data,
    dr.RealTimeBars: _real_time_bars,
    dr.CancelRealTimeBars: _cancel_real_time_bars,
    dr.HeadTimeStamp: _head_time_stamp,
    dr.CancelHeadTimeStamp: _nothing,
    dr.HistoricalTicks: _historical_ticks,
    dr.Histogram: _histogram,
    dr.CancelHistogram: _nothing,
}
HANDLERS: dict[type, _Handler] = {kind: _answering(handler) for kind, handler in _ANSWERS.items()}
