"""How a signal enters: every style of price, against the platform contract, section 6."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conf.errors import ConfigError
from conf.sections import Entry
from router import entry, ticks
from router.entry import EntryTerms, Style, Working, check, style_of, working
from router.errors import FieldError
from router.messages import Action, EntryType, PriceBand, Quote, Signal
from tests.router.factory import OPTION, STOCK, TS_MS, quote, signal

TICKS = st.sampled_from([0.01, 0.05, 0.1, 0.25])
PENNY = (PriceBand(0.0, 0.05), PriceBand(3.0, 0.1))  # an option class of nickels and dimes
LIMIT = EntryTerms("LMT", 2.5, 2.5)
MARKET = EntryTerms("MKT", None, 2.5)


def on_grid(price: float, tick: float) -> bool:
    """Whether a price is a whole number of ticks."""
    return Decimal(repr(price)) % Decimal(repr(tick)) == 0


def entry_terms(of: Signal, action: Action, at: Quote, tick: ticks.Grid) -> EntryTerms | None:
    """Under the default rules, which are the platform's."""
    return entry.entry_terms(Entry(), of, action, at, tick)


def styled(
    action: Action, at: Quote, tick: ticks.Grid, hint: float | None = None, **rules: Any
) -> EntryTerms | None:
    """Under rules of a desk's own."""
    return entry.entry_terms(Entry(**rules), signal(entry_hint=hint), action, at, tick)


@pytest.mark.parametrize(
    ("confidence", "strategy", "action", "expected"),
    [
        (94, "0dte", "BUY", ("LMT", 2.50)),
        (94, "0DTE", "BUY", ("LMT", 2.50)),
        (86, "1dte", "BUY", ("MKT", 2.50)),
        (86, "moc", "SELL", ("MKT", 2.50)),
        (85, "14dte", "BUY", ("LMT", 2.50)),
        (70, "14dte", "BUY", ("LMT", 2.50)),
        (69, "14dte", "BUY", ("LMT", 2.47)),
        (69, "14dte", "SELL", ("LMT", 2.53)),
    ],
)
def test_entry_type(confidence: int, strategy: str, action: Action, expected: tuple[str, float]) -> None:
    """Above 85 market unless 0DTE, from 70 on the middle, below it a third of the spread (contract 6)."""
    terms = entry_terms(signal(confidence=confidence, strategy=strategy), action, quote(2.40, 2.60), 0.01)
    assert terms is not None
    assert (terms.order_type, terms.reference) == expected
    assert terms.limit == (terms.reference if terms.order_type == "LMT" else None)


@pytest.mark.parametrize("confidence", [60, 80, 95])
@pytest.mark.parametrize("strategy", ["0dte", "1dte"])
@pytest.mark.parametrize(
    ("bid", "ask", "last", "hint", "reference"),
    [
        (None, 2.52, 2.48, 9.0, 2.48),
        (2.48, None, 2.48, 9.0, 2.48),
        (None, None, None, 2.47, 2.47),
        (None, None, None, None, None),
    ],
)
def test_entry_without_both_sides(
    confidence: int,
    strategy: str,
    bid: float | None,
    ask: float | None,
    last: float | None,
    hint: float | None,
    reference: float | None,
) -> None:
    """No bid or no ask: the last trade, then the signal's own hint, then there is no order (contract 6)."""
    terms = entry_terms(
        signal(confidence=confidence, strategy=strategy, entry_hint=hint), "BUY", quote(bid, ask, last), 0.01
    )
    assert (terms.reference if terms else None) == reference


def test_market_entry_with_sides_and_no_last() -> None:
    """A missing last trade is no reason to refuse a market entry that has both sides (contract 8.15)."""
    terms = entry_terms(signal(strategy="1dte"), "BUY", quote(2.48, 2.52, None), 0.01)
    assert terms == EntryTerms("MKT", None, 2.50)


@pytest.mark.parametrize("strategy", ["0dte", "1dte"])
@pytest.mark.parametrize(
    ("last", "entered"), [(0.01, False), (0.05, False), (0.07, False), (0.08, True), (0.1, True)]
)
def test_no_entry_where_no_stop_fits(strategy: str, last: float, entered: bool) -> None:
    """A price of one tick leaves no room for a stop below it, and no position is unprotected (contract 0.8, 0.14)."""
    terms = entry_terms(signal(strategy=strategy), "BUY", quote(None, None, last), 0.05)
    assert (terms is not None) is entered


@given(
    st.integers(0, 100),
    st.sampled_from(["0dte", "1dte", "14dte", "moc"]),
    st.sampled_from(["BUY", "SELL"]),
    st.none() | st.floats(0.01, 1e5),
    st.none() | st.floats(0.01, 1e5),
    st.none() | st.floats(0.01, 1e5),
    TICKS,
)
def test_entry_law(
    confidence: int,
    strategy: str,
    action: Action,
    bid: float | None,
    ask: float | None,
    last: float | None,
    tick: float,
) -> None:
    """Whatever the quote, an entry's prices are on the tick, two ticks at least, and inside the sides there are."""
    assume(bid is None or ask is None or bid <= ask)
    terms = entry_terms(signal(confidence=confidence, strategy=strategy), action, quote(bid, ask, last), tick)
    if terms is None:
        return
    assert on_grid(terms.reference, tick)
    assert terms.reference >= 2 * tick
    assert terms.limit == (terms.reference if terms.order_type == "LMT" else None)
    if bid is not None and ask is not None:
        assert bid - tick < terms.reference < ask + tick


def test_sizes_do_not_price() -> None:
    """Sizes at bid and ask are no part of the price."""
    terms = entry_terms(signal(), "BUY", quote(bid_size=None, ask_size=None), 0.01)
    assert terms == EntryTerms("LMT", 2.5, 2.5)


# ---------------------------------------------------------------- styles of a desk's own


def test_the_platforms_style_is_one_of_the_others() -> None:
    """A configured style is taken whatever the confidence; `platform` chooses market, mid or spread by it."""
    of = signal(confidence=94, strategy="1dte")
    for style in get_args(Style):
        assert style_of(Entry(style=style), of) == style
    assert style_of(Entry(), of) == "market"


@pytest.mark.parametrize(
    ("style", "action", "expected"),
    [
        ("market", "BUY", ("MKT", None, 2.5)),
        ("mid", "BUY", ("LMT", 2.5, 2.5)),
        ("spread", "BUY", ("LMT", 2.45, 2.45)),
        ("spread", "SELL", ("LMT", 2.55, 2.55)),
        ("fixed", "BUY", ("LMT", 2.47, 2.47)),
        ("fixed", "SELL", ("LMT", 2.48, 2.48)),
        ("marketable", "BUY", ("LMT", 2.62, 2.62)),
        ("marketable", "SELL", ("LMT", 2.38, 2.38)),
    ],
)
def test_each_style(
    style: Literal["market", "mid", "spread", "fixed", "marketable"],
    action: Action,
    expected: tuple[EntryType, float | None, float],
) -> None:
    """At 2.40 to 2.60 with a hint of 2.475: a quarter into the spread, and a collar of 1 % past the other side."""
    terms = styled(action, quote(2.40, 2.60), 0.01, 2.475, style=style, spread_fraction=0.25)
    assert terms == EntryTerms(*expected)


def test_a_collar_in_ticks() -> None:
    """Counted in the increment in force at the touch."""
    rules: dict[str, Any] = {"style": "marketable", "collar": 3, "collar_unit": "ticks"}
    assert styled("BUY", quote(2.40, 2.60), 0.05, **rules) == EntryTerms("LMT", 2.75, 2.75)
    assert styled("BUY", quote(3.40, 3.60), PENNY, **rules) == EntryTerms("LMT", 3.9, 3.9)
    assert styled("SELL", quote(2.40, 2.60), PENNY, **rules) == EntryTerms("LMT", 2.25, 2.25)


def test_a_collar_wider_than_the_price_leaves_nothing_to_sell_at() -> None:
    """There is no price at or below zero."""
    assert styled("SELL", quote(0.50, 0.60), 0.05, style="marketable", collar=150) is None


@pytest.mark.parametrize("last", [None, 2.5])
def test_a_fixed_price_is_the_signals_own(last: float | None) -> None:
    """Without a hint there is no price, whatever the market says; with one, no quote is needed."""
    assert styled("BUY", quote(last=last), 0.01, style="fixed") is None
    assert styled("BUY", quote(None, None, None), 0.01, 2.5, style="fixed") == LIMIT


def test_a_collar_without_both_sides_is_round_the_last_trade() -> None:
    """As for every other style (contract 6)."""
    assert styled("BUY", quote(2.4, None, 2.5), 0.01, style="marketable") == EntryTerms("LMT", 2.52, 2.52)
    assert styled("BUY", quote(None, None, None), 0.01, style="marketable") is None


@given(
    st.sampled_from(["BUY", "SELL"]),
    st.floats(0.05, 1e5),
    st.floats(0, 0.5),
    st.floats(0, 50),
    st.sampled_from(["percent", "ticks"]),
    TICKS,
)
def test_law_a_limit_never_goes_past_its_collar(
    action: Action, bid: float, width: float, collar: float, unit: Literal["percent", "ticks"], tick: float
) -> None:
    """A buy limit is at most ask plus collar, a sell limit at least bid minus collar, on the tick."""
    ask = bid * (1 + width)
    terms = styled(action, quote(bid, ask), tick, style="marketable", collar=collar, collar_unit=unit)
    if terms is None:
        return
    touch = ask if action == "BUY" else bid
    room = collar * (touch / 100 if unit == "percent" else tick) + 1e-9
    assert terms.limit is not None
    assert on_grid(terms.limit, tick)
    assert terms.limit <= touch + room if action == "BUY" else terms.limit >= touch - room


@given(st.sampled_from(["BUY", "SELL"]), st.floats(0.05, 1e5), TICKS)
def test_law_a_fixed_price_is_never_made_worse(action: Action, hint: float, tick: float) -> None:
    """Rounding to the tick buys no dearer and sells no cheaper than the signal said."""
    terms = styled(action, quote(), tick, hint, style="fixed")
    if terms is None:
        return
    assert terms.limit is not None
    assert on_grid(terms.limit, tick)
    assert terms.limit <= hint + 1e-9 if action == "BUY" else terms.limit >= hint - 1e-9


# ---------------------------------------------------------------- time in force, algorithm


def test_the_default_is_a_day_order() -> None:
    """What the platform sends (contract 6)."""
    assert working(Entry(), signal(), OPTION, LIMIT) == Working("DAY")


def test_gtd_ends_at_a_time_counted_from_the_signal() -> None:
    """In UTC as IB writes it, and the same at every attempt: TS_MS is 14:00:00 UTC."""
    rules = Entry(style="mid", tif="GTD", good_till_s=90)
    assert working(rules, signal(ts_ms=TS_MS), OPTION, LIMIT) == Working("GTD", "20250919-14:01:30")


def test_an_algorithm_works_the_entries_of_its_strategies() -> None:
    """Of all when none are named."""
    rules: dict[str, Any] = {"algo": "Adaptive", "algo_params": ("adaptivePriority=Urgent",)}
    adaptive = Working("DAY", "", "Adaptive", (("adaptivePriority", "Urgent"),))
    assert working(Entry(**rules), signal(), OPTION, LIMIT) == adaptive
    named = Entry(**rules, algo_strategies=("1dTE", "moc"))
    assert working(named, signal(strategy="1DTE"), OPTION, MARKET) == adaptive
    assert working(named, signal(strategy="0dte"), OPTION, LIMIT) == Working("DAY")


def test_an_algorithm_for_stocks_takes_no_option() -> None:
    """Refused by name before anything is sent; the stock beside it goes."""
    rules = Entry(algo="Vwap", algo_params=("maxPctVol=0.1",))
    with pytest.raises(FieldError, match="takes STK, not OPT"):
        working(rules, signal(), OPTION, LIMIT)
    assert working(rules, signal(), STOCK, LIMIT).algo == "Vwap"


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"algo": "Nope"}, r"\[entry\] algo = 'Nope': is no algo of IB: Adaptive, "),
        ({"algo": "Vwap"}, r"\[entry\] algo_params.maxPctVol = '': Vwap needs a value"),
        ({"algo_params": ("a=b",)}, r"\[entry\] algo_params.a = 'b': needs entry.algo"),
        ({"algo": "Adaptive", "tif": "IOC"}, r"\[entry\] tif = 'IOC': Adaptive takes DAY and GTC"),
    ],
)
def test_what_can_be_judged_without_an_order(rules: dict[str, Any], problem: str) -> None:
    """At the start, not at the first signal."""
    with pytest.raises(ConfigError, match=problem):
        check(Entry(**rules))


@pytest.mark.parametrize("algo", ["", "Adaptive", "Twap"])
def test_a_sound_section(algo: str) -> None:
    """The defaults, and algorithms that need nothing more."""
    check(Entry(algo=algo))
