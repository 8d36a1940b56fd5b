"""A small market: every price follows from the seed, the instrument and the time that was let pass.

Each underlying walks at random round its starting price. An option is Black-Scholes on its underlying; in the
lively mood its premium also swings by a factor of e^±0.62 with a period of 40 s, phase from the seed, so that
a stop 45 % below and a target 30 % above an entry are never both out of reach. The order in which instruments
are first asked for changes nothing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from random import Random

from paper.contracts import Catalog, Instrument, Underlying
from paper.hours import close_of
from paper.pricing import Greeks, black_scholes

_YEAR_OF_TRADING = 252 * 6.5 * 3600  # seconds
_YEAR = 365 * 86400  # seconds
_CENT = Decimal("0.01")
_SHORTEST_LIFE = 3600 / _YEAR  # an option that expires today still has an hour, whatever the hour


class Mood(StrEnum):
    """How fast prices move."""

    LIVELY = "lively"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Tempo:
    """A mood in numbers. `walk` per square-root second as a fraction (None: the underlying's own volatility)."""

    walk: float | None
    reversion: float  # seconds after which the walk has forgotten where it was
    swing: float  # amplitude of the log of an option's premium
    period: float  # seconds of one swing


TEMPOS = {
    Mood.LIVELY: Tempo(walk=0.0001, reversion=600, swing=0.62, period=40),
    Mood.CALM: Tempo(walk=None, reversion=86400, swing=0, period=40),
}


@dataclass(frozen=True, slots=True)
class Quote:
    """What an instrument trades at. Prices in USD per share, sizes in shares or contracts."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    bid_size: int
    ask_size: int
    last_size: int
    volume: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    @property
    def mark(self) -> Decimal:
        """The price positions are valued at: the middle."""
        return (self.bid + self.ask) / 2


@dataclass(slots=True)
class _Line:
    """One instrument that is followed: its own randomness and its latest quote."""

    instrument: Instrument
    random: Random
    phase: float
    quote: Quote | None = None


class _Walk:
    """The path of one underlying: a mean-reverting walk of the log price."""

    def __init__(self, under: Underlying, tempo: Tempo, random: Random) -> None:
        self._spot = float(under.spot)
        self._sigma = tempo.walk or under.volatility / math.sqrt(_YEAR_OF_TRADING)
        self._reversion = tempo.reversion
        self._random = random
        self._offset = 0.0

    def step(self, seconds: float) -> None:
        self._offset *= math.exp(-seconds / self._reversion)
        self._offset += self._sigma * math.sqrt(seconds) * self._random.gauss(0, 1)

    @property
    def price(self) -> float:
        return self._spot * math.exp(self._offset)


class Market:
    """Quotes of every instrument anybody asked for, moved on by `step`."""

    def __init__(self, catalog: Catalog, seed: int, mood: Mood, start: datetime) -> None:
        self._catalog = catalog
        self._seed = seed
        self._tempo = TEMPOS[mood]
        self._start = start
        self._now = start
        self._walks = {
            under.symbol: _Walk(under, self._tempo, Random(f"{seed}:{under.symbol}"))
            for under in catalog.underlyings
        }
        self._lines: dict[int, _Line] = {}

    def quote(self, instrument: Instrument) -> Quote:
        """The present quote; the instrument is followed from now on."""
        line = self._lines.get(instrument.con_id)
        if line is None:
            random = Random(f"{self._seed}:{instrument.con_id}")
            line = _Line(instrument, random, random.uniform(0, 2 * math.pi))
            self._lines[instrument.con_id] = line
        if line.quote is None:
            line.quote = self._price(line)
        return line.quote

    def greeks(self, instrument: Instrument) -> Greeks:
        """Model price and sensitivities of an option, without the swing."""
        under = self._catalog.underlying_of(instrument)
        day = datetime.strptime(instrument.expiry, "%Y%m%d").replace(tzinfo=UTC).date()
        years = max((close_of(day) - self._now).total_seconds() / _YEAR, _SHORTEST_LIFE)
        spot, strike = self._walks[under.symbol].price, float(instrument.strike)
        return black_scholes(spot, strike, years, self.volatility(instrument), instrument.right)

    def volatility(self, instrument: Instrument) -> float:
        """A year's implied volatility as a fraction; further out of the money is dearer."""
        under = self._catalog.underlying_of(instrument)
        distance = math.log(float(instrument.strike) / float(under.spot))
        return under.volatility * (1 + min(distance * distance, 1.0))

    def underlying_price(self, instrument: Instrument) -> float:
        """USD per share of the stock an instrument rests on."""
        return self._walks[instrument.symbol].price

    def mark(self, instrument: Instrument) -> Decimal:
        """What one share of an instrument is valued at, USD."""
        return self.quote(instrument).mark

    def underlying_mark(self, instrument: Instrument) -> Decimal:
        """What one share of the underlying is valued at, USD, in cents."""
        return Decimal(self.underlying_price(instrument)).quantize(_CENT)

    def step(self, now: datetime) -> frozenset[int]:
        """Let time pass up to `now`. Returns the conIds whose quote changed."""
        seconds = (now - self._now).total_seconds()
        if seconds <= 0:
            return frozenset()
        self._now = now
        for walk in self._walks.values():
            walk.step(seconds)
        return frozenset(self._requote(self._lines.values()))

    def _requote(self, lines: Iterable[_Line]) -> Iterable[int]:
        for line in lines:
            before, line.quote = line.quote, self._price(line)
            if line.quote != before:
                yield line.instrument.con_id

    def _price(self, line: _Line) -> Quote:
        if not line.instrument.is_option:
            middle = self._walks[line.instrument.symbol].price
            return _quote(line, middle, middle * 0.00004)
        elapsed = (self._now - self._start).total_seconds()
        angle = 2 * math.pi * elapsed / self._tempo.period + line.phase
        swing = math.exp(self._tempo.swing * math.sin(angle))
        middle = max(self.greeks(line.instrument).price * swing, 0.02)
        return _quote(line, middle, middle * 0.005)


def _quote(line: _Line, middle: float, half_spread: float) -> Quote:
    """Put bid and ask on the price grid on either side of `middle` and trade now and then between them."""
    random, tick = line.random, line.instrument.tick_at(Decimal(middle))
    bid = max(_on_grid(middle - half_spread, tick, ROUND_FLOOR), tick)
    ask = max(_on_grid(middle + half_spread, tick, ROUND_CEILING), bid + tick)
    unit = 1 if line.instrument.is_option else 100
    bid_size, ask_size = (random.randint(1, 60) * unit for _ in range(2))
    before = line.quote
    if before is None:
        return Quote(bid, ask, bid, bid_size, ask_size, unit, unit, bid, bid, bid, bid)
    quote = replace(before, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
    if random.random() < 0.5:
        return quote
    last, size = random.choice((bid, ask)), random.randint(1, 5) * unit
    return replace(
        quote,
        last=last,
        last_size=size,
        volume=before.volume + size,
        high=max(before.high, last),
        low=min(before.low, last),
    )


def _on_grid(price: float, tick: Decimal, rounding: str) -> Decimal:
    return (Decimal(price) / tick).to_integral_value(rounding) * tick
