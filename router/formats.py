"""How the platform writes values: money, prices, quantities, times, contracts (platform contract, conventions)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from router.messages import ContractSpec, Signal


def money(value: float) -> float:
    """USD, two decimals, no negative zero."""
    return round(value, 2) + 0.0


def price(value: float) -> float:
    """A price, four decimals."""
    return round(value, 4) + 0.0


def whole(quantity: float) -> float | int:
    """A quantity as a whole number where it is one."""
    rounded = round(float(quantity), 6)
    return int(rounded) if rounded.is_integer() else rounded


def iso(now_ms: int) -> str:
    """Epoch milliseconds as aware ISO time."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()


def result(realized: float) -> str:
    """WIN, LOSS, or FLAT to the cent (contract 0.6)."""
    amount = money(realized)
    if amount > 0:
        return "WIN"
    return "LOSS" if amount < 0 else "FLAT"


def view(bullish: bool) -> str:
    """The direction of a view, whatever was bought for it (contract 0.1)."""
    return "BULLISH" if bullish else "BEARISH"


def signal_document(signal: Signal) -> dict[str, Any]:
    """The signal as the producer wrote it."""
    return dict(_parsed(signal.raw))


@lru_cache(maxsize=256)
def _parsed(raw: str) -> Mapping[str, Any]:
    """Kept, because a signal is repeated with each fill of its order. Nobody may change what is inside."""
    document: dict[str, Any] = json.loads(raw) if raw else {}
    return document


def sent_contract(signal: Signal) -> dict[str, Any]:
    """The contract as the producer wrote it."""
    sent = signal_document(signal).get("contract")
    return dict(sent) if isinstance(sent, Mapping) else {}


def contract_document(contract: ContractSpec, signal: Signal | None = None) -> dict[str, Any]:
    """A contract in the platform's words, with whatever else the signal said of it."""
    extras = sent_contract(signal) if signal else {}
    plain: dict[str, Any] = {
        "type": "option" if contract.sec_type == "OPT" else "stock",
        "symbol": contract.symbol,
        "secType": contract.sec_type,
        "exchange": contract.exchange,
        "currency": contract.currency,
        "multiplier": contract.multiplier,
    }
    if contract.sec_type == "OPT":
        plain |= {"expiry": contract.expiry, "strike": contract.strike, "right": contract.right}
    if contract.con_id:
        plain |= {"conId": contract.con_id, "localSymbol": contract.local_symbol}
    return extras | plain


def present(document: dict[str, Any]) -> dict[str, Any]:
    """The platform leaves out what it does not know."""
    return {name: value for name, value in document.items() if value is not None}
