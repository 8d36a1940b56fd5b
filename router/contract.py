"""Contract normalisation: what the platform writes -> one plain `ContractSpec` (platform contract 1.1, 3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from router.errors import FieldError
from router.messages import ContractSpec
from router.reasons import Reason

STOCK_TYPES = frozenset({"stock", "stk", "equity"})
OPTION_MULTIPLIER = 100
MAX_MULTIPLIER = 10_000
MAX_STRIKE = 1_000_000.0  # USD; above every listed strike, and what an OCC symbol cannot hold anyway

_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:[ .][A-Z0-9]+)?")
_OCC = re.compile(r"(?P<root>[A-Z0-9]{1,6}) *(?P<expiry>\d{6})(?P<right>[CP])(?P<strike>\d{8})")
_EXPIRY_FORMATS = (
    "%Y%m%d",
    "%y%m%d",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d-%b-%Y",
    "%b %d %Y",
    "%b %d, %Y",
)
_DIGITS = {"%Y%m%d": 8, "%y%m%d": 6}


def normalise(contract: Mapping[str, Any], symbol: str) -> ContractSpec:
    """The contract of a signal on `symbol`.

    An absent `type` means option, an unknown one too. An OCC symbol stands for the explicit fields; where both are
    there they must say the same (platform contract 1.1), since nobody knows which is meant. Raises FieldError.
    """
    _check_subject(contract, symbol)
    if str(contract.get("type", "option")).lower() in STOCK_TYPES:
        return ContractSpec(
            sec_type="STK",
            symbol=symbol,
            exchange=_text(contract, "exchange", "SMART").upper(),
            currency=_text(contract, "currency", "USD").upper(),
        )
    return _option(contract, symbol)


def _check_subject(contract: Mapping[str, Any], symbol: str) -> None:
    """The contract is of the signal's symbol, and of the kind that its OCC symbol is. Raises FieldError."""
    named, kind = contract.get("symbol"), contract.get("type", "option")
    if named and _plain(str(named)) != _plain(symbol):
        raise FieldError("contract.symbol", named, f"but symbol says {symbol}", Reason.CONTRACT_CONFLICT)
    if contract.get("occ_symbol") and str(kind).lower() in STOCK_TYPES:
        problem = f"but contract.occ_symbol {contract['occ_symbol']} is of an option"
        raise FieldError("contract.type", kind, problem, Reason.CONTRACT_CONFLICT)


def _option(contract: Mapping[str, Any], symbol: str) -> ContractSpec:
    terms: dict[str, Any] = {
        "expiry": _expiry(contract),
        "right": _right(contract),
        "strike": _strike(contract),
    }
    if contract.get("occ_symbol"):
        terms = _agreed(contract, terms, parse_occ(contract["occ_symbol"]), symbol)
    for name in ("expiry", "strike"):
        if terms[name] is None:
            raise FieldError(f"contract.{name}", contract.get(name), "missing")
    terms["right"] = terms["right"] or "C"
    return ContractSpec(
        sec_type="OPT",
        symbol=symbol,
        exchange=_text(contract, "exchange", "SMART").upper(),
        currency=_text(contract, "currency", "USD").upper(),
        multiplier=_multiplier(contract),
        **terms,
    )


def _agreed(
    contract: Mapping[str, Any], explicit: Mapping[str, Any], occ: Mapping[str, Any], symbol: str
) -> dict[str, Any]:
    """The terms of the OCC symbol, once nothing contradicts them. Raises FieldError (CONTRACT_CONFLICT).

    Its root is the trading class: SPXW of SPX, AAPL1 after a corporate action; and SPX itself, where IB lists both
    with the same strike and day.
    """
    conflict = Reason.CONTRACT_CONFLICT
    for name, value in explicit.items():
        if value is not None and value != occ[name]:
            problem = f"but contract.occ_symbol says {occ[name]}"
            raise FieldError(f"contract.{name}", contract[name], problem, conflict)
    terms = dict(occ)
    root, plain = terms.pop("root"), _plain(symbol)
    if not root.startswith(plain):
        raise FieldError("contract.occ_symbol", contract["occ_symbol"], f"is no option on {symbol}", conflict)
    return terms | {"trading_class": root}


def named(text: str, field: str) -> ContractSpec:
    """The contract of a text in the configuration: a stock's symbol, or an option's OCC symbol. Raises FieldError."""
    match = _OCC.fullmatch(text)
    if match is not None:  # found under the terms that a signal without OCC symbol has
        return replace(_option({"occ_symbol": text}, match["root"]), trading_class="")
    if not _SYMBOL.fullmatch(text):
        raise FieldError(field, text, "must be a stock symbol, or the OCC symbol of an option")
    return ContractSpec(sec_type="STK", symbol=text)


def check_symbol(symbol: object) -> str:
    """An upper-case root symbol of at most twelve characters. Raises FieldError."""
    if not isinstance(symbol, str) or len(symbol) > 12 or not _SYMBOL.fullmatch(symbol):
        raise FieldError("symbol", symbol, "must be an upper-case ticker such as SPY")
    return symbol


def parse_occ(text: object) -> dict[str, Any]:
    """`SPY   250919C00451000` -> root, expiry, right, strike in USD (it carries mills). Raises FieldError."""
    match = _OCC.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    if match is None:
        raise FieldError(
            "contract.occ_symbol", text, "must be ROOT + YYMMDD + C|P + strike in mills, 8 digits"
        )
    expiry = parse_expiry(match["expiry"])
    if expiry is None:
        raise FieldError("contract.occ_symbol", text, "holds no calendar date")
    strike = int(match["strike"]) / 1000
    if not strike > 0:
        raise FieldError("contract.occ_symbol", text, "has a strike of 0")
    return {"root": match["root"], "expiry": expiry, "right": match["right"], "strike": strike}


def parse_expiry(value: object) -> str | None:
    """Any spelling of an expiry the platform uses -> YYYYMMDD, or None if it is none of them."""
    if isinstance(value, datetime | date):
        return _yyyymmdd(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    for form in _EXPIRY_FORMATS:
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            continue
        if form in _DIGITS and len(text) != _DIGITS[form]:
            continue  # strptime takes short numbers; a date of the platform is written in full
        return _yyyymmdd(parsed)
    try:
        return _yyyymmdd(datetime.fromisoformat(text))
    except ValueError:
        return None


def fingerprint(contract: Mapping[str, Any], *, symbol: str, strategy: str, side: str) -> str:
    """The platform's lock identity of a contract (platform contract 3); `strategy` is taken as it is written.

    Raises FieldError for a strike that is no number.
    """
    strike = contract.get("strike") or 0.0
    try:
        strike_text = f"{float(strike):.2f}"
    except (TypeError, ValueError, OverflowError):
        raise FieldError("contract.strike", strike, "must be a number") from None
    right = str(contract.get("right") or contract.get("type") or "")
    parts = (
        symbol,
        strategy,
        side,
        parse_expiry(contract.get("expiry")) or "",
        "C" if right.upper().startswith("C") else "P",
        strike_text,
        str(contract.get("multiplier", OPTION_MULTIPLIER)),
        str(contract.get("exchange") or "SMART").upper(),
    )
    digest = hashlib.sha1(":".join(parts).encode(), usedforsecurity=False).hexdigest()
    return f"sigfp:{digest[:20]}"


def describe(spec: ContractSpec) -> str:
    """For people: `SPY 20250919 451C`, `AAPL`."""
    if spec.sec_type == "OPT":
        return f"{spec.symbol} {spec.expiry} {spec.strike:g}{spec.right}"
    return spec.symbol


def nearest_listed(wanted: ContractSpec, listed: Iterable[ContractSpec], *, most: int = 3) -> str:
    """Which strikes of the wanted expiry, or else which expiries, are listed nearest; empty when there are none."""
    same = [one for one in listed if (one.symbol, one.right) == (wanted.symbol, wanted.right) and one.expiry]
    strikes = sorted({one.strike for one in same if one.expiry == wanted.expiry})
    if strikes:
        near = sorted(sorted(strikes, key=lambda strike: abs(strike - wanted.strike))[:most])
        return f"nearest listed strikes of {wanted.expiry}: {', '.join(f'{strike:g}' for strike in near)}"
    day = _ordinal(wanted.expiry)
    expiries = sorted({one.expiry for one in same}, key=lambda expiry: abs(_ordinal(expiry) - day))[:most]
    return f"nearest listed expiries: {', '.join(sorted(expiries))}" if expiries else ""


def _plain(symbol: str) -> str:
    """BRK.B and BRK B as they are in an OCC symbol."""
    return symbol.replace(".", "").replace(" ", "")


def _ordinal(expiry: str) -> int:
    return datetime.strptime(expiry, "%Y%m%d").toordinal()  # noqa: DTZ007 - a calendar date has no zone


def _text(contract: Mapping[str, Any], name: str, default: str) -> str:
    value = contract.get(name) or default
    if not isinstance(value, str) or len(value) > 16 or not value.isascii() or not value.isprintable():
        raise FieldError(f"contract.{name}", value, "must be a short printable text")
    return value


def _expiry(contract: Mapping[str, Any]) -> str | None:
    value = contract.get("expiry")
    if value is None or value == "":
        return None
    parsed = parse_expiry(value)
    if parsed is None:
        raise FieldError("contract.expiry", value, "is no date; write YYYYMMDD")
    return parsed


def _right(contract: Mapping[str, Any]) -> str | None:
    value = contract.get("right")
    if value is None or value == "":
        return None
    right = str(value).upper()
    if right not in ("C", "P", "CALL", "PUT"):
        raise FieldError("contract.right", value, "must be C or P")
    return right[0]


def _strike(contract: Mapping[str, Any]) -> float | None:
    value = contract.get("strike")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("contract.strike", value, "must be a number")
    if not 0 < value <= MAX_STRIKE:  # false for NaN too
        raise FieldError("contract.strike", value, f"must be above 0 and at most {MAX_STRIKE:g}")
    return float(value)


def _multiplier(contract: Mapping[str, Any]) -> int:
    """A whole number, as a number or as text; anything else would size the order wrongly."""
    value = contract.get("multiplier", OPTION_MULTIPLIER)
    try:
        multiplier = int(value)
        exact = isinstance(value, str) or multiplier == value
    except (TypeError, ValueError, OverflowError):
        raise FieldError("contract.multiplier", value, "must be a whole number") from None
    if isinstance(value, bool) or not exact or not 1 <= multiplier <= MAX_MULTIPLIER:
        raise FieldError("contract.multiplier", value, f"must be a whole number from 1 to {MAX_MULTIPLIER}")
    return multiplier


def _yyyymmdd(day: date) -> str:
    return day.isoformat()[:10].replace("-", "")  # strftime would not pad a year below 1000
