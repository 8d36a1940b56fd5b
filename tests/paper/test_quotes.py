"""Quotes on the price grid."""

from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from paper.quotes import Day, first_quote, flat_quote, lot, moved_quote, next_quote, on_grid, quote_by_hand
from tests.paper.desk import CALL, Desk

_STOCK, _OPTION = Desk().instrument(), Desk().instrument(CALL)


@given(st.sampled_from([_STOCK, _OPTION]), st.floats(0.02, 2000), st.integers(0, 99))
def test_every_quote_is_on_the_grid_and_not_crossed(one: object, middle: float, seed: int) -> None:
    """Law: bid and ask lie on the instrument's grid, bid above 0 and below ask, sizes in whole lots."""
    instrument = _STOCK if one is _STOCK else _OPTION
    random = Random(seed)
    first = first_quote(instrument, random, middle, middle * 0.005)
    for quote in (
        first,
        next_quote(instrument, random, first, middle, middle * 0.005),
        moved_quote(instrument, first, middle, middle * 0.1),
    ):
        assert 0 < quote.bid < quote.ask
        tick = instrument.tick_at(Decimal(middle))
        assert quote.bid % tick == 0
        assert quote.ask % tick == 0
        assert quote.low <= quote.last <= quote.high
        assert quote.bid_size % lot(instrument) == 0


def test_hand_made_quotes() -> None:
    """Sizes and last stay unless given; a flat quote has one price; a new day starts from the last price."""
    before = flat_quote(Decimal(5))
    quote = quote_by_hand(_STOCK, before, Decimal(6), Decimal(8), None, None)
    assert [quote.mark, quote.last, quote.bid_size] == [Decimal(7), Decimal(5), 0]
    quote = quote_by_hand(_STOCK, before, Decimal(6), Decimal(8), Decimal(7), 3)
    assert (quote.last, quote.high, quote.volume, quote.ask_size) == (Decimal(7), Decimal(7), 100, 3)
    fresh = quote.of_new_day()
    assert (fresh.close, fresh.low, fresh.volume) == (Decimal(7), Decimal(7), 0)


def test_a_quote_takes_over_its_day() -> None:
    """Open, close and volume are the day's; its range holds the present price, too."""
    day = Day(Decimal(4), Decimal("4.5"), Decimal(3), 700, Decimal("3.5"))
    quote = flat_quote(Decimal(5)).of_day(day)
    assert [quote.open, quote.high, quote.low, quote.close] == [4, 5, 3, Decimal("3.5")]
    assert [quote.volume, quote.last] == [700, 5]


def test_rounding_to_the_grid() -> None:
    """Half a tick goes up."""
    assert on_grid(Decimal("1.025"), Decimal("0.05")) == Decimal("1.05")
