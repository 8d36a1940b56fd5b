"""Where the fields of a recording are in the bytes at version 176, counted from the protocol's tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.paper.raw import Message

CONTRACT = (
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
        f"order_id {CONTRACT} {_ORDER} client_id perm_id outside_rth",
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
        f"req_id order_id {CONTRACT} exec_id time account venue side shares price perm_id client_id",
    ),
    "executions_end": _at(55, 2, "req_id"),
    "commission_report": _at(59, 2, "exec_id commission currency realized_pnl"),
    "completed_order": _at(101, 1, f"{CONTRACT} {_ORDER} perm_id", status=-24, filled=-14),
    "completed_order_end": Answer(102),
    "position": _at(61, 2, f"account {CONTRACT} position avg_cost"),
    "position_end": Answer(62),
    "position_multi": _at(71, 2, f"req_id account {CONTRACT} position avg_cost model_code"),
    "position_multi_end": _at(72, 2, "req_id"),
    "account_summary": _at(63, 2, "req_id account tag value currency"),
    "account_summary_end": _at(64, 2, "req_id"),
    "update_account_value": _at(6, 2, "key value currency account"),
    "update_account_time": Answer(8),
    "update_portfolio": _at(
        7,
        2,
        "con_id symbol sec_type expiry strike right multiplier primary_exchange currency local_symbol trading_class "
        "position",
        account=-1,
    ),
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
    "matching_symbols": _at(79, 1, "req_id"),
    "market_rule": _at(93, 1, "market_rule_id"),
    "market_data_type": _at(58, 2, "req_id data_type"),
    "tick_price": _at(1, 2, "req_id field price"),
    "tick_size": _at(2, 2, "req_id field size"),
    "tick_generic": _at(45, 2, "req_id field"),
    "tick_string": _at(46, 2, "req_id field"),
    "tick_option_computation": _at(21, 1, "req_id field"),
    "tick_req_params": _at(81, 1, "req_id min_tick"),
    "tick_snapshot_end": _at(57, 2, "req_id"),
    "pnl": _at(94, 1, "req_id daily_pnl unrealized_pnl realized_pnl"),
    "pnl_single": _at(95, 1, "req_id position"),
    "user_info": _at(107, 1, "req_id white_branding_id"),
}


def name_of(message: Message) -> str:
    """A message's name as recordings have it, or its number."""
    found = (name for name, answer in ANSWERS.items() if str(answer.number) == message[0])
    return next(found, f"message {message[0]}")
