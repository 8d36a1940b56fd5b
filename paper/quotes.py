"""What an instrument trades at, and how a price becomes bid, ask and last on the price grid. Pure."""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from random import Random

from paper.contracts import Instrument

_SMALLEST_SIZE, _LARGEST_SIZE = 20, 100  # lots on either side: small orders trade whole, large ones in parts
_MAX_TRADE = 5  # lots


@dataclass(frozen=True, slots=True)
class Day:
    """What a day was until now: its open, range and volume, and the close of the one before."""

    open: Decimal
    high: Decimal
    low: Decimal
    volume: int
    close: Decimal


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

    def traded(self, last: Decimal, size: int) -> "Quote":
        """The quote after a trade of `size` at `last`."""
        return replace(
            self,
            last=last,
            last_size=size,
            volume=self.volume + size,
            high=max(self.high, last),
            low=min(self.low, last),
        )

    def of_day(self, day: "Day") -> "Quote":
        """The quote with what was before it on the same day; its own last price is in the range, too."""
        high, low = max(day.high, self.last), min(day.low, self.last)
        return replace(self, volume=day.volume, open=day.open, high=high, low=low, close=day.close)

    def of_new_day(self) -> "Quote":
        """The quote as the next session starts: yesterday's last is the close, the day's range starts afresh."""
        last = self.last
        return replace(self, volume=0, open=last, high=last, low=last, close=last)


def lot(instrument: Instrument) -> int:
    """The unit sizes come in: a contract, a hundred shares, a hundred thousand of a currency."""
    return 100_000 if instrument.is_cash else 1 if instrument.is_option else 100


def on_grid(price: float | Decimal, tick: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
    """The price on the grid of `tick`."""
    return (Decimal(price) / tick).to_integral_value(rounding) * tick


def first_quote(instrument: Instrument, random: Random, middle: float, half_spread: float) -> Quote:
    """The quote of an instrument nobody asked for before."""
    bid, ask = _around(instrument, middle, half_spread)
    unit = lot(instrument)
    sizes = _size(random, unit), _size(random, unit)
    return Quote(bid, ask, bid, *sizes, unit, unit, bid, bid, bid, bid)


def next_quote(
    instrument: Instrument, random: Random, before: Quote, middle: float, half_spread: float
) -> Quote:
    """The quote round a new middle; now and then a trade at bid or ask comes with it."""
    bid, ask = _around(instrument, middle, half_spread)
    unit = lot(instrument)
    bid_size, ask_size = _size(random, unit), _size(random, unit)
    quote = replace(before, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
    if random.random() < 0.5:
        return quote
    return quote.traded(random.choice((bid, ask)), random.randint(1, _MAX_TRADE) * unit)


def moved_quote(instrument: Instrument, before: Quote, middle: float, half_spread: float) -> Quote:
    """The quote after a hand moved the price: a trade of one lot at the middle, sizes as they were."""
    bid, ask = _around(instrument, middle, half_spread)
    last = on_grid(middle, instrument.tick_at(Decimal(middle)))
    return replace(before, bid=bid, ask=ask).traded(max(bid, min(ask, last)), lot(instrument))


def quote_by_hand(
    instrument: Instrument, before: Quote, bid: Decimal, ask: Decimal, last: Decimal | None, size: int | None
) -> Quote:
    """A quote set by hand; `size` on both sides, in shares or contracts, None for as it was."""
    bid_size, ask_size = (before.bid_size, before.ask_size) if size is None else (size, size)
    quote = replace(before, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
    return quote if last is None else quote.traded(last, lot(instrument))


def flat_quote(price: Decimal) -> Quote:
    """The quote of something that has one price for good."""
    return Quote(price, price, price, 0, 0, 0, 0, price, price, price, price)


def _around(instrument: Instrument, middle: float, half_spread: float) -> tuple[Decimal, Decimal]:
    tick = instrument.tick_at(Decimal(middle))
    bid = max(on_grid(middle - half_spread, tick, ROUND_FLOOR), tick)
    ask = max(on_grid(middle + half_spread, tick, ROUND_CEILING), bid + tick)
    return bid, ask


def _size(random: Random, unit: int) -> int:
    return random.randint(_SMALLEST_SIZE, _LARGEST_SIZE) * unit
