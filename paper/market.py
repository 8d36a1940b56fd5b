"""A small market: every price follows from the seed, the instrument, the time let pass and what a hand did to it.

Each underlying walks at random round its starting price. An option is Black-Scholes on its underlying; in the
lively mood its premium also swings by a factor of e^±0.62 with a period of 40 s, phase from the seed, so that
a stop 45 % below and a target 30 % above an entry are never both out of reach. In the still mood nothing moves
but by hand. The order in which instruments are first asked for changes nothing.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from random import Random

from paper.contracts import Catalog, Instrument, Underlying
from paper.hours import NEW_YORK, close_of
from paper.paths import Path, PathName, Point
from paper.pricing import Greeks, black_scholes
from paper.quotes import Day, Quote, first_quote, moved_quote, next_quote

_YEAR_OF_TRADING = 252 * 6.5 * 3600  # seconds
_YEAR = 365 * 86400  # seconds
_CENT = Decimal("0.01")
_SHORTEST_LIFE = 3600 / _YEAR  # an option that expires today still has an hour, whatever the hour
_CHEAPEST = 0.02  # USD; an option is never worth less
_STOCK_SPREAD, _OPTION_SPREAD = 0.00004, 0.005  # half the spread as a fraction of the price
_LONGEST_STEP = 3600.0  # seconds of walking at a time: a closed market does not walk on


def half_spread_of(instrument: Instrument) -> float:
    """Half the spread as a fraction of the price."""
    return _OPTION_SPREAD if instrument.is_option else _STOCK_SPREAD


class Mood(StrEnum):
    """How fast prices move."""

    LIVELY = "lively"
    CALM = "calm"
    STILL = "still"


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
    Mood.STILL: Tempo(walk=0.0, reversion=86400, swing=0, period=40),
}


@dataclass(slots=True)
class _Line:
    """One instrument that is followed: its own randomness, its latest quote, and what a hand does to it."""

    instrument: Instrument
    random: Random
    phase: float
    quote: Quote | None = None
    pinned: bool = False
    path: Path | None = None
    path_since: datetime | None = None


class _Walk:
    """The path of one underlying: a walk of the log price that tends back to where it was last put."""

    def __init__(self, under: Underlying, tempo: Tempo, random: Random) -> None:
        self._spot = float(under.spot)
        own = under.volatility / math.sqrt(_YEAR_OF_TRADING)
        self._sigma = own if tempo.walk is None else tempo.walk
        self._reversion = tempo.reversion
        self._random = random
        self._offset = 0.0

    def step(self, seconds: float) -> None:
        self._offset *= math.exp(-seconds / self._reversion)
        self._offset += self._sigma * math.sqrt(seconds) * self._random.gauss(0, 1)

    def put(self, price: float) -> None:
        self._spot, self._offset = price, 0.0

    @property
    def price(self) -> float:
        return self._spot * math.exp(self._offset) if self._offset else self._spot


class Market:
    """Quotes of every instrument anybody asked for, moved on by `step` and by hand."""

    def __init__(self, catalog: Catalog, seed: int, mood: Mood, start: datetime) -> None:
        self.catalog = catalog
        self._seed = seed
        self._mood = mood
        self._tempo = TEMPOS[mood]
        self._start = start
        self._now = start
        self._walks = {
            under.symbol: _Walk(under, self._tempo, Random(f"{seed}:{under.symbol}"))
            for under in catalog.underlyings
        }
        self._lines: dict[int, _Line] = {}
        self.day_of: Callable[[Instrument, datetime], Day | None] | None = None  # who knows what came before
        self._halted: set[str] = set()  # symbols
        self._touched: set[int] = set()  # conIds moved by hand since the last step

    def quote(self, instrument: Instrument) -> Quote:
        """The present quote; the instrument is followed from now on."""
        line = self._line(instrument)
        if line.quote is None:
            line.quote = self._price(line)
        return line.quote

    def followed(self, con_id: int) -> Quote | None:
        """The quote of an instrument that somebody asked for before; None for any other conId."""
        line = self._lines.get(con_id)
        return line.quote if line else None

    def all_followed(self) -> Iterator[tuple[Instrument, Quote]]:
        """Everything that somebody asked for before, with its present quote."""
        for line in self._lines.values():
            if line.quote is not None:
                yield line.instrument, line.quote

    def greeks(self, instrument: Instrument) -> Greeks:
        """Model price and sensitivities of an option, without the swing."""
        spot = self._walks[self.catalog.underlying_of(instrument).symbol].price
        return self.greeks_at(instrument, spot, self.volatility(instrument), self._now)

    def greeks_at(self, instrument: Instrument, spot: float, volatility: float, at: datetime) -> Greeks:
        """The same at another price of the underlying, USD, volatility and time."""
        day = datetime.strptime(instrument.expiry, "%Y%m%d").replace(tzinfo=UTC).date()
        years = max((close_of(day) - at).total_seconds() / _YEAR, _SHORTEST_LIFE)
        return black_scholes(spot, float(instrument.strike), years, volatility, instrument.right)

    def volatility(self, instrument: Instrument) -> float:
        """A year's implied volatility as a fraction; further out of the money is dearer."""
        under = self.catalog.underlying_of(instrument)
        distance = math.log(float(instrument.strike) / float(under.spot))
        return under.volatility * (1 + min(distance * distance, 1.0))

    def underlying_price(self, instrument: Instrument) -> float:
        """USD per share of the stock or index an instrument rests on."""
        walk = self._walks.get(instrument.symbol)
        return walk.price if walk else float(self.mark(instrument))

    def walking_price(self, symbol: str) -> float:
        """USD per share of something in the catalogue, as it walks, whoever follows it."""
        return self._walks[symbol].price

    def mark(self, instrument: Instrument) -> Decimal:
        """What one share of an instrument is valued at, USD."""
        return self.quote(instrument).mark

    def underlying_mark(self, instrument: Instrument) -> Decimal:
        """What one share of the underlying is valued at, USD, in cents."""
        return Decimal(self.underlying_price(instrument)).quantize(_CENT)

    def is_halted(self, instrument: Instrument) -> bool:
        """Whether trading of an instrument or of what it rests on is halted."""
        if instrument.symbol in self._halted:
            return True
        lines = (self._lines.get(con_id) for con_id in (instrument.con_id, instrument.under_con_id))
        points = (self._point(line) for line in lines if line is not None)
        return any(point is not None and point.halted for point in points)

    def step(self, now: datetime) -> frozenset[int]:
        """Let time pass up to `now`. Returns the conIds whose quote changed since the last step."""
        seconds = (now - self._now).total_seconds()
        if seconds > 0:
            self._now = now
            for walk in self._walks.values():
                walk.step(min(seconds, _LONGEST_STEP))
            self._touched.update(
                line.instrument.con_id for line in self._lines.values() if self._requote(line)
            )
        changed, self._touched = frozenset(self._touched), set()
        return changed

    def new_day(self) -> None:
        """Forget options that are no more; the last price becomes the close, and volume and range start afresh."""
        today = f"{self._now.astimezone(NEW_YORK):%Y%m%d}"
        self._lines = {
            con_id: line
            for con_id, line in self._lines.items()
            if not line.instrument.is_option or line.instrument.expiry >= today
        }
        for line in self._lines.values():
            if line.quote is not None:
                line.quote = line.quote.of_new_day()
                self._touched.add(line.instrument.con_id)

    # What a hand can do.

    def move(self, symbol: str, price: float) -> None:
        """Put an underlying at a price, USD; its options follow. It goes on walking from there."""
        self._walks[symbol].put(price)
        for line in self._lines.values():
            if line.instrument.symbol == symbol and not line.pinned and line.quote is not None:
                line.quote = moved_quote(line.instrument, line.quote, *self._middle(line, None))
                self._touched.add(line.instrument.con_id)

    def pin(self, instrument: Instrument, quote: Quote) -> None:
        """Fix an instrument's quote until it is let go."""
        line = self._line(instrument)
        line.quote, line.pinned, line.path = quote, True, None
        self._touched.add(instrument.con_id)

    def let_go(self, instrument: Instrument) -> None:
        """Undo a pin or end a path; the instrument moves by itself again."""
        line = self._line(instrument)
        line.pinned, line.path = False, None
        line.quote = moved_quote(instrument, self.quote(instrument), *self._middle(line, None))
        self._touched.add(instrument.con_id)

    def halt(self, symbol: str, halted: bool) -> None:
        """Stop or resume trading in a symbol and its options."""
        (self._halted.add if halted else self._halted.discard)(symbol)
        self._touched.update(
            line.instrument.con_id for line in self._lines.values() if line.instrument.symbol == symbol
        )

    def follow(self, instrument: Instrument, name: PathName, level: float, seconds: float) -> None:
        """Start a path from the present price. A stock's options follow the stock."""
        line = self._line(instrument)
        start = float(self.quote(instrument).mark)
        line.path, line.path_since, line.pinned = Path(name, start, level, seconds), self._now, False

    def _line(self, instrument: Instrument) -> _Line:
        line = self._lines.get(instrument.con_id)
        if line is None:
            random = Random(f"{self._seed}:{instrument.con_id}")
            line = _Line(instrument, random, random.uniform(0, 2 * math.pi))
            self._lines[instrument.con_id] = line
        return line

    def _point(self, line: _Line) -> Point | None:
        if line.path is None or line.path_since is None:
            return None
        return line.path.at((self._now - line.path_since).total_seconds())

    def _requote(self, line: _Line) -> bool:
        """Bring a line's quote up to the present; whether it changed."""
        before = line.quote
        if before is None or line.pinned:
            return False
        if line.path is not None:
            self._walk_path(line, line.path)
        elif self._mood is not Mood.STILL:
            line.quote = self._price(line)
        return line.quote != before

    def _walk_path(self, line: _Line, path: Path) -> None:
        """Follow a path; at its end a stock walks on from there and an option stays there."""
        point = self._point(line)
        over = point is None
        where = point or Point(path.end)
        if not line.instrument.is_option:
            self.move(line.instrument.symbol, where.price)
        line.quote = moved_quote(line.instrument, self.quote(line.instrument), *self._middle(line, where))
        if over:
            line.path, line.pinned = None, line.instrument.is_option

    def _price(self, line: _Line) -> Quote:
        middle, half_spread = self._middle(line, None)
        if line.quote is None:
            quote = first_quote(line.instrument, line.random, middle, half_spread)
            day = self.day_of(line.instrument, self._now) if self.day_of else None
            return quote.of_day(day) if day else quote
        return next_quote(line.instrument, line.random, line.quote, middle, half_spread)

    def _middle(self, line: _Line, point: Point | None) -> tuple[float, float]:
        """The middle of the spread and half the spread, USD."""
        share = half_spread_of(line.instrument)
        if point is not None:
            return point.price, point.price * share * point.spread
        if not line.instrument.is_option:
            middle = self._walks[line.instrument.symbol].price
            return middle, middle * share
        elapsed = (self._now - self._start).total_seconds()
        angle = 2 * math.pi * elapsed / self._tempo.period + line.phase
        swing = math.exp(self._tempo.swing * math.sin(angle))
        middle = max(self.greeks(line.instrument).price * swing, _CHEAPEST)
        return middle, middle * share
