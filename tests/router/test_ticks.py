"""Rounding to the price increment: laws and the platform's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import ticks
from router.messages import PriceBand

Rounding = Callable[[float, ticks.Grid], float]

TICKS = st.sampled_from(
    [0.0001, 0.001, 0.0025, 0.005, 0.01, 0.015625, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 0.00390625]
)
PRICES = st.floats(0, 1_000_000)
ROUNDINGS: list[Rounding] = [ticks.nearest, ticks.up, ticks.down]


def on_grid(price: float, tick: float) -> bool:
    """Whether a price is a whole number of ticks, exactly, as people write both."""
    return Decimal(repr(price)) % Decimal(repr(tick)) == 0


@given(PRICES, TICKS)
def test_always_on_the_grid_and_stable(price: float, tick: float) -> None:
    """Every rounding gives a whole number of ticks, and rounding that again, any way, changes nothing."""
    for rounding in ROUNDINGS:
        rounded = rounding(price, tick)
        assert on_grid(rounded, tick)
        assert {again(rounded, tick) for again in ROUNDINGS} == {rounded}


@given(PRICES, TICKS)
def test_ordered(price: float, tick: float) -> None:
    """down <= price <= up, nearest is one of the two and no further away than the other, up to nine decimals."""
    low, high, nearest = (rounding(price, tick) for rounding in (ticks.down, ticks.up, ticks.nearest))
    clean = Decimal(repr(round(price, 9)))
    assert Decimal(repr(low)) <= clean <= Decimal(repr(high))
    assert Decimal(repr(high)) - Decimal(repr(low)) in (0, Decimal(repr(tick)))
    assert nearest in (low, high)
    assert abs(Decimal(repr(nearest)) - clean) * 2 <= Decimal(repr(tick))


@given(PRICES, PRICES, TICKS)
def test_monotonic(one: float, other: float, tick: float) -> None:
    """A higher price never rounds lower."""
    low, high = sorted((one, other))
    for rounding in ROUNDINGS:
        assert rounding(low, tick) <= rounding(high, tick)


@pytest.mark.parametrize(
    ("rounding", "price", "tick", "expected"),
    [
        (ticks.up, 2.5 * 0.55, 0.05, 1.40),
        (ticks.up, 4.2 * 0.55, 0.05, 2.35),
        (ticks.up, 4.2 * 1.3, 0.05, 5.50),
        (ticks.down, 2.5 * 1.45, 0.05, 3.60),
        (ticks.up, 2.5 * 1.3, 0.05, 3.25),
        (ticks.up, 100 * 1.3, 0.01, 130.0),
        (ticks.up, 0.1 * 3, 0.1, 0.3),
        (ticks.down, 0.29, 0.01, 0.29),
        (ticks.nearest, 0.025, 0.05, 0.05),
        (ticks.nearest, 2.475, 0.05, 2.5),
        (ticks.nearest, 2.4749, 0.05, 2.45),
    ],
)
def test_vectors(rounding: Rounding, price: float, tick: float, expected: float) -> None:
    """The platform's numbers (contract 6), free of binary noise, and half goes up."""
    assert repr(rounding(price, tick)) == repr(expected)


BANDS = (PriceBand(0.0, 0.01), PriceBand(3.0, 0.05))


@pytest.mark.parametrize(
    ("price", "increment"), [(-1.0, 0.01), (0.0, 0.01), (2.99, 0.01), (3.0, 0.05), (9.0, 0.05)]
)
def test_a_market_rule_has_an_increment_per_price(price: float, increment: float) -> None:
    """A band holds from its low edge on; below the lowest edge the lowest band does."""
    assert ticks.at(BANDS, price) == increment


def test_rounding_by_the_bands() -> None:
    """2.991 goes up to 3.00, which is a price of both bands, 3.01 up to 3.05 and down to 3.00."""
    assert [ticks.up(2.991, BANDS), ticks.up(3.01, BANDS), ticks.down(3.01, BANDS)] == [3.0, 3.05, 3.0]
