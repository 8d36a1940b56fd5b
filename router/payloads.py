"""The platform's messages: lifecycle events, acks, dead letters (platform contract 2.1 and 3). Pure.

Money in USD with two decimals, prices with four, times aware UTC in ISO form, `ts` epoch milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from router.delivery import Delivery
from router.execution import Execution, reason_of
from router.formats import (
    contract_document,
    iso,
    money,
    present,
    price,
    result,
    sent_contract,
    signal_document,
    whole,
)
from router.messages import Alert, Signal

MAX_RISK = 0.05  # the distributor drops what has entry and stop further apart, as a fraction of the entry
MIN_REWARD = 1.5  # and what wins less than this per unit of risk
MAX_FINGERPRINT = 64  # characters
ISO_TIMED = frozenset({"execution_manual_fill_missing"})


def alert_document(alert: Alert, at_ms: int) -> dict[str, Any]:
    """What a subscriber of `alerts:critical` reads, empty fields left out; `timestamp` in epoch seconds, but where the
    platform has always had it in ISO form (contract 2.2)."""
    named = {"type": alert.kind, "severity": alert.severity, "reason": alert.text}
    about = {"order_ref": alert.ref, "signal_id": alert.signal_id, "symbol": alert.symbol}
    known = {name: text for name, text in about.items() if text}
    timestamp = iso(at_ms) if alert.kind in ISO_TIMED else at_ms / 1000
    return dict(alert.details) | named | known | {"timestamp": timestamp}


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
        present(
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
    return present(
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
            "execution": present(
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


def entry(delivery: Delivery, *, token: str) -> dict[str, Any]:
    """ENTRY: the signal verbatim, and how it was filled (contract 2.1 and 0.9)."""
    request = delivery.request
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
        "position_id": delivery.position_id,
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        "action_type": "ENTRY",
        "dedupe_token": token,
        "contract": contract_document(request.contract) | sent_contract(request.signal),
        "execution": _entry_execution(delivery, "FILLED", notional),
    }
    document.setdefault("confidence", request.signal.confidence)
    return _passable(document)


def scale_out(delivery: Delivery, execution: Execution, *, remaining: float, token: str) -> dict[str, Any]:
    """SCALE_OUT: a target's fill that leaves something (contract 2.1)."""
    at = execution.at.isoformat()
    return _event_head(delivery, "SCALE_OUT", token, execution.at) | {
        "lifecycle": {
            "executed_at": at,
            "fill_price": price(execution.price),
            "quantity": whole(execution.quantity),
            "realized_pnl": money(delivery.realized_by(execution)),
            "remaining_quantity": whole(remaining),
            "reason": "TARGET",
            "result": "SCALE_OUT",
            "side": delivery.request.signal.side,
        },
        "execution": {
            "status": "PARTIAL",
            "avg_fill_price": price(execution.price),
            "filled_quantity": whole(execution.quantity),
            "executed_at": at,
        },
    }


def exit_(delivery: Delivery, *, token: str) -> dict[str, Any]:
    """EXIT: the position is flat (contract 2.1)."""
    at = delivery.last_closing.at
    head = _event_head(delivery, "EXIT", token, at)
    return head | {
        "exit_reason": reason_of(delivery.last_closing),
        "lifecycle": _outcome(delivery, at),
        "execution": _exit_execution(delivery, "FILLED", at),
    }


def entry_adjustment(delivery: Delivery, *, token: str, now_ms: int) -> dict[str, Any]:
    """ADJUSTMENT of an ENTRY: IB corrected or added executions of the entry (contract 0.9)."""
    head = _event_head(delivery, "ADJUSTMENT", token, datetime.fromtimestamp(now_ms / 1000, UTC))
    execution = _entry_execution(delivery, "ADJUSTMENT", money(delivery.notional))
    return head | {"adjusts": "ENTRY", "execution": execution}


def exit_adjustment(delivery: Delivery, *, token: str, now_ms: int) -> dict[str, Any]:
    """ADJUSTMENT of an EXIT: a commission report or a correction came after it (contract 0.9)."""
    at = delivery.last_closing.at
    head = _event_head(delivery, "ADJUSTMENT", token, datetime.fromtimestamp(now_ms / 1000, UTC))
    return head | {
        "adjusts": "EXIT",
        "lifecycle": _outcome(delivery, at),
        "execution": _exit_execution(delivery, "ADJUSTMENT", at),
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


def salvaged_fingerprint(raw: str) -> str:
    """The lock identity of a payload that is no valid signal, so that its lock can be released all the same."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    value = document.get("contract_fp") if isinstance(document, dict) else None
    return value if isinstance(value, str) and len(value) <= MAX_FINGERPRINT else ""


def _event_head(delivery: Delivery, action_type: str, token: str, at: datetime) -> dict[str, Any]:
    """What SCALE_OUT, EXIT and ADJUSTMENT share: `stop_loss` instead of `stop`, so the validator passes it."""
    request = delivery.request
    return {
        "id": request.signal.id,
        "symbol": request.contract.symbol,
        "side": request.signal.side,
        "strategy": request.signal.strategy.upper(),
        "action_type": action_type,
        "ts": int(at.timestamp() * 1000),
        "confidence": request.signal.confidence,
        "dedupe_token": token,
        "position_id": delivery.position_id,
        "position_notional": money(delivery.notional),
        "entry": price(delivery.entry_price),
        "stop_loss": request.stop_price,
        "targets": [target.price for target in request.targets],
        "contract": contract_document(request.contract, request.signal),
    }


def _outcome(delivery: Delivery, at: datetime) -> dict[str, Any]:
    realized, last = delivery.realized, delivery.exit
    return present(
        {
            "executed_at": at.isoformat(),
            "exit_price": price(last.price),
            "quantity": whole(last.quantity),
            "realized_pnl": money(realized),
            "return_pct": round(realized / delivery.notional, 6) + 0.0 if delivery.notional else None,
            "holding_period_minutes": _minutes(delivery, at),
            "reason": reason_of(delivery.last_closing),
            "result": result(realized),
            "remaining_quantity": whole(max(0.0, delivery.entered - delivery.closed)),
            "commission": price(delivery.commission),
            "side": delivery.request.signal.side,
        }
    )


def _minutes(delivery: Delivery, at: datetime) -> float | None:
    """Minutes held; None where the broker's times run backwards (contract 7)."""
    minutes = (at - delivery.last_entry.at).total_seconds() / 60
    return round(minutes, 2) if minutes >= 0 else None


def _entry_execution(delivery: Delivery, status: str, notional: float) -> dict[str, Any]:
    return {
        "status": status,
        "avg_fill_price": price(delivery.entry_price),
        "filled_quantity": whole(delivery.entered),
        "commission": price(delivery.tally.entry.commission),
        "order_id": delivery.last_entry.order_id,
        "position_id": delivery.position_id,
        "executed_at": delivery.last_entry.at.isoformat(),
        "notional": notional,
    }


def _exit_execution(delivery: Delivery, status: str, at: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "avg_fill_price": price(delivery.exit.price),
        "filled_quantity": whole(delivery.exit.quantity),
        "executed_at": at.isoformat(),
        "order_id": delivery.last_entry.order_id,
        "position_id": delivery.position_id,
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
