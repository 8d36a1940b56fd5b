"""Single values of the wire -> plain values: numbers, contracts, times, execution ids. Pure.

What IB left unset, and what is no number, never gets past here: it becomes None, or ValueError where the message says
nothing without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.messages import ContractSpec

UNSET_LIMIT = 1e300  # IB writes an unset double as 1.797e308
NO_LOWER = -UNSET_LIMIT
UNSET_INT, UNSET_LONG = 2**31 - 1, 2**63 - 1  # as IB writes them; a manual order's executions have the first

_EXECUTION_TIME = re.compile(r"(?P<day>\d{8})(?:-| +)(?P<clock>\d\d:\d\d:\d\d)(?: +(?P<zone>\S+))?")


@lru_cache(maxsize=256)  # the messages of a fill repeat each other's numbers; an unset one is slow to read
def number(text: Any) -> float | None:
    """A double of the wire or the library: None when empty, unset, NaN or infinite."""
    if text == "" or text is None:
        return None
    value = float(text)
    return value if NO_LOWER < value < UNSET_LIMIT else None  # NaN is neither


def amount(text: Any) -> float:
    """A double for which none is as good as zero."""
    return number(text) or 0.0


def required(text: Any, name: str) -> float:
    """A double without which the message says nothing: making one up would book what never was."""
    value = number(text)
    if value is None:
        raise ValueError(f"{name} is {text!r}")
    return value


@lru_cache(maxsize=1024)  # the client's id, the order's: the messages of a fill repeat them, too
def whole(text: Any) -> int:
    """An integer of the wire; an empty or unset one is zero."""
    try:
        value = int(text)
    except (ValueError, TypeError):
        value = int(float(text)) if text not in (None, "") else 0
    if -UNSET_LONG < value < UNSET_LONG and value != UNSET_INT:
        return value
    return 0  # nor does the bus carry more


def contract_spec(fields: Sequence[Any]) -> ContractSpec:
    """The eleven contract fields of an inbound message: conId symbol secType expiry strike right multiplier
    exchange currency localSymbol tradingClass."""
    last = _last_specs.get(fields[0])
    if last is not None and last[0] == fields:
        return last[1]
    spec = _contract_spec(tuple(fields))
    if len(_last_specs) >= SPECS:
        _last_specs.clear()
    _last_specs[fields[0]] = fields, spec
    return spec


# Every message on an order repeats its contract. By conId the fields that came last: to compare eleven takes a third
# of the time of their hashes, which `lru_cache` needs.
SPECS = 4096
_last_specs: dict[Any, tuple[Sequence[Any], ContractSpec]] = {}


@lru_cache(maxsize=SPECS)
def _contract_spec(fields: tuple[Any, ...]) -> ContractSpec:
    con_id, symbol, sec_type, expiry, strike, right, multiplier, exchange, currency, local, trading = fields
    return ContractSpec(
        sec_type=sec_type,
        symbol=symbol,
        exchange=exchange,
        currency=currency,
        expiry=expiry[:8],
        strike=amount(strike),
        right=right if right in ("C", "P") else "",
        multiplier=whole(multiplier) or 1,
        con_id=whole(con_id),
        local_symbol=local,
        trading_class=trading,
    )


def from_contract(contract: Any) -> ContractSpec:
    """The same from a library contract object."""
    return contract_spec(
        (
            contract.conId,
            contract.symbol,
            contract.secType,
            contract.lastTradeDateOrContractMonth,
            contract.strike,
            contract.right,
            contract.multiplier,
            contract.exchange,
            contract.currency,
            contract.localSymbol,
            contract.tradingClass,
        )
    )


def execution_time(text: str, now: Callable[[], datetime]) -> datetime:
    """An execution's time in UTC. Naive means UTC; a time in an unknown zone is answered with `now()`,
    the time of receipt, because losing the execution would be worse than a second of error."""
    return _execution_time(text) or now()


@lru_cache(maxsize=256)  # the executions of a storm share their seconds
def _execution_time(text: str) -> datetime | None:
    match = _EXECUTION_TIME.fullmatch(text.strip())
    if match is None:
        return None
    try:
        naive = datetime.strptime(match["day"] + match["clock"], "%Y%m%d%H:%M:%S")  # noqa: DTZ007 - zone follows
        return naive.replace(tzinfo=ZoneInfo(match["zone"]) if match["zone"] else UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):  # OSError: the zone names a directory
        return None


def superseded(exec_id: str) -> str:
    """The execution that `....02` corrects is `....01`; an empty text for a first version."""
    if exec_id.endswith(".01"):
        return ""  # as nearly all are
    stem, _, revision = exec_id.rpartition(".")
    if not stem or not revision.isdecimal() or int(revision) <= 1:
        return ""
    return f"{stem}.{int(revision) - 1:0{len(revision)}d}"
