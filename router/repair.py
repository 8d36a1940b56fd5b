"""The orders that protect what nothing protects: a stop and a target round the entry, or round the market. Pure.

A stop never loosens, not even when it has to be made anew (platform contract 0.8 and 8.11): the new one stands at least
where the tightest one of this position stood.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from conf.sections import Protection
from conf.stop_profiles import StopProfile
from router import ticks
from router.bracket import OCA_REDUCE, Protected, opposite, protect
from router.messages import Action, ContractSpec, Leg
from router.stops import Stop, next_adjustment


@dataclass(frozen=True)
class Bare:
    """What is held without a stop. `action` is what opened it; prices are per share or unit of premium.

    `market` is what it could be closed at, `ratchet` the tightest stop that it has had; `alone`: without a target,
    because somebody else's is there.
    """

    contract: ContractSpec
    action: Action
    quantity: int
    entry: float
    market: float | None = None
    ratchet: float | None = None
    alone: bool = False


def pair(
    bare: Bare, rules: Protection, ladder: StopProfile | None, *, stem: str, number: int, tick: ticks.Grid
) -> tuple[Leg, ...]:
    """The legs, `number` making their orderRefs unlike any earlier ones. Raises FieldError where no price fits."""
    priced = _priced(bare, rules, tick)
    stop_price = _ratcheted(bare, priced.stop, tick)
    adjustment = None
    if ladder is not None:
        long = bare.action == "BUY"
        adjustment = next_adjustment(ladder, Stop(stop_price), long=long, entry=bare.entry, tick=tick)
    stop = Leg(
        ref=f"{stem}-S{number}",
        role="stop",
        action=opposite(bare.action),
        order_type="STP",
        quantity=bare.quantity,
        stop_price=stop_price,
        tif="GTC",
        oca_group=f"{stem}-{number}",
        oca_type=OCA_REDUCE,
        adjustment=adjustment,
    )
    target = msgspec.structs.replace(
        stop,
        ref=f"{stem}-T{number}",
        role="target",
        order_type="LMT",
        stop_price=None,
        limit_price=priced.targets[0].price,
        adjustment=None,
    )
    return (stop,) if bare.alone else (stop, target)


def _priced(bare: Bare, rules: Protection, tick: ticks.Grid) -> Protected:
    """Round the entry, unless the market has moved past the stop or the target of that: then round the market."""
    priced = _priced_round(bare.entry, bare, rules, tick)
    low, high = sorted((priced.stop, priced.targets[0].price))
    if bare.market is None or low < bare.market < high:
        return priced
    return _priced_round(bare.market, bare, rules, tick)


def _priced_round(reference: float, bare: Bare, rules: Protection, tick: ticks.Grid) -> Protected:
    at = ticks.nearest(reference, tick)
    return protect(rules, bare.contract, action=bare.action, reference=at, quantity=bare.quantity, tick=tick)


def _ratcheted(bare: Bare, stop: float, tick: ticks.Grid) -> float:
    """The tighter of the two, yet at least a tick off the market."""
    if bare.ratchet is None:
        return stop
    if bare.action == "BUY":
        best = max(stop, ticks.down(bare.ratchet, tick))
        if bare.market is None:
            return best
        return max(stop, min(best, ticks.down(bare.market - ticks.at(tick, bare.market), tick)))
    best = min(stop, ticks.up(bare.ratchet, tick))
    if bare.market is None:
        return best
    return min(stop, max(best, ticks.up(bare.market + ticks.at(tick, bare.market), tick)))
