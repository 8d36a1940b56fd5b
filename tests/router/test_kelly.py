"""Sizing, against the vectors of the platform contract, section 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.sections import Risk, Sizing
from router import kelly
from router.messages import ContractSpec, SizingStats
from tests.router.factory import OPTION, STOCK

MONEY = st.just(0.0) | st.floats(0.01, 1e9)  # USD


def notional(confidence: int, **changes: float) -> float:
    """The notional suggested for the vectors' account: 100,000 USD, 400,000 USD of buying power."""
    account = {"net_liquidation": 100_000.0, "buying_power": 400_000.0, **changes}
    return kelly.suggest(Sizing(), Risk(), confidence=confidence, **account).suggested_notional


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(100, 2000.0), (94, 1910.0), (60, 1400.0), (0, 500.0), (250, 2000.0), (-5, 500.0)],
)
def test_base_fraction(confidence: int, expected: float) -> None:
    """Without enough trades the base fraction is scaled by the confidence, clamped to 0..100."""
    assert notional(confidence) == pytest.approx(expected)


def test_capped_by_buying_power() -> None:
    """A quarter of the buying power caps it; a buying power of zero sets no cap here, a gate blocks later."""
    assert notional(100, buying_power=4_000.0) == pytest.approx(1_000.0)
    assert notional(100, buying_power=0.0) == pytest.approx(2_000.0)


@pytest.mark.parametrize(("net_liquidation", "expected"), [(0.0, 1_000.0), (-500_000.0, 1_000.0)])
def test_nothing_left(net_liquidation: float, expected: float) -> None:
    """An account without value still suggests the platform's least; a gate decides about it."""
    assert notional(100, net_liquidation=net_liquidation) == pytest.approx(expected)


def test_capped_by_max_fraction() -> None:
    """The largest fraction holds whatever the base fraction is."""
    limits = Sizing(base_fraction=0.5)
    stats = kelly.suggest(limits, Risk(), confidence=100, net_liquidation=100_000, buying_power=4e5)
    assert stats == SizingStats(0.0, 0.0, 0.0, 0, 15_000.0)


def test_multiplier_scales_what_was_sized() -> None:
    """`risk:position_size_multiplier` is applied to the sized notional (contract 0.2)."""
    assert notional(94, multiplier=0.5) == pytest.approx(955.0)
    assert notional(94, multiplier=2.0) == pytest.approx(3_820.0)


@given(st.integers(-10, 200), MONEY, MONEY, st.floats(0.01, 2))
def test_notional_law(confidence: int, value: float, power: float, multiplier: float) -> None:
    """Never above the largest fraction nor a quarter of the buying power where there is one, never below zero."""
    found = notional(confidence, net_liquidation=value, buying_power=power, multiplier=multiplier)
    cent = 0.01
    assert 0 <= found <= max(0.15 * value, 1_000.0) * multiplier + cent
    if power > 0 and value > 0:
        assert found <= 0.25 * power * multiplier + cent


def contracts(notional_usd: float, price: float, spec: ContractSpec = OPTION, strategy: str = "0dte") -> int:
    """Quantity for a notional."""
    return kelly.quantity(Sizing(), notional=notional_usd, price=price, contract=spec, strategy=strategy)


@pytest.mark.parametrize(
    ("notional_usd", "price", "expected"),
    [
        (1910.0, 2.50, 7),
        (1910.0, 100.0, 1),
        (0.0, 2.5, 1),
        (1910.0, 0.001, 50),
        (999.99, 2.5, 3),
        (1000.0, 2.5, 4),
    ],
)
def test_contracts(notional_usd: float, price: float, expected: int) -> None:
    """Truncated, at least one, the price of a contract at least a dollar, capped for 0DTE (contract 5, 10)."""
    assert contracts(notional_usd, price) == expected


@pytest.mark.parametrize(
    ("strategy", "cap"), [("0dte", 50), ("0DTE", 50), ("1dte", 100), ("14dte", 100), ("moc", 100)]
)
def test_caps_by_strategy(strategy: str, cap: int) -> None:
    """0DTE has a cap of its own, in either spelling."""
    assert contracts(1e9, 2.5, strategy=strategy) == cap


def test_shares() -> None:
    """Shares cost their price, have no cap, and there is always one (contract 5)."""
    assert contracts(1910.0, 50.0, STOCK) == 38
    assert contracts(10.0, 50.0, STOCK) == 1
    assert contracts(1e6, 0.5, STOCK, "1dte") == 1_000_000


def test_mini_contract() -> None:
    """The contract's own multiplier decides, not a constant."""
    mini = ContractSpec(sec_type="OPT", symbol="SPY", multiplier=10)
    assert contracts(1910.0, 2.50, mini, "1dte") == 76


@given(st.floats(0, 1e7), st.floats(0.01, 1e5), st.sampled_from([OPTION, STOCK]))
def test_quantity_law(notional_usd: float, price: float, spec: ContractSpec) -> None:
    """More than one only if the notional pays for all of them."""
    quantity = contracts(notional_usd, price, spec)
    assert quantity >= 1
    assert quantity == 1 or quantity * price * spec.multiplier <= notional_usd * (1 + 1e-12) or price < 1
