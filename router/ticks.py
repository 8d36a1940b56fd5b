"""Prices on a contract's price increment, computed in decimals so that 1.375 is 1.375."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal


def nearest(price: float, tick: float) -> float:
    """The multiple of `tick` nearest to `price`; half goes up."""
    return _snap(price, tick, ROUND_HALF_UP)


def up(price: float, tick: float) -> float:
    """The smallest multiple of `tick` not below `price`."""
    return _snap(price, tick, ROUND_CEILING)


def down(price: float, tick: float) -> float:
    """The largest multiple of `tick` not above `price`."""
    return _snap(price, tick, ROUND_FLOOR)


def _snap(price: float, tick: float, rounding: str) -> float:
    step = Decimal(repr(tick))
    steps = (_clean(price) / step).to_integral_value(rounding)
    return float(steps * step)


def _clean(price: float) -> Decimal:
    """Nine decimals are more than any market has and hide the binary noise of `2.5 * 0.55`."""
    return Decimal(repr(round(price, 9)))
