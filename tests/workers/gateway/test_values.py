"""Values of the wire: numbers, contracts, times, execution ids; nothing unset or infinite gets past."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.messages import ContractSpec
from tests.workers.gateway.told import OPTION, SPEC, UNSET, contract
from workers.gateway import values
from workers.gateway.values import amount, execution_time, number, required, superseded, whole

NOW = datetime(2025, 9, 19, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "unset",
    ["", None, UNSET, "1.7976931348623157e+308", "1.797e308", "-1.797e308", "NaN", "nan", "Infinity", "-inf",
     sys.float_info.max, math.nan, math.inf],
)  # fmt: skip
def test_no_number(unset: object) -> None:
    """Every spelling of unset, NaN and the infinities are None, and never get past the seam."""
    assert number(unset) is None
    assert amount(unset) == 0.0
    with pytest.raises(ValueError, match="price is"):
        required(unset, "price")


@pytest.mark.parametrize(
    ("text", "value"), [("2.5", 2.5), ("-0.25", -0.25), ("0", 0.0), ("1e-7", 1e-7), (7, 7.0)]
)
def test_a_number(text: object, value: float) -> None:
    """A number is itself, from the wire or from the library."""
    assert number(text) == amount(text) == required(text, "price") == value


@given(st.floats() | st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str))
def test_number_law(value: object) -> None:
    """Whatever the wire holds, what comes through is finite and of this world."""
    found = number(value)
    assert found is None or (math.isfinite(found) and abs(found) < 1e300)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), (None, 0), ("7", 7), ("-1", -1), ("7.0", 7), ("2147483647", 0), ("9223372036854775807", 0)],
)
def test_whole(text: object, value: int) -> None:
    """Whole numbers; empty and both of IB's unset ones are 0."""
    assert whole(text) == value


@given(st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr))
def test_whole_law(text: str) -> None:
    """Whatever number the wire holds, what comes through fits the 64 bits that the bus has for it."""
    assert -(2**63) <= whole(text) < 2**63


# ---------------------------------------------------------------- times and corrections


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20231116-12:15:35", datetime(2023, 11, 16, 12, 15, 35, tzinfo=UTC)),
        ("20230224  12:04:56", datetime(2023, 2, 24, 12, 4, 56, tzinfo=UTC)),
        ("20231115 09:20:44 GB-Eire", datetime(2023, 11, 15, 9, 20, 44, tzinfo=UTC)),
        ("20230715 09:20:44 GB-Eire", datetime(2023, 7, 15, 8, 20, 44, tzinfo=UTC)),
        ("20230715-09:20:44 US/Eastern", datetime(2023, 7, 15, 13, 20, 44, tzinfo=UTC)),
        ("20231122 10:30:00 America/Los_Angeles", datetime(2023, 11, 22, 18, 30, tzinfo=UTC)),
        (" 20231116 12:15:35 ", datetime(2023, 11, 16, 12, 15, 35, tzinfo=UTC)),
    ],
)
def test_execution_time(text: str, expected: datetime) -> None:
    """The formats IB sends: naive means UTC, a zone is honoured, summer time included."""
    assert execution_time(text, lambda: NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "20231116",
        "20231345 12:00:00",
        "20231116 25:00:00",
        "20231116 12:15:35 Mars/Olympus",
        "20231116 12:15:35 America",
        "20231116 12:15:35 ../../etc/passwd",
        "20231116 12:15:35 /etc/localtime",
        "00010101 00:00:00 Asia/Tokyo",
        "99991231 23:59:59 US/Hawaii",
        "20231116 12:15:35 \\xff",
    ],
)
def test_execution_time_unknown(text: str) -> None:
    """A zone nobody knows, or no time at all, costs the time's exactness and never the execution."""
    assert execution_time(text, lambda: NOW) == NOW


@given(st.text(max_size=40))
def test_execution_time_law(text: str) -> None:
    """Any text gives an aware time."""
    assert execution_time(text, lambda: NOW).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda when: when.year >= 1000))
def test_execution_time_reads_what_was_written(when: datetime) -> None:
    """Every second reads back in both naive spellings."""
    expected = when.replace(microsecond=0)
    assert execution_time(f"{when:%Y%m%d-%H:%M:%S}", lambda: NOW) == expected
    assert execution_time(f"{when:%Y%m%d  %H:%M:%S}", lambda: NOW) == expected


@pytest.mark.parametrize(
    ("exec_id", "expected"),
    [
        ("0000e0d5.6741.01.02", "0000e0d5.6741.01.01"),
        ("0000e0d5.6741.01.10", "0000e0d5.6741.01.09"),
        ("0000e0d5.6741.01.01.02", "0000e0d5.6741.01.01.01"),
        ("0000e0d5.6741.01.01", ""),
        ("0000e0d5.6741.01.00", ""),
        ("0000e0d5.6741.01.ab", ""),
        ("0000e0d5.6741.01.\u00b2", ""),
        ("plain", ""),
        ("", ""),
        (".02", ""),
    ],
)
def test_superseded(exec_id: str, expected: str) -> None:
    """A correction differs in the last segment only; a first version corrects nothing."""
    assert superseded(exec_id) == expected


@given(st.integers(2, 99))
def test_superseded_law(revision: int) -> None:
    """Following the corrections back always ends at the first version."""
    exec_id, steps = f"0000e0d5.6741.01.{revision:02}", 0
    while earlier := superseded(exec_id):
        exec_id, steps = earlier, steps + 1
    assert exec_id == "0000e0d5.6741.01.01"
    assert steps == revision - 1


# ---------------------------------------------------------------- contracts


def test_contract_fields() -> None:
    """The eleven fields of the wire, and the library's object of the same contract, are the same spec."""
    assert values.contract_spec(OPTION) == values.from_contract(contract()) == SPEC


def test_stock_fields() -> None:
    """A stock has no strike, right or expiry, and a multiplier of 1; '?' is IB's word for no right."""
    stock = ["265598", "AAPL", "STK", "", "0.0", "?", "", "", "USD", "AAPL", "NMS"]
    assert values.contract_spec(stock) == ContractSpec(
        sec_type="STK",
        symbol="AAPL",
        exchange="",
        currency="USD",
        con_id=265598,
        local_symbol="AAPL",
        trading_class="NMS",
    )


def test_expiry_with_a_time() -> None:
    """A last trade time behind the date is left out."""
    assert values.contract_spec([*OPTION[:3], "20250919-16:15:00", *OPTION[4:]]).expiry == "20250919"


# ---------------------------------------------------------------- orders
