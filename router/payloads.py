"""The platform's documents, field by field (platform contract 2 and 3). Pure: facts in, JSON objects out.

Money in USD with two decimals, prices with four, times aware UTC in ISO form, `ts` epoch milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router.delivery import Delivery, Execution, average, closing_reason, total
from router.messages import ContractSpec, OrderRequest, Signal

MAX_RISK = 0.05  # the distributor drops what has entry and stop further apart, as a fraction of the entry
MIN_REWARD = 1.5  # and what wins less than this per unit of risk
MAX_HISTORY = 100  # newest fills a position's document lists: it is rewritten at each of them


def signal_document(signal: Signal) -> dict[str, Any]:
    """The signal as the producer wrote it."""
    document: dict[str, Any] = json.loads(signal.raw) if signal.raw else {}
    return document


def ack(
    signal_id: str,
    symbol: str,
    signal: Signal | None,
    *,
    status: str,
    reason: str,
    filled: float = 0.0,
    price: float | None = None,
    now_ms: int,
) -> dict[str, Any]:
    """`signals:ack:{id}` (contract 3); `strategy` is echoed raw, `reason` left out when empty."""
    return (
        _present(
            {
                "id": signal_id,
                "symbol": symbol,
                "strategy": signal.strategy if signal else "",
                "side": signal.side if signal else "",
                "status": status,
                "contract_fp": signal.contract_fp if signal else "",
                "filled": float(filled),
            }
        )
        | {"avg_price": price, "timestamp": now_ms / 1000}
        | ({"reason": reason} if reason else {})
    )


def execution_status(
    signal: Signal, *, status: str, reason: str, filled: float, price: float | None, token: str, now_ms: int
) -> dict[str, Any]:
    """EXECUTION_STATUS: the end of a signal that did not fill (contract 2.1)."""
    return _present(
        {
            "id": signal.id,
            "symbol": signal.symbol,
            "strategy": signal.strategy.upper(),
            "side": signal.side,
            "action_type": "EXECUTION_STATUS",
            "ts": now_ms,
            "confidence": signal.confidence,
            "dedupe_token": token,
            "contract": contract_document(signal.contract, signal),
            "status": status,
            "reason": reason,
            "execution": _present(
                {
                    "status": status,
                    "filled_quantity": whole(filled),
                    "avg_fill_price": price,
                    "executed_at": iso(now_ms),
                    "reason": reason,
                }
            ),
        }
    )


def entry(delivery: Delivery, *, position_id: str, token: str) -> dict[str, Any]:
    """ENTRY: the signal verbatim, and how it was filled (contract 2.1 and 0.9)."""
    request = _request(delivery)
    sizing, notional = request.sizing, money(delivery.notional)
    document = signal_document(request.signal)
    document |= {
        "sizing_stats": {
            "win_rate": sizing.win_rate,
            "payoff_ratio": sizing.payoff_ratio,
            "kelly_fraction": sizing.kelly_fraction,
            "sample_size": sizing.sample_size,
            "suggested_notional": sizing.suggested_notional,
        },
        "order_size": whole(delivery.entered),
        "position_size": notional,
        "position_notional": notional,
        "position_id": position_id,
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        "action_type": "ENTRY",
        "dedupe_token": token,
        "contract": contract_document(request.contract, request.signal),
        "execution": _entry_execution(delivery, "FILLED", position_id, notional),
    }
    document.setdefault("confidence", request.signal.confidence)
    return _passable(document)


def scale_out(
    delivery: Delivery, execution: Execution, *, remaining: float, position_id: str, token: str
) -> dict[str, Any]:
    """SCALE_OUT: a target's fill that leaves something (contract 2.1)."""
    at = execution.at.isoformat()
    return _event_head(delivery, "SCALE_OUT", position_id, token, execution.at) | {
        "lifecycle": {
            "executed_at": at,
            "fill_price": price(execution.price),
            "quantity": whole(execution.quantity),
            "realized_pnl": money(delivery.realized([execution])),
            "remaining_quantity": whole(remaining),
            "reason": "TARGET",
            "result": "SCALE_OUT",
            "side": _request(delivery).signal.side,
        },
        "execution": {
            "status": "PARTIAL",
            "avg_fill_price": price(execution.price),
            "filled_quantity": whole(execution.quantity),
            "executed_at": at,
        },
    }


def exit_(delivery: Delivery, last: Sequence[Execution], *, position_id: str, token: str) -> dict[str, Any]:
    """EXIT: the position is flat; `last` are the executions no SCALE_OUT has told (contract 2.1)."""
    at = max(x.at for x in last)
    head = _event_head(delivery, "EXIT", position_id, token, at)
    return head | {
        "lifecycle": _outcome(delivery, last, at),
        "execution": _exit_execution(delivery, last, "FILLED", position_id, at),
    }


def entry_adjustment(delivery: Delivery, *, position_id: str, token: str, now_ms: int) -> dict[str, Any]:
    """ADJUSTMENT of an ENTRY: IB corrected or added executions of the entry (contract 0.9)."""
    head = _event_head(delivery, "ADJUSTMENT", position_id, token, datetime.fromtimestamp(now_ms / 1000, UTC))
    execution = _entry_execution(delivery, "ADJUSTMENT", position_id, money(delivery.notional))
    return head | {"adjusts": "ENTRY", "execution": execution}


def exit_adjustment(delivery: Delivery, *, position_id: str, token: str, now_ms: int) -> dict[str, Any]:
    """ADJUSTMENT of an EXIT: a commission report or a correction came after it (contract 0.9)."""
    last = delivery.closings
    at = max(x.at for x in last)
    head = _event_head(delivery, "ADJUSTMENT", position_id, token, datetime.fromtimestamp(now_ms / 1000, UTC))
    return head | {
        "adjusts": "EXIT",
        "lifecycle": _outcome(delivery, last, at),
        "execution": _exit_execution(delivery, last, "ADJUSTMENT", position_id, at),
    }


def closed_position(
    delivery: Delivery, last: Sequence[Execution], *, position_id: str, at: datetime
) -> dict[str, Any]:
    """`positions:closed:{day}:{id}`: what Kelly, the viewer and the reconcile script read (contract 2.2)."""
    reason = closing_reason(delivery.closings)
    return position_head(delivery, position_id) | {
        "quantity": 0,
        "status": "CLOSED",
        "realized_pnl": money(delivery.realized(delivery.closings)),
        "commission": price(delivery.charged(delivery.executions.values())),
        "exit_price": price(average(last)),
        "exit_time": at.isoformat(),
        "close_reason": reason,
        "exit_reason": reason,
        "last_update": at.isoformat(),
    }


def position_head(delivery: Delivery, position_id: str) -> dict[str, Any]:
    """What `positions:open` and `positions:closed` say of a delivery's position alike."""
    request = _request(delivery)
    entered_at = max((x.at for x in delivery.entries), default=None)
    orders = {leg.role: leg.order_id for leg in reversed(delivery.context.legs)}
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
        "entry_time": entered_at.isoformat() if entered_at else None,
        "basis_price": request.reference_price,
        "position_notional": money(delivery.notional),
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        "order_id": orders.get("entry"),
        "stop_order_id": orders.get("stop"),
        "target_order_ids": [leg.order_id for leg in delivery.context.legs if leg.role == "target"],
        "oca_group": next((leg.oca_group for leg in delivery.context.legs if leg.oca_group), None),
        "signal_id": request.signal.id,
        "confidence": request.signal.confidence,
        "ib_account": request.account,
        "ib_con_id": request.contract.con_id,
        "reconciled": True,
        "fill_history": fills,
        "realized_events": [fill for fill in fills if fill["leg"] != "E"],
        "reductions": [fill for fill in fills if fill["leg"] != "E"],
    }


def pending_order(delivery: Delivery, order_id: int, now_ms: int) -> dict[str, Any]:
    """`orders:pending:{orderId}` of a working entry; `size` is the platform's word, `quantity` the viewer's."""
    request = _request(delivery)
    head = position_head(delivery, "")
    filled = delivery.entered
    return {
        "order_id": order_id,
        "signal_id": request.signal.id,
        "symbol": request.contract.symbol,
        "contract": head["contract"],
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
        "targets": head["targets"],
        "stop_order_id": head["stop_order_id"],
        "target_order_ids": head["target_order_ids"],
        "oca_group": head["oca_group"],
        "placed_at": delivery.context.placed_ms / 1000,
        "status": "PENDING",
        "filled": whole(filled),
        "remaining": whole(max(0.0, request.quantity - filled)),
        "avg_fill_price": price(delivery.entry_price) if filled else None,
        "last_update": now_ms / 1000,
    }


def dead_letter(
    *, signal_id: str, symbol: str, reason: str, field: str, value: str, raw: str, source: str, now_ms: int
) -> dict[str, Any]:
    """`signals:dead_letter`: what was wrong, and everything that was sent."""
    return {
        "id": signal_id,
        "symbol": symbol,
        "reason": reason,
        "field": field,
        "value": value,
        "raw": raw,
        "source": source,
        "ts": now_ms,
    }


def contract_document(contract: ContractSpec, signal: Signal | None = None) -> dict[str, Any]:
    """A contract in the platform's words, with whatever else the signal said of it."""
    sent = signal_document(signal).get("contract") if signal else None
    extras = dict(sent) if isinstance(sent, Mapping) else {}
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


def view(bullish: bool) -> str:
    """The direction of a view, whatever was bought for it (contract 0.1)."""
    return "BULLISH" if bullish else "BEARISH"


def iso(now_ms: int) -> str:
    """Epoch milliseconds as aware ISO time."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()


def money(value: float) -> float:
    """USD, two decimals, no negative zero."""
    return round(value, 2) + 0.0


def price(value: float) -> float:
    """A price, four decimals."""
    return round(value, 4) + 0.0


def whole(quantity: float) -> float | int:
    """A quantity as a whole number where it is one."""
    rounded = round(quantity, 6)
    return int(rounded) if rounded.is_integer() else rounded


def result(realized: float) -> str:
    """WIN, LOSS, or FLAT to the cent (contract 0.6)."""
    amount = money(realized)
    if amount > 0:
        return "WIN"
    return "LOSS" if amount < 0 else "FLAT"


def _event_head(
    delivery: Delivery, action_type: str, position_id: str, token: str, at: datetime
) -> dict[str, Any]:
    """What SCALE_OUT, EXIT and ADJUSTMENT share: `stop_loss` instead of `stop`, so the validator passes it."""
    request = _request(delivery)
    return {
        "id": request.signal.id,
        "symbol": request.contract.symbol,
        "side": request.signal.side,
        "strategy": request.signal.strategy.upper(),
        "action_type": action_type,
        "ts": int(at.timestamp() * 1000),
        "confidence": request.signal.confidence,
        "dedupe_token": token,
        "position_id": position_id,
        "position_notional": money(delivery.notional),
        "entry": price(delivery.entry_price),
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        "contract": contract_document(request.contract, request.signal),
    }


def _outcome(delivery: Delivery, last: Sequence[Execution], at: datetime) -> dict[str, Any]:
    realized = delivery.realized(delivery.closings)
    return _present(
        {
            "executed_at": at.isoformat(),
            "exit_price": price(average(last)),
            "quantity": whole(total(last)),
            "realized_pnl": money(realized),
            "return_pct": round(realized / delivery.notional, 6) + 0.0 if delivery.notional else None,
            "holding_period_minutes": _minutes(delivery, at),
            "reason": closing_reason(delivery.closings),
            "result": result(realized),
            "remaining_quantity": whole(max(0.0, delivery.entered - delivery.closed)),
            "commission": price(delivery.charged(delivery.executions.values())),
            "side": _request(delivery).signal.side,
        }
    )


def _minutes(delivery: Delivery, at: datetime) -> float | None:
    """Minutes held; None where the broker's times run backwards (contract 7)."""
    minutes = (at - max(x.at for x in delivery.entries)).total_seconds() / 60
    return round(minutes, 2) if minutes >= 0 else None


def _entry_execution(delivery: Delivery, status: str, position_id: str, notional: float) -> dict[str, Any]:
    return {
        "status": status,
        "avg_fill_price": price(delivery.entry_price),
        "filled_quantity": whole(delivery.entered),
        "commission": price(delivery.charged(delivery.entries)),
        "order_id": delivery.entries[-1].order_id,
        "position_id": position_id,
        "executed_at": max(x.at for x in delivery.entries).isoformat(),
        "notional": notional,
    }


def _exit_execution(
    delivery: Delivery, last: Sequence[Execution], status: str, position_id: str, at: datetime
) -> dict[str, Any]:
    return {
        "status": status,
        "avg_fill_price": price(average(last)),
        "filled_quantity": whole(total(last)),
        "executed_at": at.isoformat(),
        "order_id": delivery.entries[-1].order_id,
        "position_id": position_id,
    }


def _passable(document: dict[str, Any]) -> dict[str, Any]:
    """Drop `stop` where the distributor would drop the whole event for it (contract 2.1, rule 3)."""
    entered, stop = document.get("entry"), document.get("stop")
    if entered and stop and not _sound(entered, stop, document["targets"]):
        del document["stop"]
    return document


def _sound(entered: object, stop: object, targets: Sequence[float]) -> bool:
    if not isinstance(entered, int | float) or not isinstance(stop, int | float) or entered <= 0:
        return False
    risk = abs(stop - entered)
    return 0 < risk <= MAX_RISK * entered and abs(targets[0] - entered) >= MIN_REWARD * risk


def _present(document: dict[str, Any]) -> dict[str, Any]:
    """The platform leaves out what it does not know."""
    return {name: value for name, value in document.items() if value is not None}


def _request(delivery: Delivery) -> OrderRequest:
    request = delivery.context.request
    if request is None:
        raise ValueError(f"{delivery.name} has no order to speak of")
    return request
