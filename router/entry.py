"""How a signal enters: at what price, for how long, by which algorithm (platform contract 6; section [entry])."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple, assert_never

from conf.errors import ConfigError
from conf.sections import Entry
from router import algos, ticks
from router.bracket import LEAST_TICKS
from router.errors import FieldError
from router.messages import Action, ContractSpec, EntryType, Quote, Signal
from router.quote import mid

MARKET_CONFIDENCE = 85  # above it the platform pays the spread
MID_CONFIDENCE = 70  # from here on a limit at the middle, below it a part of the spread from the near side

Style = Literal["market", "mid", "spread", "fixed", "marketable"]


class EntryTerms(NamedTuple):
    """How to enter: `limit` is None for a market order, `reference` is what protection is measured from."""

    order_type: EntryType
    limit: float | None
    reference: float


class Working(NamedTuple):
    """How IB works an entry: its time in force, until when (GTD, in UTC as IB writes it), by which algorithm."""

    tif: str
    good_till: str = ""
    algo: str = ""
    algo_params: algos.Pairs = ()


def entry_terms(
    rules: Entry, signal: Signal, action: Action, quote: Quote, tick: ticks.Grid
) -> EntryTerms | None:
    """Entry order of a signal at this quote.

    None when nothing prices it, or when the price is less than two ticks: below that there is no price for a stop
    or a target, and no position is unprotected (contract 0.8, 0.14).
    """
    style = style_of(rules, signal)
    reference = _price(rules, style, signal, action, quote, tick)
    if reference is None or reference < LEAST_TICKS * ticks.at(tick, reference):
        return None
    if style == "market":
        return EntryTerms("MKT", None, reference)
    return EntryTerms("LMT", reference, reference)


def style_of(rules: Entry, signal: Signal) -> Style:
    """The configured style; the platform's own follows the signal's confidence (contract 6)."""
    if rules.style != "platform":
        return rules.style
    if signal.confidence > MARKET_CONFIDENCE and signal.strategy.upper() != "0DTE":
        return "market"
    return "mid" if signal.confidence >= MID_CONFIDENCE else "spread"


def working(rules: Entry, signal: Signal, contract: ContractSpec, terms: EntryTerms) -> Working:
    """Time in force and algorithm of an entry with these terms.

    Counted from the signal's own time, so that the same delivery always gives the same order. Raises FieldError
    where IB does not take the algorithm with this contract or order, or its parameters are wrong.
    """
    good_till = ""
    if rules.tif == "GTD":
        ends = datetime.fromtimestamp(signal.ts_ms / 1000 + rules.good_till_s, UTC)
        good_till = f"{ends:%Y%m%d-%H:%M:%S}"
    named = {strategy.lower() for strategy in rules.algo_strategies}
    if named and signal.strategy.lower() not in named:
        return Working(rules.tif, good_till)
    pairs = algos.parameters(rules.algo, rules.algo_params)
    algos.check_order(rules.algo, sec_type=contract.sec_type, order_type=terms.order_type, tif=rules.tif)
    return Working(rules.tif, good_till, rules.algo, pairs)


def check(rules: Entry) -> None:
    """What of the section can be judged at the start, without an order. Raises ConfigError."""
    try:
        algos.parameters(rules.algo, rules.algo_params)
        if rules.algo:
            sec_type = min(algos.ALGOS[rules.algo].sec_types)
            algos.check_order(rules.algo, sec_type=sec_type, order_type="LMT", tif=rules.tif)
    except FieldError as error:
        section, _, rest = str(error).partition(".")
        raise ConfigError(f"[{section}] {rest}") from None


def _price(
    rules: Entry, style: Style, signal: Signal, action: Action, quote: Quote, tick: ticks.Grid
) -> float | None:
    """On the tick. Without both sides of the market it is the last trade, then the signal's hint (contract 6)."""
    if style == "fixed":
        return _no_worse(signal.entry_hint, action, tick)
    middle = mid(quote)
    if middle is None or quote.bid is None or quote.ask is None:
        bid = ask = middle = quote.last if quote.last is not None else signal.entry_hint
    else:
        bid, ask = quote.bid, quote.ask
    if bid is None or ask is None or middle is None:
        return None
    match style:
        case "market" | "mid":
            return ticks.nearest(middle, tick)
        case "spread":
            part = rules.spread_fraction * (ask - bid)
            return ticks.nearest(bid + part if action == "BUY" else ask - part, tick)
        case "marketable":
            return _no_worse(_collared(rules, ask if action == "BUY" else bid, action, tick), action, tick)
        case _:
            assert_never(style)


def _collared(rules: Entry, touch: float, action: Action, tick: ticks.Grid) -> float:
    """The worst price for an entry at this touch: never beyond the collar."""
    width = rules.collar * (touch / 100 if rules.collar_unit == "percent" else ticks.at(tick, touch))
    return touch + width if action == "BUY" else touch - width


def _no_worse(price: float | None, action: Action, tick: ticks.Grid) -> float | None:
    """On the tick, and never worse than `price`: rounding does not pay more than was meant."""
    if price is None or price <= 0:
        return None
    return ticks.down(price, tick) if action == "BUY" else ticks.up(price, tick)
