"""Where the fields of a recording are in the bytes at version 176, counted from the protocol's tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.paper.raw import Message
from tests.paper.recording.reader import RecordingError, Step

_CONTRACT = (
    "con_id symbol sec_type expiry strike right multiplier exchange currency local_symbol trading_class"
)
_ORDER = "action quantity order_type lmt_price aux_price tif oca_group account open_close origin order_ref"


@dataclass(frozen=True)
class Answer:
    """A message of the gateway: its id and the places of its fields, counted from the id."""

    number: int
    places: dict[str, int] = field(default_factory=dict)


def _at(number: int, first: int, names: str, **more: int) -> Answer:
    return Answer(number, {name: first + at for at, name in enumerate(names.split())} | more)


ANSWERS = {
    "managed_accounts": _at(15, 2, "accounts"),
    "next_valid_id": _at(9, 2, "order_id"),
    "current_time": _at(49, 2, "time"),
    "api_error": _at(4, 2, "req_id code message advanced_order_reject_json"),
    "open_order": _at(
        5,
        1,
        f"order_id {_CONTRACT} {_ORDER} client_id perm_id outside_rth",
        good_till_date=36,
        oca_type=54,
        parent_id=58,
        status=-42,
    ),
    "open_order_end": Answer(53),
    "order_status": _at(
        3,
        1,
        "order_id status filled remaining avg_fill_price perm_id parent_id last_fill_price client_id why_held",
    ),
    "execution_detail": _at(
        11,
        1,
        f"req_id order_id {_CONTRACT} exec_id time account venue side shares price perm_id client_id",
    ),
    "executions_end": _at(55, 2, "req_id"),
    "commission_report": _at(59, 2, "exec_id commission currency realized_pnl"),
    "completed_order": _at(101, 1, f"{_CONTRACT} {_ORDER} perm_id", status=-24, filled=-14),
    "completed_order_end": Answer(102),
    "position": _at(61, 2, f"account {_CONTRACT} position avg_cost"),
    "position_end": Answer(62),
    "position_multi": _at(71, 2, f"req_id account {_CONTRACT} position avg_cost model_code"),
    "position_multi_end": _at(72, 2, "req_id"),
    "account_summary": _at(63, 2, "req_id account tag value currency"),
    "account_summary_end": _at(64, 2, "req_id"),
    "update_account_value": _at(6, 2, "key value currency account"),
    "account_download_end": _at(54, 2, "account"),
    "account_update_multi": _at(73, 2, "req_id account model_code key value currency"),
    "account_update_multi_end": _at(74, 2, "req_id"),
    "contract_details": _at(
        10,
        1,
        "req_id symbol sec_type expiry strike right exchange currency local_symbol market_name trading_class con_id "
        "min_tick multiplier order_types valid_exchanges price_magnifier under_con_id long_name primary_exchange "
        "contract_month industry category subcategory time_zone_id",
    ),
    "contract_details_end": _at(52, 2, "req_id"),
    "sec_def_opt_params": _at(75, 1, "req_id exchange underlying_con_id trading_class multiplier"),
    "sec_def_opt_params_end": _at(76, 1, "req_id"),
    "market_rule": _at(93, 1, "market_rule_id"),
    "market_data_type": _at(58, 2, "req_id data_type"),
    "tick_price": _at(1, 2, "req_id field price"),
    "tick_size": _at(2, 2, "req_id field size"),
    "tick_snapshot_end": _at(57, 2, "req_id"),
    "pnl": _at(94, 1, "req_id daily_pnl unrealized_pnl realized_pnl"),
    "pnl_single": _at(95, 1, "req_id position"),
    "user_info": _at(107, 1, "req_id white_branding_id"),
}


def _contract12(step: Step) -> list[object]:
    names = _CONTRACT.replace("exchange", "exchange primary_exchange").split()
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


def name_of(message: Message) -> str:
    """A message's name as recordings have it, or its number."""
    found = (name for name, answer in ANSWERS.items() if str(answer.number) == message[0])
    return next(found, f"message {message[0]}")
