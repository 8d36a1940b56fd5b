"""Plain legs and contracts -> the library's orders and contracts.

`dress` gives an order every one of its terms. All orders and all modifications pass through it, because a modification
that leaves out action, quantity, time in force or OCA group is another order to IB (platform contract 8).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from router.messages import ContractSpec, Leg
from workers.gateway.library import IB, Contract, Order, TagValue

UNSET = sys.float_info.max  # how the library spells a number that is not there
AMOUNT, PERCENT = 0, 1  # adjustableTrailingUnit


def bracket(ib: IB, legs: Sequence[Leg], account: str) -> list[Order]:
    """A bracket's orders: entry first, then target and stop of each pair.

    The first pair is made by the library's own `bracketOrder`; it carries the transmit chain, in which
    only the very last order transmits and releases all before it.
    """
    entry, target, stop, *more = legs
    orders: list[Any] = list(
        ib.bracketOrder(
            entry.action,
            entry.quantity,
            entry.limit_price or 0.0,
            target.limit_price or 0.0,
            stop.stop_price or 0.0,
        )
    )
    orders += [Order(orderId=ib.client.getReqId(), parentId=orders[0].orderId) for _ in more]
    for order, leg in zip(orders, legs, strict=True):
        dress(order, leg, account)
        order.transmit = order is orders[-1]
    return orders


def single(ib: IB, leg: Leg, account: str) -> Order:
    """An order beside a bracket; a leg that has an order id already is the modification of that order."""
    order = Order(orderId=leg.order_id or ib.client.getReqId(), parentId=leg.parent_id, transmit=True)
    dress(order, leg, account)
    return order


def dress(order: Any, leg: Leg, account: str) -> None:
    """Give an order all of its terms; ids, parent and transmit are the caller's."""
    order.orderRef = leg.ref
    order.account = account
    order.action = leg.action
    order.totalQuantity = leg.quantity
    order.orderType = leg.order_type
    order.lmtPrice = _number(leg.limit_price)
    order.auxPrice = _number(leg.stop_price)
    order.trailStopPrice = _number(leg.trail_stop)
    order.trailingPercent = _number(leg.trail_percent)
    order.tif = leg.tif
    order.goodTillDate = leg.good_till
    order.outsideRth = leg.outside_rth
    order.ocaGroup = leg.oca_group
    order.ocaType = leg.oca_type
    if leg.adjustment is not None:
        order.adjustedOrderType = leg.adjustment.order_type
        order.triggerPrice = leg.adjustment.trigger_price
        order.adjustedStopPrice = leg.adjustment.stop_price
        order.adjustedStopLimitPrice = _number(leg.adjustment.limit_price)
        if leg.adjustment.trail_percent is not None:
            order.adjustedTrailingAmount = leg.adjustment.trail_percent
            order.adjustableTrailingUnit = PERCENT
        elif leg.adjustment.trail_amount is not None:
            order.adjustedTrailingAmount = leg.adjustment.trail_amount
            order.adjustableTrailingUnit = AMOUNT
    if leg.algo:
        order.algoStrategy = leg.algo
        order.algoParams = [TagValue(*pair) for pair in leg.algo_params]


def _number(value: float | None) -> float:
    return UNSET if value is None else value


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
