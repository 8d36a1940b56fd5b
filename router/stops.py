"""Stop ladders as native adjustable stops, one rung at a time (platform contract 0.8).

The order at IB carries the next rung with it: a one-time adjustment that IB makes by itself when its trigger price is
passed, whether the router runs or not. When IB reports it made, the rung after it is armed. Nothing is remembered
here: what is in force is read from the order as IB reports it.

`long` is the position: its stop sells below the market. Prices are of the contract, per share or unit of premium.
"""

from __future__ import annotations

from typing import NamedTuple

from conf.stop_profiles import Rung, StopProfile
from router import ticks
from router.messages import Adjustment, OrderLifecycleEvent

TRAILS = frozenset({"TRAIL", "TRAIL LIMIT"})
# by the rung's kind, and whether it has a limit
_TYPES = {
    ("FIXED", False): "STP",
    ("FIXED", True): "STP LMT",
    ("TRAIL", False): "TRAIL",
    ("TRAIL", True): "TRAIL LIMIT",
    ("STEP", False): "TRAIL",
    ("STEP", True): "TRAIL LIMIT",
}


class Stop(NamedTuple):
    """A stop in force: at `price`, or, where it trails, so far behind the best price and at least there."""

    price: float
    trail_percent: float | None = None
    trail_amount: float | None = None


def in_force(event: OrderLifecycleEvent) -> Stop | None:
    """The stop that this order is, None for any other order and for a stop whose price IB left out."""
    match event.order_type:
        case "STP" | "STP LMT":
            return Stop(event.stop_price) if event.stop_price else None
        case "TRAIL" | "TRAIL LIMIT":
            amount = None if event.trail_percent else event.stop_price
            return Stop(event.trail_stop, event.trail_percent, amount) if event.trail_stop else None
        case _:
            return None


def next_adjustment(
    profile: StopProfile, stop: Stop, *, long: bool, entry: float, tick: ticks.Grid
) -> Adjustment | None:
    """The lowest rung above the stop in force that is worth taking; None at the top of the ladder.

    A stop that trails already moves with the market, so a rung counts only for what it adds to where the trail will
    be by then. The new stop is never behind the old one, and never at or through the price that triggers it.
    """
    sign = 1 if long else -1
    least = entry * profile.min_improvement_pct / 100
    for rung in profile.rungs:
        milestone = entry * (1 + sign * rung.profit_pct / 100)
        gain = sign * (_placed(rung, milestone, entry, sign) - _at(stop, milestone, sign))
        if gain < least - 2 * ticks.at(tick, milestone):
            continue  # no rounding can make up for it
        trigger = ticks.up(milestone, tick) if long else ticks.down(milestone, tick)
        step = ticks.at(tick, trigger)
        if trigger < 2 * step:
            return None  # a short cannot gain more than its price
        price = _stop_price(rung, milestone, trigger, entry=entry, long=long, tick=tick)
        if sign * (price - _at(stop, trigger, sign)) > max(step, least):
            return _adjustment(rung, trigger, price, entry=entry, long=long, tick=tick)
    return None


def rearmed(
    event: OrderLifecycleEvent, profile: StopProfile, *, entry: float, tick: ticks.Grid
) -> Adjustment | None:
    """What to arm on a live stop of IB: None when it carries its next rung already, or there is none.

    The state is the order's own: its type, stop, trail and pending adjustment (contract 0.8, recovery).
    """
    stop = in_force(event)
    if stop is None or event.adjustment is not None or not entry > 0:
        return None
    return next_adjustment(profile, stop, long=event.action == "SELL", entry=entry, tick=tick)


def _placed(rung: Rung, milestone: float, entry: float, sign: int) -> float:
    """Where the rung puts the stop when the market reaches its milestone."""
    measure = entry if rung.kind == "STEP" else milestone
    return milestone - sign * measure * rung.value / 100


def _stop_price(
    rung: Rung, milestone: float, trigger: float, *, entry: float, long: bool, tick: ticks.Grid
) -> float:
    """The stop at the moment the rung is reached, rounded towards the market, yet at least a tick off it."""
    step = ticks.at(tick, trigger)
    if long:
        return min(ticks.up(_placed(rung, milestone, entry, 1), tick), ticks.down(trigger - step, tick))
    return max(ticks.down(_placed(rung, milestone, entry, -1), tick), ticks.up(trigger + step, tick))


def _adjustment(
    rung: Rung, trigger: float, price: float, *, entry: float, long: bool, tick: ticks.Grid
) -> Adjustment:
    """The rung in IB's terms. An amount, like a price, is on the tick."""
    step = ticks.at(tick, price)
    limit = None
    if rung.limit_pct:
        beyond = price * rung.limit_pct / 100
        limit = (
            max(ticks.down(price - beyond, tick), step)
            if long
            else max(ticks.up(price + beyond, tick), ticks.up(price + step, tick))
        )
    amount = max(ticks.up(entry * rung.value / 100, tick), step) if rung.kind == "STEP" else None
    return Adjustment(
        trigger_price=trigger,
        order_type=_TYPES[rung.kind, limit is not None],
        stop_price=price,
        trail_percent=rung.value if rung.kind == "TRAIL" else None,
        limit_price=limit,
        trail_amount=amount,
    )


def _at(stop: Stop, market: float, sign: int) -> float:
    """Where the stop in force will be when the market gets there for the first time; `sign` is +1 for a long."""
    if stop.trail_percent is not None:
        trailed = market * (1 - sign * stop.trail_percent / 100)
    elif stop.trail_amount is not None:
        trailed = market - sign * stop.trail_amount
    else:
        return stop.price
    return max(stop.price, trailed) if sign > 0 else min(stop.price, trailed)
