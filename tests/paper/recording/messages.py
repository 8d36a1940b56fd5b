"""The requests of a recording as TWS bytes, and whether this gateway has such a message."""

from __future__ import annotations

from collections.abc import Callable

from tests.paper.recording.reader import RecordingError, Step
from tests.paper.recording.tables import ANSWERS, CONTRACT


def _contract12(step: Step) -> list[object]:
    names = CONTRACT.replace("exchange", "exchange primary_exchange").split()
    return ["0" if name in ("con_id", "strike") and not step[name] else step[name] for name in names]


def _flag(text: str) -> int:
    return int(text in ("1", "true"))


_SCOPES = {"all": (16, 1), "auto": (15, 1, 1)}
_Maker = Callable[[Step, str], list[object]]  # of a request and the number that its request id stands for
_REQUESTS: dict[str, _Maker] = {
    "cancel_order": lambda step, req_id: [4, 1, step["order_id"], ""],
    "global_cancel": lambda step, req_id: [58, 1],
    "req_ids": lambda step, req_id: [8, 1, step["num_ids"] or 1],
    "req_current_time": lambda step, req_id: [49, 1],
    "req_open_orders": lambda step, req_id: [*_SCOPES.get(step["scope"], (5, 1))],
    "req_completed_orders": lambda step, req_id: [99, _flag(step["api_only"])],
    "req_executions": lambda step, req_id: [
        *(7, 3, req_id, step["client_id"] or 0, step["account"], step["time"]),
        *(step["symbol"], step["sec_type"], step["exchange"], step["side"]),
    ],
    "req_positions": lambda step, req_id: [61, 1],
    "cancel_positions": lambda step, req_id: [64, 1],
    "req_positions_multi": lambda step, req_id: [74, 1, req_id, step["account"], step["model_code"]],
    "cancel_positions_multi": lambda step, req_id: [75, 1, req_id],
    "req_account_summary": lambda step, req_id: [
        *(62, 1, req_id, step["group"] or step["account"] or "All"),
        ",".join((step.lists or {}).get("tags", [])),
    ],
    "cancel_account_summary": lambda step, req_id: [63, 1, req_id],
    "req_account_updates": lambda step, req_id: [6, 2, _flag(step["subscribe"]), step["account"]],
    "req_account_updates_multi": lambda step, req_id: [76, 1, req_id, step["account"], step["model_code"], 0],
    "cancel_account_updates_multi": lambda step, req_id: [77, 1, req_id],
    "req_contract_details": lambda step, req_id: [9, 8, req_id, *_contract12(step), 0, "", "", ""],
    "req_sec_def_opt_params": lambda step, req_id: [
        *(78, req_id, step["underlying_symbol"], "", step["underlying_sec_type"] or "STK"),
        step["underlying_con_id"] or 0,
    ],
    "req_matching_symbols": lambda step, req_id: [81, req_id, step["pattern"]],
    "req_market_rule": lambda step, req_id: [91, step["market_rule_id"]],
    "req_quote": lambda step, req_id: [
        1,
        11,
        req_id,
        *_contract12(step),
        0,
        "",
        _flag(step["snapshot"]),
        0,
        "",
    ],
    "cancel_quote": lambda step, req_id: [2, 2, req_id],
    "req_pnl": lambda step, req_id: [92, req_id, step["account"], step["model_code"]],
    "cancel_pnl": lambda step, req_id: [93, req_id],
    "req_pnl_single": lambda step, req_id: [94, req_id, step["account"], step["model_code"], step["con_id"]],
    "cancel_pnl_single": lambda step, req_id: [95, req_id],
    "req_user_info": lambda step, req_id: [104, req_id],
}


def check_known(step: Step) -> None:
    """Whether this gateway has such a message at all. Raises RecordingError."""
    if step.speaker == "server" and step.name not in ANSWERS:
        raise RecordingError(f"line {step.number}: message {step.name!r} is not one this gateway sends")
    if step.speaker == "client" and step.name != "place_order" and step.name not in _REQUESTS:
        raise RecordingError(f"line {step.number}: request {step.name!r} is not one this gateway is asked")


def request(step: Step, req_id: str) -> list[object]:
    """The fields of a request other than placeOrder."""
    return _REQUESTS[step.name](step, req_id)
