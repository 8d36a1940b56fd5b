"""The market follows from its seed, and from the hand that moves it."""

from datetime import timedelta
from decimal import Decimal

from paper.contracts import Catalog, ContractQuery
from paper.market import Market, Mood
from paper.quotes import Quote
from tests.paper.desk import AAPL, CALL, MONDAY

_CATALOG = Catalog()
_STOCK = _CATALOG.find(AAPL, MONDAY.date())[0]
_OPTION = _CATALOG.find(CALL, MONDAY.date())[0]


def run(seed: int, mood: Mood, first: str = "stock") -> list[Quote]:
    """A minute of quotes."""
    market = Market(_CATALOG, seed, mood, MONDAY)
    market.quote(_STOCK if first == "stock" else _OPTION)
    quotes = []
    for second in range(60):
        market.step(MONDAY + timedelta(seconds=second))
        quotes += [market.quote(_STOCK), market.quote(_OPTION)]
    return quotes


def test_quotes_follow_from_the_seed() -> None:
    """The same seed gives the same quotes, another one others."""
    assert run(1, Mood.CALM) == run(1, Mood.CALM)
    assert run(1, Mood.CALM) != run(2, Mood.CALM)


def test_still_market_stands_still() -> None:
    """Nothing moves but by hand."""
    assert len(set(run(1, Mood.STILL))) == 2


def test_lively_option_swings_through_a_bracket() -> None:
    """Within 40 s an option's premium is 30 % above and 45 % below where it was at some time before."""
    marks = [quote.mark for quote in run(1, Mood.LIVELY)[1::2]]
    assert max(marks) / min(marks) > Decimal("2.5")


def test_changes_are_told_once() -> None:
    """A step names what changed since the last one; without time and hand nothing changes."""
    market = Market(_CATALOG, 1, Mood.STILL, MONDAY)
    market.quote(_STOCK)
    market.quote(_OPTION)
    assert market.step(MONDAY) == frozenset()
    market.move("AAPL", 200)
    assert market.step(MONDAY) == {_STOCK.con_id}
    assert market.step(MONDAY) == frozenset()
    assert abs(market.mark(_STOCK) - 200) < 1


def test_new_day_starts_from_the_last_price() -> None:
    """Yesterday's last is the close; volume starts at 0."""
    market = Market(_CATALOG, 1, Mood.STILL, MONDAY)
    market.quote(_STOCK)
    market.move("AAPL", 200)
    market.quote(_OPTION)
    market.new_day()
    assert market.followed(_OPTION.con_id) is not None
    quote = market.quote(_STOCK)
    assert (quote.close, quote.volume) == (quote.last, 0)


def test_only_followed_instruments_have_a_quote_by_id() -> None:
    """An instrument nobody asked for has none."""
    market = Market(_CATALOG, 1, Mood.STILL, MONDAY)
    assert market.followed(_STOCK.con_id) is None
    quote = market.quote(_STOCK)
    assert market.followed(_STOCK.con_id) == quote
    assert _CATALOG.find(ContractQuery(symbol="SPX", sec_type="IND"), MONDAY.date())[0].is_index


def test_expired_options_are_forgotten() -> None:
    """A market that runs for months follows only what can still be traded."""
    market = Market(_CATALOG, 1, Mood.STILL, MONDAY)
    market.quote(_OPTION)
    market.step(MONDAY + timedelta(days=40))
    market.new_day()
    assert market.followed(_OPTION.con_id) is None
