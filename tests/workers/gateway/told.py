"""Messages about one option and one order as the wire tells them, as the library has them, and as ours."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from router.messages import ContractSpec

REF = "9bbeedc541dd1c7a-mfqwpfk0-E"
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


def status(**changes: str) -> list[str]:
    """The fields of an orderStatus."""
    fields = {
        "order_id": "101",
        "status": "Submitted",
        "filled": "0",
        "remaining": "7",
        "average": "0",
        "perm_id": "900001",
        "parent_id": "0",
        "last": "0",
        "client_id": "1",
        "why_held": "",
        "cap": "0",
    }
    return ["3", *(fields | changes).values()]


def execution(**changes: str) -> list[str]:
    """The fields of an execDetails."""
    fields = {
        "request": "-1",
        "order_id": "101",
        "contract": "",
        "exec_id": "0000e0d5.6741.01.01",
        "time": "20250919 09:59:58 US/Eastern",
        "account": "DU1000001",
        "venue": "CBOE",
        "side": "BOT",
        "shares": "3",
        "price": "2.5",
        "perm_id": "900001",
        "client_id": "1",
        "liquidation": "0",
        "cumulated": "5",
        "average": "2.49",
        "ref": REF,
        "rest": "",
    } | changes
    flat: list[str] = ["11"]
    for name, value in fields.items():
        flat += OPTION if name == "contract" else [value]
    return flat


def commission(exec_id: str = "0000e0d5.6741.01.01", paid: str = "1.05", realized: str = UNSET) -> list[str]:
    """The fields of a commissionReport."""
    return ["59", "1", exec_id, paid, "USD", realized, UNSET, ""]


def order(**changes: Any) -> Any:
    """What the library's decoder makes of an order."""
    plain = {
        "orderRef": REF,
        "permId": 900_001,
        "orderId": 101,
        "clientId": 1,
        "account": "DU1000001",
        "action": "BUY",
        "orderType": "LMT",
        "totalQuantity": 7.0,
        "lmtPrice": 2.5,
        "auxPrice": 0.0,
        "tif": "DAY",
        "parentId": 0,
        "ocaGroup": "",
        "filledQuantity": sys.float_info.max,
        "ocaType": 0,
        "outsideRth": False,
        "trailStopPrice": sys.float_info.max,
        "trailingPercent": sys.float_info.max,
        "adjustedOrderType": "None",
        "triggerPrice": sys.float_info.max,
        "adjustedStopPrice": sys.float_info.max,
        "adjustedStopLimitPrice": sys.float_info.max,
        "adjustedTrailingAmount": sys.float_info.max,
        "adjustableTrailingUnit": 0,
        "goodTillDate": "",
        "algoStrategy": "",
        "algoParams": [],
    }
    return SimpleNamespace(**(plain | changes))
