"""The platform's records of orders and positions, field by field (platform contract 2.2). Pure."""

from __future__ import annotations

from typing import Any

from router.delivery import Delivery
from router.execution import reason_of
from router.formats import contract_document, money, price, view, whole

MAX_HISTORY = 20  # newest fills a position's record lists: it is rewritten at each of them


def pending_order(delivery: Delivery, order_id: int, now_ms: int) -> dict[str, Any]:
    """`orders:pending:{orderId}` of a working entry; `size` is the platform's word, `quantity` the viewer's."""
    request = delivery.request
    filled = delivery.entered
    return {
        "signal_id": request.signal.id,
        "symbol": request.contract.symbol,
        "contract": contract_document(request.contract, request.signal),
        "side": request.signal.side,
        "action": request.action,
        "size": request.quantity,
        "quantity": request.quantity,
        "position_notional": money(request.notional),
        "order_type": {"MKT": "MARKET", "LMT": "LIMIT"}[request.entry_type],
        "confidence": request.signal.confidence,
        "strategy": request.signal.strategy.upper(),
        "entry_target": request.limit_price,
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        **_order_ids(delivery),
        "placed_at": delivery.context.placed_ms / 1000,
        "status": "PENDING",
        "filled": whole(filled),
        "remaining": whole(max(0.0, request.quantity - filled)),
        "avg_fill_price": price(delivery.entry_price) if filled else None,
        "last_update": now_ms / 1000,
        "order_id": order_id,
    }


def position_head(delivery: Delivery, position_id: str) -> dict[str, Any]:
    """What `positions:open` and `positions:closed` say of a delivery's position alike."""
    request = delivery.request
    entered = delivery.tally.entry.last
    fills = [
        {"price": price(x.price), "quantity": whole(x.quantity), "time": x.at.isoformat(), "leg": x.leg}
        for x in list(delivery.executions.values())[-MAX_HISTORY:]
    ]
    return {
        "id": position_id,
        "symbol": request.contract.symbol,
        "contract": contract_document(request.contract, request.signal),
        "side": "LONG" if delivery.sign > 0 else "SHORT",
        "view": view(request.signal.side == "LONG"),
        "strategy": request.signal.strategy.upper(),
        "entry_price": round(delivery.entry_price, 6),
        "entry_time": entered.at.isoformat() if entered else None,
        "basis_price": request.reference_price,
        "position_notional": money(delivery.notional),
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        **_order_ids(delivery),
        "signal_id": request.signal.id,
        "confidence": request.signal.confidence,
        "ib_account": request.account,
        "ib_con_id": request.contract.con_id,
        "reconciled": True,
        "last_fill_price": fills[-1]["price"] if fills else None,
        "fill_history": fills,
        "realized_events": [fill for fill in fills if fill["leg"] != "E"],
        "reductions": [fill for fill in fills if fill["leg"] != "E"],
    }


def closed_position(delivery: Delivery, record_id: str) -> dict[str, Any]:
    """`positions:closed:{day}:{id}`: what Kelly, the viewer and the reconcile script read (contract 2.2)."""
    at = delivery.last_closing.at
    reason = reason_of(delivery.last_closing)
    return position_head(delivery, record_id) | {
        "quantity": 0,
        "status": "CLOSED",
        "realized_pnl": money(delivery.realized),
        "commission": price(delivery.commission),
        "exit_price": price(delivery.exit.price),
        "exit_time": at.isoformat(),
        "close_reason": reason,
        "exit_reason": reason,
        "last_update": at.isoformat(),
    }


def _order_ids(delivery: Delivery) -> dict[str, Any]:
    legs = delivery.context.legs
    first = {leg.role: leg.order_id for leg in reversed(legs)}
    return {
        "order_id": first.get("entry"),
        "stop_order_id": first.get("stop"),
        "target_order_ids": [leg.order_id for leg in legs if leg.role == "target"],
        "oca_group": next((leg.oca_group for leg in legs if leg.oca_group), None),
    }
