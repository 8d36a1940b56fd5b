"""Black-Scholes prices and sensitivities of European options without dividends, zero interest."""

import math
from collections.abc import Callable
from dataclasses import dataclass

_SQRT_TWO_PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Price in USD per share; delta and gamma per USD; vega per vol point; theta per day."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / _SQRT_TWO_PI


def _cumulative(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def implied_volatility(price_at: Callable[[float], float], price: float) -> float:
    """The volatility, a year's fraction up to 10, at which an option has a price, USD; the nearest there is."""
    low, high = 0.0001, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if price_at(middle) < price else (low, middle)
    return high


def black_scholes(spot: float, strike: float, years: float, volatility: float, right: str) -> Greeks:
    """Value of a call ("C") or put ("P"). Spot, strike in USD, positive; `years` and `volatility` positive."""
    deviation = volatility * math.sqrt(years)
    d1 = math.log(spot / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    sign = 1 if right == "C" else -1
    return Greeks(
        price=sign * (spot * _cumulative(sign * d1) - strike * _cumulative(sign * d2)),
        delta=sign * _cumulative(sign * d1),
        gamma=_density(d1) / (spot * deviation),
        vega=spot * _density(d1) * math.sqrt(years) / 100,
        theta=-spot * _density(d1) * volatility / (2 * math.sqrt(years)) / 365,
    )
