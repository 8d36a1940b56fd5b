"""The platform's signal: validation, freshness, and the name it has for ever (platform contract 1.1)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from router.contract import check_symbol, fingerprint, normalise
from router.document import check_values
from router.errors import FieldError
from router.messages import ContractSpec, Side, Signal

MAX_PAYLOAD_BYTES = 65_536
DEFAULT_CONFIDENCE = 60
MAX_PRICE = 1_000_000.0  # USD
CLOCK_SKEW_MS = 5_000  # how far ahead of us the platform's clock may be
OPTION_CLOSE = (16, 15)  # US/Eastern; the latest close of an equity or index option on its last day

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:]{0,39}(?:-[A-Za-z0-9_.:]+)*")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def parse(payload: bytes) -> Signal:
    """One payload -> one valid signal. Raises FieldError naming the first field that is wrong."""
    document = load(payload)
    check_values(document)
    symbol = check_symbol(document.get("symbol"))
    strategy = _text(document, "strategy", 32)
    side = _side(document)
    contract = document.get("contract")
    if not isinstance(contract, Mapping) or not contract:
        raise FieldError(
            "contract", contract, "missing" if contract is None else "must be an object with its terms"
        )
    spec = normalise(contract, symbol)
    return Signal(
        id=_id(document),
        contract_fp=_contract_fp(document, contract, symbol, strategy, side),
        ts_ms=_ts_ms(document),
        symbol=symbol,
        strategy=strategy,
        side=side,
        confidence=_confidence(document),
        contract=spec,
        dry_run=_dry_run(document),
        entry_hint=_price(document, "entry", document.get("entry")),
        targets=_targets(document),
        raw=payload.decode(),
    )


def load(payload: bytes) -> Mapping[str, Any]:
    """The JSON object of a payload; NaN and Infinity are let in here so that the field can be named later.

    Raises FieldError.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FieldError("payload", f"{len(payload)} bytes", f"must be at most {MAX_PAYLOAD_BYTES} bytes")
    try:
        # decoded here: json.loads would guess UTF-16 and let surrogates pass, which nobody after us can write
        document = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise FieldError("payload", payload[:80].decode(errors="replace"), f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise FieldError("payload", type(document).__name__, "must be a JSON object")
    return document


def salvage_id(payload: bytes) -> tuple[str, str]:
    """(id, symbol) of a payload that `parse` refused, each empty where it cannot be had: for the ack."""
    try:
        document = load(payload)
    except FieldError:
        return "", ""
    return _or_empty(_id, document), _or_empty(lambda d: check_symbol(d.get("symbol")), document)


def delivery_of(signal: Signal) -> str:
    """`{signal_id}-{ts36}`: the stem of every orderRef of this delivery (design, section 6)."""
    return f"{signal.id}-{base36(signal.ts_ms)}"


def base36(number: int) -> str:
    """A non-negative whole number in base 36, lower case."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if number == 0:
            return digits


def age_ms(signal: Signal, now_ms: int) -> int:
    """How old the signal is; negative when the platform's clock is ahead."""
    return now_ms - signal.ts_ms


def expired(spec: ContractSpec, now_eastern: datetime) -> bool:
    """Whether an option has stopped trading for good at this US/Eastern time."""
    if spec.sec_type != "OPT":
        return False
    today = now_eastern.strftime("%Y%m%d")
    return spec.expiry < today or (
        spec.expiry == today and (now_eastern.hour, now_eastern.minute) >= OPTION_CLOSE
    )


def _or_empty(read: Callable[[Mapping[str, Any]], str], document: Mapping[str, Any]) -> str:
    try:
        return read(document)
    except FieldError:
        return ""


def _id(document: Mapping[str, Any]) -> str:
    value = document.get("id")
    if not isinstance(value, str) or len(value) > 40 or not _ID.fullmatch(value):
        raise FieldError("id", value, "must be 1 to 40 letters, digits, or any of _ . : -")
    return value


def _contract_fp(
    document: Mapping[str, Any], contract: Mapping[str, Any], symbol: str, strategy: str, side: str
) -> str:
    """The platform's own, echoed and never recomputed when it is there (platform contract 3)."""
    value = document.get("contract_fp")
    if value is None:
        return fingerprint(contract, symbol=symbol, strategy=strategy, side=side)
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable():
        raise FieldError("contract_fp", value, "must be a text such as sigfp:d625406e3ba518cc6234")
    return value


def _text(document: Mapping[str, Any], name: str, limit: int) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= limit or not value.isprintable():
        raise FieldError(name, value, f"must be a text of 1 to {limit} characters")
    return value


def _side(document: Mapping[str, Any]) -> Side:
    match document.get("side"):
        case "LONG":
            return "LONG"
        case "SHORT":
            return "SHORT"
        case value:
            raise FieldError("side", value, "must be LONG or SHORT")


def _ts_ms(document: Mapping[str, Any]) -> int:
    value = document.get("ts")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**14:
        raise FieldError("ts", value, "must be epoch milliseconds")
    return value


def _confidence(document: Mapping[str, Any]) -> int:
    """Weights may add up to more than 100: clamped, not refused (platform contract 1.1)."""
    value = document.get("confidence", DEFAULT_CONFIDENCE)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise FieldError("confidence", value, "must be a number from 0 to 100")
    return min(100, int(value))


def _dry_run(document: Mapping[str, Any]) -> bool:
    value = document.get("dry_run", False)
    if not isinstance(value, bool):
        raise FieldError("dry_run", value, "must be true or false")
    return value


def _price(document: Mapping[str, Any], name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(name, value, "must be a price")
    if not 0 < value <= MAX_PRICE:  # false for NaN too
        raise FieldError(name, value, f"must be above 0 and at most {MAX_PRICE:g}")
    return float(value)


def _targets(document: Mapping[str, Any]) -> tuple[float, ...]:
    value = document.get("targets") or []
    if not isinstance(value, list) or len(value) > 10:
        raise FieldError("targets", value, "must be a list of at most 10 prices")
    prices = [_price(document, f"targets[{i}]", item) for i, item in enumerate(value)]
    if None in prices:
        raise FieldError("targets", value, "must hold prices only")
    return tuple(price for price in prices if price is not None)
