"""Prices on a contract's price increment, computed in decimals so that 1.375 is 1.375."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from router.messages import PriceBand

Grid = (
    float | tuple[PriceBand, ...]
)  # one increment for every price, or the bands of a market rule, lowest first


def at(grid: Grid, price: float) -> float:
    """The increment in force at `price`."""
    if isinstance(grid, float | int):
        return grid
    fitting = [band.increment for band in grid if band.low_edge <= price]
    return fitting[-1] if fitting else grid[0].increment


def nearest(price: float, tick: Grid) -> float:
    """The multiple of `tick` nearest to `price`; half goes up."""
    return _snap(price, tick, ROUND_HALF_UP)


def up(price: float, tick: Grid) -> float:
    """The smallest multiple of `tick` not below `price`."""
    return _snap(price, tick, ROUND_CEILING)


def down(price: float, tick: Grid) -> float:
    """The largest multiple of `tick` not above `price`."""
    return _snap(price, tick, ROUND_FLOOR)


def _snap(price: float, tick: Grid, rounding: str) -> float:
    step = Decimal(repr(at(tick, price)))
    steps = (_clean(price) / step).to_integral_value(rounding)
    return float(steps * step)


def _clean(price: float) -> Decimal:
    """Nine decimals are more than any market has and hide the binary noise of `2.5 * 0.55`."""
    return Decimal(repr(round(price, 9)))
