"""Bars of instruments: their past, what was seen of them since, and both on their grid."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from paper.bars import merge
from paper.contracts import Catalog, ContractQuery, Instrument
from paper.history import History, What
from paper.hours import NEW_YORK, Hours
from paper.market import Market, Mood
from paper.past import Stretch, stretches_of
from paper.quotes import flat_quote, quote_by_hand

_START = datetime(2026, 11, 23, 12, tzinfo=NEW_YORK)
_FRIDAY = stretches_of(Hours.NYSE, date(2026, 11, 20))[1]
_MONDAY = stretches_of(Hours.NYSE, date(2026, 11, 23))[1]
_CATALOG = Catalog()


def find(**terms: object) -> Instrument:
    """The one instrument of these terms."""
    (one,) = _CATALOG.find(ContractQuery(**terms), _START.date())  # type: ignore[arg-type]
    return one


_AAPL = find(symbol="AAPL", sec_type="STK")
_EURO = find(symbol="EUR", sec_type="CASH")
_INDEX = find(symbol="SPX", sec_type="IND")
_CALL = find(symbol="AAPL", sec_type="OPT", expiry="20261218", strike=Decimal(265), right="C")
_PUT = find(symbol="AAPL", sec_type="OPT", expiry="20261218", strike=Decimal(265), right="P")


@pytest.fixture
def market() -> Market:
    """One that stands still."""
    return Market(_CATALOG, 1, Mood.STILL, _START)


@pytest.fixture
def history(market: Market) -> History:
    """Of that market."""
    return History(_CATALOG, market, 1, Hours.NYSE, _START)


def watch(history: History, market: Market, *, seconds: int, since: int = 0) -> None:
    """Let time pass, a look a second."""
    for second in range(since, since + seconds):
        market.step(_START + timedelta(seconds=second))
        history.observe(_START + timedelta(seconds=second))


def live(history: History, one: Instrument, what: What, seconds: int = 5) -> list[object]:
    """The bars since the start."""
    begin = int(_START.timestamp())
    return list(history.fine(one, what, _MONDAY, seconds, (begin, begin + 3600)))


@pytest.mark.parametrize("what", list(What))
def test_a_day_is_its_minutes(history: History, what: What) -> None:
    """Open, high, low, close and volume of a whole session are those of its minutes, for every kind of price."""
    whole = history.whole(_AAPL, what, _FRIDAY, _FRIDAY.end)
    minutes = history.minutes(_AAPL, what, _FRIDAY, _FRIDAY.end)
    together = merge(minutes)
    assert whole is not None
    assert len(minutes) == 390
    assert (whole.high, whole.low, whole.volume) == (together.high, together.low, together.volume)
    if what is not What.BID_ASK:  # its open and close are averages
        assert (whole.open, whole.close) == (together.open, together.close)


def test_prices_of_a_bar_are_on_the_grid_and_in_order(history: History) -> None:
    """Bid below trades or at them, ask above, the middle half-way, each in steps of a cent or half of one."""
    bars = {what: history.minutes(_AAPL, what, _FRIDAY, _FRIDAY.end)[60] for what in What}
    bid, ask, middle = bars[What.BID], bars[What.ASK], bars[What.MIDPOINT]
    assert bid.close < bars[What.TRADES].close < ask.close
    assert middle.close == pytest.approx((bid.close + ask.close) / 2)
    assert all(
        round(bar.close * 200, 6).is_integer() for bar in bars.values() if bar is not bars[What.BID_ASK]
    )
    assert (bars[What.BID_ASK].low, bars[What.BID_ASK].high) == (bid.low, ask.high)


def test_the_past_and_the_present_meet(history: History, market: Market) -> None:
    """The last minute before the start ends at the price the market starts from; the first look goes on from there."""
    before = history.minutes(_AAPL, What.MIDPOINT, _MONDAY, int(_START.timestamp()))[-1]
    assert before.close == pytest.approx(float(market.mark(_AAPL)), abs=0.02)
    watch(history, market, seconds=5)
    (first,) = live(history, _AAPL, What.MIDPOINT)
    assert first.open == pytest.approx(before.close, abs=0.02)  # type: ignore[attr-defined]


def test_what_was_seen_is_told_as_it_was(history: History, market: Market) -> None:
    """Bid, ask and trades of a stock that is followed are those of its quotes, volume included."""
    quote = market.quote(_AAPL)
    watch(history, market, seconds=5)
    market.pin(_AAPL, flat_quote(Decimal("270.5")).traded(Decimal(271), 700))
    watch(history, market, seconds=5, since=5)
    first, second = live(history, _AAPL, What.TRADES)
    assert (first.open, first.close) == (float(quote.last), float(quote.last))  # type: ignore[attr-defined]
    assert (second.open, second.high, second.close) == (271, 271, 271)  # type: ignore[attr-defined]
    assert merge(history.minutes(_AAPL, What.TRADES, _MONDAY, _MONDAY.end)).high == 271
    assert [bar.close for bar in live(history, _AAPL, What.BID)] == [float(quote.bid), 270.5]  # type: ignore[attr-defined]


def test_bid_and_ask_that_were_seen_make_one_bar(history: History, market: Market) -> None:
    """Averages of bid and ask as open and close, the lowest bid, the highest ask."""
    market.quote(_AAPL)
    quote = flat_quote(Decimal(270))
    for second, (bid, ask) in enumerate(((269, 271), (268, 272))):
        market.pin(_AAPL, quote_by_hand(_AAPL, quote, Decimal(bid), Decimal(ask), None, None))
        watch(history, market, seconds=1, since=second)
    (bar,) = live(history, _AAPL, What.BID_ASK)
    assert (bar.open, bar.high, bar.low, bar.close) == (268.5, 272, 268, 271.5)  # type: ignore[attr-defined]


def test_a_stock_nobody_followed_is_told_by_its_walk(history: History, market: Market) -> None:
    """Its bars go on although nobody asked for its quotes; when somebody does they go over into those."""
    watch(history, market, seconds=60)
    assert len(live(history, _AAPL, What.BID)) == 12
    market.quote(_AAPL)
    watch(history, market, seconds=60, since=60)
    starts = [bar.start for bar in live(history, _AAPL, What.BID)]  # type: ignore[attr-defined]
    assert starts == [int(_START.timestamp()) + 5 * at for at in range(24)]


def test_seconds_of_what_was_seen_are_on_the_grid(history: History, market: Market) -> None:
    """Parts of five seconds are made up, but not their prices' decimals."""
    market.quote(_AAPL)
    watch(history, market, seconds=10)
    for what, steps in ((What.BID, 100), (What.MIDPOINT, 200)):
        bars = live(history, _AAPL, what, 1)
        assert len(bars) == 10
        assert all(round(bar.close * steps, 6).is_integer() for bar in bars)  # type: ignore[attr-defined]


def test_an_option_is_what_the_model_makes_of_its_stock(history: History) -> None:
    """A call is highest when the stock is, a put lowest; fewer contracts trade than shares."""
    stock = history.whole(_AAPL, What.TRADES, _FRIDAY, _FRIDAY.end)
    call = history.whole(_CALL, What.TRADES, _FRIDAY, _FRIDAY.end)
    put = history.whole(_PUT, What.TRADES, _FRIDAY, _FRIDAY.end)
    assert stock is not None
    assert call is not None
    assert put is not None
    assert (call.close > call.open) == (stock.close > stock.open) == (put.close < put.open)
    assert 0 < call.low < call.high < stock.high
    assert call.count <= call.volume < stock.volume / 1000


def test_an_option_that_is_followed_goes_on_from_the_model(history: History, market: Market) -> None:
    """Before somebody followed it the model tells of it, after that its quotes."""
    watch(history, market, seconds=5)
    quote = market.quote(_CALL)
    watch(history, market, seconds=5, since=5)
    model, seen = live(history, _CALL, What.ASK)
    assert model.close == pytest.approx(float(quote.ask), rel=0.05)  # type: ignore[attr-defined]
    assert seen.close == float(quote.ask)  # type: ignore[attr-defined]


def test_regular_hours_only_for_options_and_indexes(history: History) -> None:
    """Whatever is asked, they have no bars before the open; a stock has."""
    day = date(2026, 11, 20)
    counts = {
        one.symbol: len(list(history.stretches(one, day, day, regular=False))) for one in (_AAPL, _INDEX)
    }
    assert counts == {"AAPL": 3, "SPX": 1}
    assert len(list(history.stretches(_CALL, day, day, regular=False))) == 1
    assert len(list(history.stretches(_AAPL, day, day, regular=True))) == 1


def test_what_there_is_of_what(history: History) -> None:
    """An index has no bid and ask, a currency no trades, a stock everything."""
    assert [what for what in What if history.knows(_INDEX, what)] == [What.TRADES]
    assert What.TRADES not in [what for what in What if history.knows(_EURO, what)]
    assert all(history.knows(_AAPL, what) for what in What)


def test_what_was_listed_by_hand_has_no_past(market: Market) -> None:
    """Only what was seen of it."""
    catalog = Catalog()
    future = Instrument(7, "MES", "FUT", "MESZ6", "MES", "Micro", "CME", 26, expiry="20261218")
    catalog.add(future)
    history = History(catalog, market, 1, Hours.NYSE, _START)
    assert history.first_day(future) is None
    assert history.day_of(future, _START) is None
    assert history.whole(future, What.TRADES, _FRIDAY, _FRIDAY.end) is None
    market.pin(future, flat_quote(Decimal(7000)))
    history.observe(_START)
    begin = int(_START.timestamp())
    stretch = Stretch(_START.date(), _MONDAY.begin, _MONDAY.end, regular=True)
    (seen,) = history.minutes(future, What.BID, stretch, begin + 60)
    assert seen.close == 7000


def test_a_currency_is_in_half_pips(history: History) -> None:
    """Bid and ask in steps of 0.00005."""
    bar = history.whole(_EURO, What.BID, _FRIDAY, _FRIDAY.end)
    assert bar is not None
    assert round(bar.close / 0.00005, 6).is_integer()
    assert bar.close < 2


def test_a_quote_goes_on_from_the_day_that_was(history: History, market: Market) -> None:
    """Its close is the day's before, its open, range and volume those of the bars of today until now."""
    friday = history.whole(_AAPL, What.TRADES, _FRIDAY, _FRIDAY.end)
    today = history.whole(_AAPL, What.TRADES, _MONDAY, int(_START.timestamp()))
    assert friday is not None
    assert today is not None
    market.day_of = history.day_of
    quote = market.quote(_AAPL)
    assert (quote.close, quote.open) == (Decimal(repr(friday.close)), Decimal(repr(today.open)))
    assert float(quote.low) <= today.low <= today.high <= float(quote.high)
    assert quote.volume == today.volume > 0


def test_a_quote_before_the_open_has_yesterdays_close_only(market: Market) -> None:
    """There is no range and no volume yet."""
    early = datetime(2026, 11, 23, 8, tzinfo=NEW_YORK)
    history = History(_CATALOG, market, 1, Hours.NYSE, early)
    day = history.day_of(_AAPL, early)
    assert day is not None
    assert (day.open, day.high, day.low, day.volume) == (day.close, day.close, day.close, 0)
