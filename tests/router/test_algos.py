"""IB's algorithms: what its documentation names is taken and spelled its way, anything else is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import algos
from router.algos import ALGOS, TABLE, Algo, Parameter, check_order, parameters
from router.errors import FieldError

TIMES = [
    "09:30:00 US/Eastern",
    "20251219-09:30:00 US/Eastern",
    "09:30:00",
    "20251219-09:30:00",
    "09:30:00 CET",
]


def good(parameter: Parameter) -> st.SearchStrategy[str]:
    """A value that IB documents for this parameter."""
    match parameter.kind:
        case "share":
            return st.floats(0.01, 0.5).map(repr)
        case "count":
            return st.integers(1, 1_000_000).map(str)
        case "flag":
            return st.sampled_from(["0", "1"])
        case "choice":
            return st.sampled_from(parameter.choices)
        case "time":
            return st.sampled_from(TIMES)


@st.composite
def worked(draw: st.DrawFn) -> tuple[Algo, dict[str, str]]:
    """An algorithm, its needed parameters, and some of the others."""
    algo = draw(st.sampled_from(TABLE))
    values = {
        parameter.name: draw(good(parameter))
        for parameter in algo.parameters
        if parameter.needed or draw(st.booleans())
    }
    values.pop("endTime", None)  # their order is a test of its own
    if "minPctVol4Px" in values:
        low, high = sorted((float(values["minPctVol4Px"]), float(values["maxPctVol4Px"])))
        values |= {"minPctVol4Px": repr(low), "maxPctVol4Px": repr(high)}
    return algo, values


def given_texts(values: dict[str, str]) -> list[str]:
    """As they are written in the configuration."""
    return [f"{name}={value}" for name, value in values.items()]


def test_the_table_holds_the_algorithms_ib_documents() -> None:
    """By IB's own names, each once."""
    names = (
        "Adaptive ArrivalPx DarkIce PctVol PctVolPx PctVolSz PctVolTm Twap Vwap MinImpact BalanceImpactRisk"
    )
    assert list(ALGOS) == names.split()
    assert len(ALGOS) == len(TABLE)


@given(worked())
def test_law_documented_values_pass_unchanged_in_the_order_of_the_table(
    case: tuple[Algo, dict[str, str]],
) -> None:
    """What is given comes out as given, defaults are filled in, nothing else appears."""
    algo, values = case
    found = dict(parameters(algo.name, given_texts(values)))
    defaults = {parameter.name: parameter.default for parameter in algo.parameters if parameter.default}
    assert found == defaults | values
    assert list(found) == [parameter.name for parameter in algo.parameters if parameter.name in found]


@given(worked(), st.data())
def test_law_a_needed_parameter_is_missed_by_name(
    case: tuple[Algo, dict[str, str]], data: st.DataObject
) -> None:
    """Leaving one out is refused, and the refusal says which."""
    algo, values = case
    needed = [parameter.name for parameter in algo.parameters if parameter.needed]
    if needed:
        missing = data.draw(st.sampled_from(needed))
        del values[missing]
        with pytest.raises(FieldError) as caught:
            parameters(algo.name, given_texts(values))
        assert caught.value.field == f"entry.algo_params.{missing}"


@pytest.mark.parametrize(
    ("name", "texts", "field", "value"),
    [
        ("Vwop", [], "entry.algo", "'Vwop'"),
        ("vwap", ["maxPctVol=0.1"], "entry.algo", "'vwap'"),
        ("", ["maxPctVol=0.1"], "entry.algo_params.maxPctVol", "'0.1'"),
        ("Vwap", ["maxPctVol=0.1", "displaySize=3"], "entry.algo_params.displaySize", "'3'"),
        ("Vwap", ["maxPctVol"], "entry.algo_params", "'maxPctVol'"),
        ("Vwap", ["=0.1"], "entry.algo_params", "'=0.1'"),
        ("Vwap", ["maxPctVol=0.1", "maxPctVol=0.2"], "entry.algo_params.maxPctVol", "'0.2'"),
        ("Vwap", ["maxPctVol="], "entry.algo_params.maxPctVol", "''"),
        ("Vwap", ["maxPctVol=0.1", "noTakeLiq="], "entry.algo_params.noTakeLiq", "''"),
        ("Vwap", ["maxPctVol=0.51"], "entry.algo_params.maxPctVol", "'0.51'"),
        ("Vwap", ["maxPctVol=0.009"], "entry.algo_params.maxPctVol", "'0.009'"),
        ("Vwap", ["maxPctVol=10%"], "entry.algo_params.maxPctVol", "'10%'"),
        ("Vwap", ["maxPctVol=nan"], "entry.algo_params.maxPctVol", "'nan'"),
        ("Vwap", ["maxPctVol=0.1", "speedUp=yes"], "entry.algo_params.speedUp", "'yes'"),
        ("Vwap", ["maxPctVol=0.1", "startTime=9:30"], "entry.algo_params.startTime", "'9:30'"),
        ("Vwap", ["maxPctVol=0.1", "startTime=24:00:00"], "entry.algo_params.startTime", "'24:00:00'"),
        ("DarkIce", ["displaySize=0"], "entry.algo_params.displaySize", "'0'"),
        ("DarkIce", ["displaySize=1.5"], "entry.algo_params.displaySize", "'1.5'"),
        ("DarkIce", ["displaySize=\u0663"], "entry.algo_params.displaySize", "'\u0663'"),
        ("DarkIce", ["displaySize=1000001"], "entry.algo_params.displaySize", "'1000001'"),
        ("Adaptive", ["adaptivePriority=Fast"], "entry.algo_params.adaptivePriority", "'Fast'"),
        ("Twap", ["strategyType=Midpoint"], "entry.algo_params.strategyType", "'Midpoint'"),
    ],
)
def test_refused_by_field_and_value(name: str, texts: list[str], field: str, value: str) -> None:
    """Unknown algorithms and parameters, and values out of bounds, each by its name."""
    with pytest.raises(FieldError) as caught:
        parameters(name, texts)
    assert (caught.value.field, caught.value.value) == (field, value)


def test_flags_are_written_ibs_way() -> None:
    """true and false are 1 and 0 on the wire."""
    found = parameters("Vwap", ["noTakeLiq = true", "maxPctVol = 0.10", "speedUp=false"])
    assert found == (("maxPctVol", "0.1"), ("noTakeLiq", "1"), ("speedUp", "0"))


def test_no_algorithm_has_no_parameters() -> None:
    """The default configuration."""
    assert parameters("", ()) == ()


def test_price_bounds_the_right_way_round() -> None:
    """A least share above the largest one is refused; equal ones are a constant share."""
    shares = ["pctVol=0.2", "deltaPctVol=0.1", "minPctVol4Px=0.3", "maxPctVol4Px=0.2"]
    with pytest.raises(FieldError, match="is above maxPctVol4Px"):
        parameters("PctVolPx", shares)
    assert parameters("PctVolPx", [*shares[:2], "minPctVol4Px=0.2", "maxPctVol4Px=0.2"])


@pytest.mark.parametrize(
    ("start", "end", "refused"),
    [
        ("10:00:00", "09:30:00", True),
        ("10:00:00 CET", "10:00:00 CET", True),
        ("09:30:00", "10:00:00", False),
        ("20251219-10:00:00", "20251218-11:00:00", True),
        ("10:00:00 CET", "09:30:00 US/Eastern", False),  # zones are not compared
        ("20251219-10:00:00", "09:30:00", False),
    ],
)
def test_an_end_before_its_start(start: str, end: str, refused: bool) -> None:
    """Refused where both are written alike; where they are not, IB judges."""
    texts = [f"startTime={start}", f"endTime={end}"]
    if refused:
        with pytest.raises(FieldError, match="is not after startTime"):
            parameters("Twap", texts)
    else:
        assert parameters("Twap", texts) == (("startTime", start), ("endTime", end))


@pytest.mark.parametrize(
    ("name", "sec_type", "order_type", "tif", "field"),
    [
        ("Vwap", "OPT", "LMT", "DAY", "entry.algo"),
        ("MinImpact", "STK", "LMT", "DAY", "entry.algo"),
        ("Adaptive", "FUT", "LMT", "DAY", "entry.algo"),
        ("Adaptive", "OPT", "STP", "DAY", "entry.algo"),
        ("Adaptive", "OPT", "LMT", "IOC", "entry.tif"),
        ("Vwap", "STK", "LMT", "GTC", "entry.tif"),
    ],
)
def test_orders_ib_does_not_take(name: str, sec_type: str, order_type: str, tif: str, field: str) -> None:
    """By contract type, order type and time in force."""
    with pytest.raises(FieldError) as caught:
        check_order(name, sec_type=sec_type, order_type=order_type, tif=tif)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "sec_type", "order_type", "tif"),
    [
        ("", "FUT", "STP", "FOK"),
        ("Adaptive", "OPT", "LMT", "DAY"),
        ("Adaptive", "STK", "MKT", "GTC"),
        ("Vwap", "STK", "MKT", "DAY"),
        ("BalanceImpactRisk", "OPT", "LMT", "DAY"),
    ],
)
def test_orders_ib_takes(name: str, sec_type: str, order_type: str, tif: str) -> None:
    """And without an algorithm there is nothing to check."""
    check_order(name, sec_type=sec_type, order_type=order_type, tif=tif)


def test_every_kind_of_parameter_is_in_use() -> None:
    """No kind is dead code, and only choices have choices."""
    kinds = {parameter.kind for algo in TABLE for parameter in algo.parameters}
    assert kinds == {"share", "count", "flag", "choice", "time"}
    for algo in algos.TABLE:
        for parameter in algo.parameters:
            assert (parameter.kind == "choice") is bool(parameter.choices)
            assert not parameter.default or parameter.default in parameter.choices
