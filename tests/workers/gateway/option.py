"""One option as the wire tells it, as the library has it, and as the router's own spec."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from router.messages import ContractSpec

UNSET = "1.7976931348623157E308"
OPTION = [
    "1001",
    "SPY",
    "OPT",
    "20250919",
    "451.0",
    "C",
    "100",
    "CBOE",
    "USD",
    "SPY   250919C00451000",
    "SPY",
]
SPEC = ContractSpec(
    sec_type="OPT",
    symbol="SPY",
    exchange="CBOE",
    currency="USD",
    expiry="20250919",
    strike=451.0,
    right="C",
    multiplier=100,
    con_id=1001,
    local_symbol="SPY   250919C00451000",
    trading_class="SPY",
)


def contract() -> Any:
    """What the library's decoder makes of the option."""
    names = [
        "conId",
        "symbol",
        "secType",
        "lastTradeDateOrContractMonth",
        "strike",
        "right",
        "multiplier",
        "exchange",
        "currency",
        "localSymbol",
        "tradingClass",
    ]
    values: list[Any] = list(OPTION)
    values[0], values[4] = 1001, 451.0
    return SimpleNamespace(**dict(zip(names, values, strict=True)))
