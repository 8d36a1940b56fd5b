"""From a priced signal to the legs of its bracket (platform contract, sections 0.8, 0.11 and 6)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from conf.sections import Protection
from conf.stop_profiles import StopProfile
from router import ticks
from router.errors import FieldError
from router.messages import Action, ContractSpec, Leg, OrderRequest, Signal, Target
from router.stops import Stop, next_adjustment

LEAST_TICKS = 2  # an entry's price: leaves one tick for a stop below it or a target below it
OCA_REDUCE = 2  # ocaType: reduce the remaining orders with block

_REF = re.compile(r"(?P<stem>.+-[0-9a-z]+)-(?:E|[ST][1-9][0-9]*|X[0-9]*)")


class Protected(NamedTuple):
    """Initial stop price and targets of an entry."""

    stop: float
    targets: tuple[Target, ...]


def action_for(signal: Signal) -> Action:
    """Options are bought whatever the view, since the right carries it; stocks follow the side (contract 0.1)."""
    return "BUY" if signal.contract.sec_type == "OPT" or signal.side == "LONG" else "SELL"


def opposite(action: Action) -> Action:
    """The action that closes what `action` opened."""
    return "SELL" if action == "BUY" else "BUY"


def protect(
    rules: Protection,
    contract: ContractSpec,
    *,
    action: Action,
    reference: float,
    quantity: int,
    tick: ticks.Grid,
    prices: tuple[float, ...] = (),
    stop_multiplier: float = 1.0,
) -> Protected:
    """Stop and targets round `reference`, on the tick, never at or through it.

    `stop_multiplier` is `risk:stop_multiplier` and scales the stop's distance (contract 0.2). Targets at or on
    the wrong side of the reference are left out; without any the profile's own target stands for all. Raises
    FieldError for a reference of less than two ticks, which leaves no room.
    """
    step = ticks.at(tick, reference)
    if reference < LEAST_TICKS * step:
        raise FieldError("reference", reference, f"leaves no room for protection at a tick of {step}")
    long = action == "BUY"
    risk = _risk_fraction(rules, contract) * stop_multiplier
    if long:
        stop = min(ticks.up(reference * (1 - risk), tick), ticks.down(reference - step, tick))
        default = ticks.up(reference * (1 + rules.target_pct), tick)
        good = [ticks.up(price, tick) for price in prices if price > reference]
    else:
        stop = max(ticks.down(reference * (1 + risk), tick), ticks.up(reference + step, tick))
        default = ticks.down(reference * (1 - rules.target_pct), tick)
        good = [ticks.down(price, tick) for price in prices if price < reference]
    good = [price for price in good if price > 0][:quantity]
    floor = max(ticks.at(tick, 0.0), default)
    return Protected(max(ticks.at(tick, 0.0), stop), split(tuple(good) or (floor,), quantity))


def split(prices: tuple[float, ...], quantity: int) -> tuple[Target, ...]:
    """`quantity` spread evenly over the targets, the remainder on the first ones: 7 over 3 is 3, 2, 2."""
    share, rest = divmod(quantity, len(prices))
    return tuple(Target(price, share + (i < rest)) for i, price in enumerate(prices))


def legs(request: OrderRequest, *, outside_rth: bool, ladder: StopProfile | None = None) -> tuple[Leg, ...]:
    """Entry, then a target and a stop of the same quantity per pair, each pair an OCA group of its own.

    Pairs, because one target's fill must never leave the rest unprotected (contract 0.11). `outside_rth` is
    about the entry: what is held is protected at all hours (contract 6). With a `ladder` each stop carries its first rung.
    """
    adjustment = None
    if ladder is not None:
        adjustment = next_adjustment(
            ladder,
            Stop(request.stop_price),
            long=request.action == "BUY",
            entry=request.reference_price,
            tick=request.bands or request.min_tick,
        )
    closing = opposite(request.action)
    entry = Leg(
        ref=f"{request.delivery}-E",
        role="entry",
        action=request.action,
        order_type=request.entry_type,
        quantity=request.quantity,
        limit_price=request.limit_price,
        tif=request.tif,
        outside_rth=outside_rth and not request.algo,  # IB's algos keep to regular hours (201 otherwise)
        algo=request.algo,
        algo_params=request.algo_params,
        good_till=request.good_till,
    )
    children = []
    for number, target in enumerate(request.targets, start=1):
        group = f"{request.delivery}-{number}"
        children.append(
            Leg(
                ref=f"{request.delivery}-T{number}",
                role="target",
                action=closing,
                order_type="LMT",
                quantity=target.quantity,
                limit_price=target.price,
                oca_group=group,
                oca_type=OCA_REDUCE,
            )
        )
        children.append(
            Leg(
                ref=f"{request.delivery}-S{number}",
                role="stop",
                action=closing,
                order_type="STP",
                quantity=target.quantity,
                stop_price=request.stop_price,
                oca_group=group,
                oca_type=OCA_REDUCE,
                adjustment=adjustment,
            )
        )
    return (entry, *children)


@lru_cache(maxsize=256)  # the messages of a fill repeat its reference
def stem_of(ref: str) -> str:
    """The delivery an orderRef belongs to, or an empty text for a reference that is not ours."""
    match = _REF.fullmatch(ref)
    return match["stem"] if match else ""


def split_ref(ref: str) -> tuple[str, str]:
    """(delivery, leg) of an orderRef; both empty for one that is not ours."""
    stem = stem_of(ref)
    return (stem, ref[len(stem) + 1 :]) if stem else ("", "")


def _risk_fraction(rules: Protection, contract: ContractSpec) -> float:
    match contract.sec_type:
        case "OPT":
            return rules.option_risk_pct
        case "STK":
            return rules.stock_risk_pct
        case _:
            return rules.default_risk_pct
