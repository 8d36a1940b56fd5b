"""Bars of any instrument: its past from the seed, and what it did since the gateway started as it was seen.

The past of an option is what the model makes of its underlying's past; bid, ask and trades of a past lie round its
middle as they do in the market now. Pure but for what `observe` reads of the market.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from paper.bars import Bar, merge, within
from paper.contracts import MARKET_RULES, Catalog, Instrument
from paper.hours import NEW_YORK, Hours
from paper.market import Market, half_spread_of
from paper.past import Past, Stretch, stretches
from paper.quotes import Day, Quote
from paper.track import GRAIN, Track

_MINUTE = 60
_SEARCHED = 14  # days in which there is a session whatever the holidays
_LEAST = 0.02  # USD; an option is never worth less
_PER_OPTION = 5000  # shares of the underlying that trade for each contract of an option
_PLACES, _DUST = 6, 1e-9  # of prices; of what binary fractions are off


class What(StrEnum):
    """Whose prices a bar is of, in IB's words."""

    TRADES = "TRADES"
    MIDPOINT = "MIDPOINT"
    BID = "BID"
    ASK = "ASK"
    BID_ASK = "BID_ASK"


class History:
    """All bars of one market since `YEARS` before `start`."""

    def __init__(self, catalog: Catalog, market: Market, seed: int, hours: Hours, start: datetime) -> None:
        self._market = market
        self._catalog = catalog
        self.hours = hours
        self.start = int(start.timestamp()) // _MINUTE * _MINUTE
        self._pasts = {
            under.symbol: Past(
                f"{seed}:{under.symbol}",
                float(under.spot),
                under.volatility,
                hours,
                start,
                traded=under.sec_type == "STK",
            )
            for under in catalog.underlyings
        }
        self._tracks: dict[tuple[str, str], Track] = {}  # by symbol or conId, and what
        self._seen_quotes: dict[int, tuple[Quote, int]] = {}  # by conId, and when they were looked at
        for under in catalog.underlyings:  # the past ends with a full minute
            for at in range(self.start, int(start.timestamp()), GRAIN):
                self._track(under.symbol, What.MIDPOINT).see(at, float(under.spot))

    def observe(self, now: datetime) -> None:
        """Look at the market as it is."""
        at = int(now.timestamp())
        for under in self._catalog.underlyings:
            self._track(under.symbol, What.MIDPOINT).see(at, self._market.walking_price(under.symbol))
        for instrument, quote in self._market.all_followed():
            before, seen = self._seen_quotes.get(instrument.con_id, (quote, -1))
            if quote is not before or seen // GRAIN != at // GRAIN:
                self._seen_quotes[instrument.con_id] = quote, at
                self._see(instrument, at, quote, max(quote.volume - before.volume, 0))

    def _see(self, instrument: Instrument, at: int, quote: Quote, traded: int) -> None:
        """Look at one quote and at what was traded since the last."""
        key = str(instrument.con_id)
        self._track(key, What.MIDPOINT).see(at, float(quote.mark))
        self._track(key, What.BID).see(at, float(quote.bid))
        self._track(key, What.ASK).see(at, float(quote.ask))
        self._track(key, What.TRADES).see(at, float(quote.last), traded)

    def knows(self, instrument: Instrument, what: What) -> bool:
        """Whether there is such data at all: an index has no bid and ask, a currency no trades."""
        if instrument.is_index:
            return what is What.TRADES
        return not (instrument.is_cash and what is What.TRADES)

    def first_day(self, instrument: Instrument) -> date | None:
        """The day from which something is known; None for what was listed by hand."""
        past = self._past(instrument)
        return past.first_day if past else None

    def day_of(self, instrument: Instrument, now: datetime) -> Day | None:
        """What the present day's regular session was until now; None for what has no past."""
        if self._past(instrument) is None:
            return None
        today, until = now.astimezone(NEW_YORK).date(), int(now.timestamp())
        found = self.stretches(instrument, today - timedelta(days=_SEARCHED), today, regular=True)
        begun = [one for one in found if one.begin <= until]
        what = What.MIDPOINT if instrument.is_cash else What.TRADES
        over = [one for one in begun if one.day < today][-1]
        before = self.whole(instrument, what, over, until)
        present = self.whole(instrument, what, begun[-1], until) if begun[-1].day == today else None
        assert before is not None  # a past is years long
        if present is None:
            close = Decimal(repr(before.close))
            return Day(close, close, close, 0, close)
        prices = (present.open, present.high, present.low, before.close)
        open_, high, low, close = (Decimal(repr(price)) for price in prices)
        return Day(open_, high, low, present.volume, close)

    def stretches(
        self, instrument: Instrument, since: date, until: date, *, regular: bool
    ) -> Iterator[Stretch]:
        """When an instrument trades; options and indexes only in regular hours."""
        only = regular or instrument.is_option or instrument.is_index
        return (one for one in stretches(self.hours, since, until) if one.regular or not only)

    def whole(self, instrument: Instrument, what: What, stretch: Stretch, until: int) -> Bar | None:
        """One bar of a stretch up to `until`, seconds since 1970; None when nothing happened."""
        past = self._past(instrument)
        if past is not None and stretch.end <= min(self.start, until):
            bar = past.bar(stretch)
            return None if bar is None else self._shown(instrument, what, bar)
        found = self.minutes(instrument, what, stretch, until)
        return merge(found) if found else None

    def minutes(self, instrument: Instrument, what: What, stretch: Stretch, until: int) -> list[Bar]:
        """The minutes of a stretch up to `until`; the last one may still be going on."""
        return [
            *self._before(instrument, what, stretch, _MINUTE, (stretch.begin, until)),
            *self._since(instrument, what, stretch, _MINUTE, (stretch.begin, until)),
        ]

    def fine(
        self, instrument: Instrument, what: What, stretch: Stretch, seconds: int, span: tuple[int, int]
    ) -> list[Bar]:
        """Bars of less than a minute that divide one, of the part of a stretch that lies in a span of time."""
        return [
            *self._before(instrument, what, stretch, seconds, span),
            *self._since(instrument, what, stretch, seconds, span),
        ]

    def _before(
        self, instrument: Instrument, what: What, stretch: Stretch, seconds: int, span: tuple[int, int]
    ) -> Iterator[Bar]:
        """What happened before the gateway started."""
        past = self._past(instrument)
        if past is None or stretch.begin >= self.start:
            return
        since, until = span
        for minute in past.minutes(stretch):
            if minute.end > since and minute.start < until:
                parts = [minute] if seconds == _MINUTE else past.parts(minute, seconds)
                for bar in parts if since <= minute.start and minute.end <= until else within(parts, *span):
                    yield self._shown(instrument, what, bar)

    def _since(
        self, instrument: Instrument, what: What, stretch: Stretch, seconds: int, span: tuple[int, int]
    ) -> Iterator[Bar]:
        """What was seen since the start; what nobody followed is worked out from the underlying."""
        since, until = max(stretch.begin, span[0]), min(stretch.end, span[1])
        if until <= self.start:
            return
        own = self._own(instrument, what, seconds)
        sure = own[0].start if own else until
        walked = self._tracks.get((instrument.symbol, What.MIDPOINT)) if self._past(instrument) else None
        for bar in walked.bars(seconds) if walked else ():
            if since <= bar.start < min(until, sure):
                yield self._shown(instrument, what, bar)
        yield from (bar for bar in own if since <= bar.start < until)

    def _own(self, instrument: Instrument, what: What, seconds: int) -> list[Bar]:
        """The bars of an instrument that was followed, from when it was."""
        key = str(instrument.con_id)
        if (key, What.MIDPOINT) not in self._tracks:
            return []
        if what is What.BID_ASK:
            sides = (self._seen(instrument, side, seconds) for side in (What.BID, What.ASK))
            return [_both(*pair) for pair in zip(*sides, strict=True)]
        return self._seen(instrument, what, seconds)

    def _seen(self, instrument: Instrument, what: What, seconds: int) -> list[Bar]:
        """One price of an instrument that was followed; parts of what was seen are put on its grid."""
        bars = self._tracks[str(instrument.con_id), what].bars(seconds)
        if seconds >= GRAIN:
            return list(bars)
        sides = _Sides(instrument)
        snap = sides.half if what is What.MIDPOINT else sides.trade
        return [_each(bar, snap) for bar in bars]

    def _track(self, key: str, what: What) -> Track:
        track = self._tracks.get((key, what))
        if track is None:
            track = self._tracks[key, what] = Track(f"{key}:{what}")
        return track

    def _past(self, instrument: Instrument) -> Past | None:
        listed = self._catalog.is_listed(instrument)
        return self._pasts[instrument.symbol] if listed else None

    def _shown(self, instrument: Instrument, what: What, bar: Bar) -> Bar:
        """The middle of an underlying as a bar of an instrument's prices on its grid."""
        if instrument.is_option:
            bar = self._of_option(instrument, bar)
        sides = _Sides(instrument)
        match what:
            case What.TRADES:
                return replace(_each(bar, sides.trade), wap=round(bar.wap, 3))
            case What.BID:
                return _each(bar, sides.bid)
            case What.ASK:
                return _each(bar, sides.ask)
            case What.MIDPOINT:
                return _each(bar, sides.middle)
            case What.BID_ASK:
                return _both(_each(bar, sides.bid), _each(bar, sides.ask))

    def _of_option(self, instrument: Instrument, bar: Bar) -> Bar:
        """The model's prices of an option over a bar of its underlying."""
        volatility = self._market.volatility(instrument)
        at = datetime.fromtimestamp(bar.end, UTC).astimezone(NEW_YORK)

        def price(spot: float) -> float:
            return max(self._market.greeks_at(instrument, spot, volatility, at).price, _LEAST)

        one, other = price(bar.high), price(bar.low)
        volume = bar.volume // _PER_OPTION
        return replace(
            bar,
            open=price(bar.open),
            high=max(one, other),
            low=min(one, other),
            close=price(bar.close),
            volume=volume,
            count=min(bar.count, volume),
            wap=price(bar.wap or bar.close),
        )


def _both(bid: Bar, ask: Bar) -> Bar:
    """A bar of bid and ask: their averages as open and close, the highest ask and the lowest bid."""
    return replace(
        bid, open=round(bid.middle, _PLACES), high=ask.high, low=bid.low, close=round(ask.middle, _PLACES)
    )


class _Sides:
    """Prices on an instrument's grid for a middle, USD; in binary fractions, as a year has many bars."""

    def __init__(self, instrument: Instrument) -> None:
        self._half = half_spread_of(instrument)
        self._bands = [(float(edge), float(tick)) for edge, tick in MARKET_RULES[instrument.market_rule]]

    def trade(self, price: float) -> float:
        """The nearest price on the grid."""
        tick = self._tick(price)
        return max(round(round(price / tick) * tick, _PLACES), tick)

    def bid(self, price: float) -> float:
        """The best bid round a middle."""
        tick = self._tick(price)
        steps = math.floor(price * (1 - self._half) / tick + _DUST)
        return max(round(steps * tick, _PLACES), tick)

    def ask(self, price: float) -> float:
        """The best ask, at least a tick above the bid."""
        tick = self._tick(price)
        steps = math.ceil(price * (1 + self._half) / tick - _DUST)
        return max(round(steps * tick, _PLACES), round(self.bid(price) + tick, _PLACES))

    def half(self, price: float) -> float:
        """The nearest half step."""
        tick = self._tick(price) / 2
        return max(round(round(price / tick) * tick, _PLACES), tick)

    def middle(self, price: float) -> float:
        """Half-way between bid and ask."""
        return round((self.bid(price) + self.ask(price)) / 2, _PLACES)

    def _tick(self, price: float) -> float:
        return [tick for edge, tick in self._bands if price >= edge][-1]


def _each(bar: Bar, change: Callable[[float], float]) -> Bar:
    return replace(
        bar, open=change(bar.open), high=change(bar.high), low=change(bar.low), close=change(bar.close)
    )
