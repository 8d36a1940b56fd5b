"""The platform's gates, decided from raw text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import gates
from router.gates import Reading

ABSENT: dict[str, str | None] = dict.fromkeys(
    (
        "halt",
        "permanent_halt",
        "new_positions_allowed",
        "daily_pnl",
        "size_multiplier",
        "stop_multiplier",
        "position_count",
        "account_value",
        "buying_power",
    )
)


@pytest.mark.parametrize("switch", ["halt", "permanent_halt"])
@pytest.mark.parametrize(("word", "halts"), [("true", True), ("True", False), ("1", False), ("", False)])
def test_only_the_exact_word_halts(switch: str, word: str, halts: bool) -> None:
    """Anything but `true` runs (contract 1.2), and the halting switch is named."""
    assert gates.read({**ABSENT, switch: word}).halted == (switch if halts else "")


@pytest.mark.parametrize(("word", "allowed"), [("false", False), ("true", True), ("no", True), (None, True)])
def test_only_the_exact_word_forbids(word: str | None, allowed: bool) -> None:
    """Only `false` blocks new positions (contract 1.2)."""
    assert gates.read({**ABSENT, "new_positions_allowed": word}).new_positions_allowed is allowed


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (None, 1.0),
        ("0.5", 0.5),
        ("2", 2.0),
        ("2.01", None),
        ("0", None),
        ("-1", None),
        ("half", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_a_multiplier_outside_its_range_is_unusable(raw: str | None, value: float | None) -> None:
    """Missing is 1; no number, or one outside (0, 2], is to be denied with its text (contract 0.2)."""
    reading = gates.multiplier(raw)
    assert reading == Reading(raw, value)
    assert reading.usable is (value is not None)


@given(st.text() | st.floats().map(str) | st.none())
def test_no_text_makes_a_number_that_is_none(raw: str | None) -> None:
    """Whatever the platform wrote: a finite number, or an unusable reading that keeps the text."""
    reading = gates.number(raw, absent=0.0)
    assert reading.raw == raw
    assert reading.value is None or math.isfinite(reading.value)
