"""IB's algorithms as validated parameters: what IB documents of each, and what a desk may ask for.

Names, parameters and values are those of IB's page "IB Algorithms" (TWS API, release 10.20). Its tables begin the
shares of volume at 10 %, its text at 1 %; the text is taken. IB refuses with 201 an algo outside regular hours, on
another order than a market or a limit order, or with another time in force than DAY (GTC too for Adaptive).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, assert_never

from router.errors import FieldError
from router.reasons import Reason

Pairs = tuple[tuple[str, str], ...]  # IB's tags and values, in the order of the table
Kind = Literal["share", "count", "flag", "choice", "time"]

LEAST_SHARE, LARGEST_SHARE = 0.01, 0.5  # of volume, as fractions
LARGEST_COUNT = 1_000_000
FLAGS = MappingProxyType({"1": "1", "true": "1", "0": "0", "false": "0"})
ORDER_TYPES = frozenset({"MKT", "LMT"})

_TIME = re.compile(r"(\d{8}-)?([01]\d|2[0-3]):[0-5]\d:[0-5]\d( [A-Za-z]+(/[A-Za-z_]+)?)?")


class Parameter(NamedTuple):
    """One parameter. Without a default, and not `needed`, it is left out unless it is given."""

    name: str
    kind: Kind
    needed: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()


class Algo(NamedTuple):
    """One algorithm: `name` is IB's algoStrategy. It takes contracts of these types and these times in force."""

    name: str
    sec_types: frozenset[str]
    parameters: tuple[Parameter, ...]
    tifs: frozenset[str] = frozenset({"DAY"})


_STOCKS, _OPTIONS = frozenset({"STK"}), frozenset({"OPT"})
_START, _END = Parameter("startTime", "time"), Parameter("endTime", "time")
_PAST_END = Parameter("allowPastEndTime", "flag")
_NO_TAKE = Parameter("noTakeLiq", "flag")
_FORCE = Parameter("forceCompletion", "flag")
_MAX_SHARE = Parameter("maxPctVol", "share", needed=True)
_SHARE = Parameter("pctVol", "share", needed=True)
_FROM_SHARE = Parameter("startPctVol", "share", needed=True)
_TO_SHARE = Parameter("endPctVol", "share", needed=True)
_RISK = Parameter(
    "riskAversion", "choice", needed=True, choices=("Get Done", "Aggressive", "Neutral", "Passive")
)
_PRIORITY = Parameter("adaptivePriority", "choice", default="Normal", choices=("Urgent", "Normal", "Patient"))
_STRATEGY = Parameter(
    "strategyType",
    "choice",
    choices=("Marketable", "Matching Midpoint", "Matching Same Side", "Matching Last"),
)

TABLE: tuple[Algo, ...] = (
    Algo("Adaptive", _STOCKS | _OPTIONS, (_PRIORITY,), frozenset({"DAY", "GTC"})),
    Algo("ArrivalPx", _STOCKS, (_MAX_SHARE, _RISK, _START, _END, _PAST_END, _FORCE)),
    Algo("DarkIce", _STOCKS, (Parameter("displaySize", "count", needed=True), _START, _END, _PAST_END)),
    Algo("PctVol", _STOCKS, (_SHARE, _START, _END, _NO_TAKE)),
    Algo(
        "PctVolPx",
        _STOCKS,
        (
            _SHARE,
            Parameter("deltaPctVol", "share", needed=True),
            Parameter("minPctVol4Px", "share", needed=True),
            Parameter("maxPctVol4Px", "share", needed=True),
            _START,
            _END,
            _NO_TAKE,
        ),
    ),
    Algo("PctVolSz", _STOCKS, (_FROM_SHARE, _TO_SHARE, _START, _END, _NO_TAKE)),
    Algo("PctVolTm", _STOCKS, (_FROM_SHARE, _TO_SHARE, _START, _END, _NO_TAKE)),
    Algo("Twap", _STOCKS, (_STRATEGY, _START, _END, _PAST_END)),
    Algo("Vwap", _STOCKS, (_MAX_SHARE, _START, _END, _PAST_END, _NO_TAKE, Parameter("speedUp", "flag"))),
    Algo("MinImpact", _OPTIONS, (_MAX_SHARE,)),
    Algo("BalanceImpactRisk", _OPTIONS, (_MAX_SHARE, _RISK, _FORCE)),
)
ALGOS: Mapping[str, Algo] = MappingProxyType({algo.name: algo for algo in TABLE})


def parameters(name: str, given: Iterable[str]) -> Pairs:
    """IB's tags and values for an algo from texts `name=value`, defaults filled in, in the order of the table.

    An empty name is no algo, and takes no parameters. Raises FieldError for an unknown algo or parameter, one that
    is given twice or missing, and a value out of bounds.
    """
    values = _split(given)
    if not name:
        for key, value in values.items():
            raise FieldError(f"entry.algo_params.{key}", value, "needs entry.algo")
        return ()
    algo = ALGOS.get(name)
    if algo is None:
        raise FieldError("entry.algo", name, f"is no algo of IB: {', '.join(ALGOS)}")
    for key in values.keys() - {parameter.name for parameter in algo.parameters}:
        known = ", ".join(parameter.name for parameter in algo.parameters)
        raise FieldError(f"entry.algo_params.{key}", values[key], f"{name} takes {known}")
    pairs = []
    for parameter in algo.parameters:
        text = values.get(parameter.name, parameter.default)
        if text:
            pairs.append((parameter.name, _value(parameter, text)))
        elif parameter.needed or parameter.name in values:
            raise FieldError(f"entry.algo_params.{parameter.name}", text, f"{name} needs a value")
    _in_order(dict(pairs))
    return tuple(pairs)


def check_order(name: str, *, sec_type: str, order_type: str, tif: str) -> None:
    """Whether IB takes the algo with this order. Raises FieldError. The algo is one that `parameters` knows."""
    if not name:
        return
    algo, code = ALGOS[name], Reason.ALGO_NOT_TAKEN
    if sec_type not in algo.sec_types:
        raise FieldError(
            "entry.algo", name, f"takes {' and '.join(sorted(algo.sec_types))}, not {sec_type}", code
        )
    if order_type not in ORDER_TYPES:
        raise FieldError("entry.algo", name, f"takes market and limit orders, not {order_type}", code)
    if tif not in algo.tifs:
        raise FieldError("entry.tif", tif, f"{name} takes {' and '.join(sorted(algo.tifs))}", code)


def _split(given: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise FieldError("entry.algo_params", text, "must be name=value")
        if name in values:
            raise FieldError(f"entry.algo_params.{name}", value, f"is there already as {values[name]}")
        values[name] = value
    return values


def _value(parameter: Parameter, text: str) -> str:
    field = f"entry.algo_params.{parameter.name}"
    match parameter.kind:
        case "share":
            return _share(field, text)
        case "count":
            if not text.isdecimal() or not text.isascii() or not 1 <= int(text) <= LARGEST_COUNT:
                raise FieldError(field, text, f"must be a whole number from 1 to {LARGEST_COUNT}")
            return str(int(text))
        case "flag":
            if text not in FLAGS:
                raise FieldError(field, text, "must be 1 (true) or 0 (false)")
            return FLAGS[text]
        case "choice":
            if text not in parameter.choices:
                raise FieldError(field, text, f"must be one of {', '.join(parameter.choices)}")
            return text
        case "time":
            if not _TIME.fullmatch(text):
                raise FieldError(field, text, "must be hh:mm:ss TMZ or YYYYMMDD-hh:mm:ss TMZ")
            return text
        case _:
            assert_never(parameter.kind)


def _share(field: str, text: str) -> str:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not LEAST_SHARE <= share <= LARGEST_SHARE:  # false for NaN too
        raise FieldError(
            field, text, f"must be a fraction of the volume from {LEAST_SHARE} to {LARGEST_SHARE}"
        )
    return repr(share)


def _in_order(values: Mapping[str, str]) -> None:
    """Bounds the right way round; times only where both are written alike, as zones are not compared."""
    low, high = values.get("minPctVol4Px"), values.get("maxPctVol4Px")
    if low and high and float(low) > float(high):
        raise FieldError("entry.algo_params.minPctVol4Px", low, f"is above maxPctVol4Px {high}")
    start, end = values.get("startTime", ""), values.get("endTime", "")
    alike = len(start) == len(end) and start.partition(" ")[2] == end.partition(" ")[2]
    if start and alike and start >= end:
        raise FieldError("entry.algo_params.endTime", end, f"is not after startTime {start}")
