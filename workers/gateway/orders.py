"""Plain legs and contracts -> the library's orders and contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.messages import ContractSpec, Leg
from workers.gateway.library import IB, Contract, LimitOrder, MarketOrder, Order, StopOrder


def bracket(ib: IB, legs: Sequence[Leg], account: str) -> list[Order]:
    """A bracket's orders: entry first, then target and stop of each pair.

    The first pair is made by the library's own `bracketOrder`; it carries the transmit chain, in which
    only the very last order transmits and releases all before it.
    """
    entry, *children = legs
    target, stop, *more = children
    orders: list[Any] = list(
        ib.bracketOrder(
            entry.action,
            entry.quantity,
            entry.limit_price or 0.0,
            target.limit_price or 0.0,
            stop.stop_price or 0.0,
        )
    )
    if entry.order_type == "MKT":
        orders[0] = MarketOrder(entry.action, entry.quantity, orderId=orders[0].orderId, transmit=False)
    for leg in more:
        orders.append(_child(ib, leg, orders[0].orderId))
    for order, leg in zip(orders, legs, strict=True):
        order.totalQuantity = leg.quantity
        order.orderRef = leg.ref
        order.account = account
        order.tif = leg.tif
        order.outsideRth = leg.outside_rth
        order.ocaGroup = leg.oca_group
        order.ocaType = leg.oca_type
        order.transmit = order is orders[-1]
    return orders


def _child(ib: IB, leg: Leg, parent_id: int) -> Order:
    ids = {"orderId": ib.client.getReqId(), "parentId": parent_id}
    if leg.order_type == "STP":
        return StopOrder(leg.action, leg.quantity, leg.stop_price or 0.0, **ids)
    return LimitOrder(leg.action, leg.quantity, leg.limit_price or 0.0, **ids)


def to_contract(spec: ContractSpec) -> Contract:
    """The library's contract for a plain one; unqualified fields stay empty for IB to fill in."""
    return Contract(
        conId=spec.con_id,
        symbol=spec.symbol,
        secType=spec.sec_type,
        lastTradeDateOrContractMonth=spec.expiry,
        strike=spec.strike,
        right=spec.right,
        multiplier=str(spec.multiplier) if spec.sec_type == "OPT" else "",
        exchange=spec.exchange or "SMART",
        currency=spec.currency,
        localSymbol=spec.local_symbol,
        tradingClass=spec.trading_class,
    )
