"""Whole messages for the tests of what decides, with the values of the platform contract's own example."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec

from router.messages import (
    ContractSpec,
    Leg,
    OrderLifecycleEvent,
    OrderRequest,
    Quote,
    Signal,
    SizingStats,
    Target,
    Ticket,
)

TS_MS = 1_758_290_400_000  # 2025-09-19 10:00 US/Eastern
SIGNAL: dict[str, Any] = {  # platform contract 10, true hashes
    "id": "9bbeedc541dd1c7a",
    "contract_fp": "sigfp:d625406e3ba518cc6234",
    "timestamp": TS_MS,
    "ts": TS_MS,
    "symbol": "SPY",
    "strategy": "0dte",
    "side": "LONG",
    "confidence": 94,
    "reasons": ["order flow"],
    "contract": {
        "type": "option",
        "right": "C",
        "multiplier": 100,
        "exchange": "SMART",
        "dte_band": "0",
        "expiry_label": "0DTE",
        "expiry": "20250919",
        "strike": 451.0,
    },
    "features": {"vpin": 0.62, "obi": 0.7, "gex": 0, "dex": 0, "price": 450.2},
    "version": "D6.0.1",
    "dry_run": False,
}
OPTION = ContractSpec(
    sec_type="OPT", symbol="SPY", expiry="20250919", strike=451.0, right="C", multiplier=100, con_id=1001
)
STOCK = ContractSpec(sec_type="STK", symbol="AAPL", con_id=265598)
TICKET = Ticket("list", "signals:execution:SPY", "entry-1")


def document(**changes: Any) -> dict[str, Any]:
    """The example signal as a document; a value of `...` takes the field out."""
    merged = copy.deepcopy(SIGNAL) | changes
    return {name: value for name, value in merged.items() if value is not ...}


def payload(**changes: Any) -> bytes:
    """The example signal as it lies in Redis."""
    return json.dumps(document(**changes)).encode()


def contract(**changes: Any) -> dict[str, Any]:
    """The example signal's contract; a value of `...` takes the field out."""
    merged = {**SIGNAL["contract"], **changes}
    return {name: value for name, value in merged.items() if value is not ...}


def signal(**changes: Any) -> Signal:
    """The example signal, parsed."""
    plain = Signal(
        id="9bbeedc541dd1c7a",
        contract_fp="sigfp:d625406e3ba518cc6234",
        ts_ms=TS_MS,
        symbol="SPY",
        strategy="0dte",
        side="LONG",
        confidence=94,
        contract=msgspec.structs.replace(OPTION, con_id=0),
    )
    return msgspec.structs.replace(plain, **changes)


def quote(
    bid: float | None = 2.48, ask: float | None = 2.52, last: float | None = 2.50, **changes: Any
) -> Quote:
    """A quote of the example option."""
    plain = Quote(
        con_id=OPTION.con_id,
        symbol="SPY",
        bid=bid,
        ask=ask,
        last=last,
        bid_size=10.0,
        ask_size=12.0,
        received_ns=1,
    )
    return msgspec.structs.replace(plain, **changes)


def request(**changes: Any) -> OrderRequest:
    """The example signal's order request (platform contract 10, at a tick of 0.05)."""
    plain = OrderRequest(
        delivery="9bbeedc541dd1c7a-mfqwpfk0",
        signal=signal(),
        ticket=TICKET,
        account="DU1000001",
        contract=OPTION,
        action="BUY",
        quantity=7,
        entry_type="LMT",
        limit_price=2.50,
        reference_price=2.50,
        stop_price=1.40,
        targets=(Target(3.25, 7),),
        notional=1750.0,
        sizing=SizingStats(0.0, 0.0, 0.0, 0, 1910.0),
        min_tick=0.05,
        expires_ms=TS_MS + 5_000,
    )
    return msgspec.structs.replace(plain, **changes)


def leg(ref: str, order_id: int, **changes: Any) -> Leg:
    """A leg with an order id of its own."""
    plain = Leg(ref=ref, role="entry", action="BUY", order_type="LMT", quantity=7, order_id=order_id)
    return msgspec.structs.replace(plain, **changes)


def order_event(ref: str = "9bbeedc541dd1c7a-mfqwpfk0-E", **changes: Any) -> OrderLifecycleEvent:
    """IB's word on a live limit entry."""
    plain = OrderLifecycleEvent(
        origin="open",
        ref=ref,
        perm_id=900_001,
        order_id=101,
        client_id=1,
        account="DU1000001",
        contract=OPTION,
        action="BUY",
        order_type="LMT",
        quantity=7.0,
        limit_price=2.5,
        stop_price=None,
        tif="DAY",
        parent_id=0,
        oca_group="",
        status="Submitted",
        filled=0.0,
        remaining=7.0,
        avg_fill_price=None,
        why_held="",
        replayed=False,
        received_ns=1,
    )
    return msgspec.structs.replace(plain, **changes)
