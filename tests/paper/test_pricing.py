"""Black-Scholes against what it must satisfy."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.pricing import black_scholes, implied_volatility


@given(st.floats(50, 150), st.floats(50, 150), st.floats(0.01, 2), st.floats(0.05, 1))
def test_put_call_parity(spot: float, strike: float, years: float, volatility: float) -> None:
    """Law: call minus put is spot minus strike; their deltas differ by one; gamma and vega are the same."""
    call = black_scholes(spot, strike, years, volatility, "C")
    put = black_scholes(spot, strike, years, volatility, "P")
    assert math.isclose(call.price - put.price, spot - strike, abs_tol=1e-9)
    assert math.isclose(call.delta - put.delta, 1, abs_tol=1e-9)
    assert (call.gamma, call.vega) == (put.gamma, put.vega)


def test_known_value() -> None:
    """At the money, a year, 20 %: 7.9656 on 100, the textbook's figure for zero interest."""
    assert math.isclose(black_scholes(100, 100, 1, 0.2, "C").price, 7.9656, abs_tol=1e-4)


@pytest.mark.parametrize("right", ["C", "P"])
def test_a_price_implies_its_volatility(right: str) -> None:
    """What an option is worth at a volatility gives that volatility back; what no volatility explains gives a bound."""

    def value(guess: float) -> float:
        return black_scholes(100, 105, 0.25, guess, right).price

    assert implied_volatility(value, value(0.37)) == pytest.approx(0.37)
    assert implied_volatility(value, 1e6) == pytest.approx(10)
