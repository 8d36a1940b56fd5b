"""The control table, check by check and in its order (platform contract 0.1, 0.2, 3 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from conf.settings import Settings
from router import risk
from router.errors import FieldError
from router.gates import PlatformGates, Reading, read
from router.reasons import AFTER_SIZING, BEFORE_SIZING, Reason
from router.risk import NAMES, TABLE, Denial, Facts, first_denial, screen
from tests.router.factory import OPTION, STOCK, TS_MS, signal
from tests.router.test_gates import ABSENT

EASTERN = ZoneInfo("US/Eastern")
Make = Callable[..., Facts]


@pytest.fixture
def facts(settings: Settings) -> Make:
    """Facts of a signal that every check lets pass, with changes."""

    def make(**changes: Any) -> Facts:
        good = Facts(
            settings=settings,
            signal=signal(),
            now_ms=TS_MS + 100,
            now_eastern=datetime(2025, 9, 19, 10, 0, tzinfo=EASTERN),
            gates=gates(),
            buying_power=400_000.0,
            open_positions=0,
        )
        return replace(good, **changes)

    return make


def gates(**raw: str | None) -> PlatformGates:
    """The platform's gates from raw values; all absent otherwise."""
    return read({**ABSENT, **raw})


def test_a_good_signal_passes(facts: Make) -> None:
    """Nothing denies a fresh signal of a healthy account, before or after sizing."""
    screen(facts())
    assert first_denial(facts(), TABLE) is None
    assert first_denial(facts(notional=1_750.0), TABLE) is None


def test_the_order_of_the_table() -> None:
    """Freshness first; then the platform's own order of evaluation (contract 4.1)."""
    platform = ["new_positions_allowed", "notional_within_buying_power", "daily_loss", "max_positions"]
    assert [name for name in NAMES if name in platform] == platform
    assert NAMES[0] == "fresh"


def test_the_first_denial_ends_it(facts: Make) -> None:
    """Of two reasons the earlier in the table is told, and later checks are not run."""
    ran: list[str] = []

    def check(name: str, *, denies: bool) -> risk.Check:
        def run(_: Facts) -> Denial | None:
            ran.append(name)
            return Denial(Reason.HALTED, name, name, "") if denies else None

        return run

    table = [check("one", denies=False), check("two", denies=True), check("three", denies=True)]
    assert first_denial(facts(), table) == Denial(Reason.HALTED, "two", "two", "")
    assert ran == ["one", "two"]


@pytest.mark.parametrize(
    ("changes", "field", "value", "reason"),
    [
        ({"signal": signal(symbol="ZZZ")}, "symbol", "ZZZ", Reason.UNKNOWN_SYMBOL),
        (
            {"now_eastern": datetime(2025, 9, 19, 16, 15, tzinfo=EASTERN)},
            "contract.expiry",
            "20250919",
            Reason.CONTRACT_EXPIRED,
        ),
        ({"now_ms": TS_MS - 5_001}, "ts", str(TS_MS), Reason.CLOCK_AHEAD),
    ],
)
def test_screened_by_field(
    facts: Make, changes: dict[str, Any], field: str, value: str, reason: Reason
) -> None:
    """An unknown symbol, a dead contract and a time in the future are the signal's own mistakes."""
    with pytest.raises(FieldError) as caught:
        screen(facts(**changes))
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert value in caught.value.value


def test_clocks_may_differ_a_little(facts: Make) -> None:
    """Five seconds ahead of us are a clock, not a mistake, and fresh."""
    ahead = facts(now_ms=TS_MS - 5_000)
    screen(ahead)
    assert first_denial(ahead, TABLE) is None


@pytest.mark.parametrize(("age", "denied"), [(0, False), (5_000, False), (5_001, True), (5_123, True)])
def test_fresh(facts: Make, age: int, denied: bool) -> None:
    """Older than 5000 ms is STALE, with the platform's reason (contract 3)."""
    denial = first_denial(facts(now_ms=TS_MS + age), TABLE)
    expected = Denial(Reason.STALE, f"stale_signal_{age}ms", "fresh", f"{age} ms old")
    assert denial == (expected if denied else None)


@pytest.mark.parametrize(
    ("side", "right", "denied"),
    [("LONG", "C", False), ("SHORT", "P", False), ("LONG", "P", True), ("SHORT", "C", True)],
)
def test_premium_is_bought(facts: Make, side: str, right: str, denied: bool) -> None:
    """A right against the view would sell premium: denied (contract 0.1)."""
    contract = msgspec.structs.replace(OPTION, right=right)
    denial = first_denial(facts(signal=signal(side=side, contract=contract)), TABLE)
    told = (denial.status, denial.reason) if denial else None
    assert told == (("DENIED", "SHORT_PREMIUM_NOT_ALLOWED") if denied else None)


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_stock_has_no_premium(facts: Make, side: str) -> None:
    """A stock may be sold short."""
    assert risk.premium_bought(facts(signal=signal(side=side, contract=STOCK))) is None


@pytest.mark.parametrize(
    ("raw", "check", "code"),
    [
        ({"halt": "true"}, "not_halted", Reason.HALTED),
        ({"permanent_halt": "true"}, "not_halted", Reason.HALTED),
        ({"new_positions_allowed": "false"}, "new_positions_allowed", Reason.NEW_POSITIONS_NOT_ALLOWED),
        ({"size_multiplier": "abc"}, "multipliers", Reason.MULTIPLIER_UNUSABLE),
        ({"size_multiplier": "0"}, "multipliers", Reason.MULTIPLIER_UNUSABLE),
        ({"stop_multiplier": "2.01"}, "multipliers", Reason.MULTIPLIER_UNUSABLE),
        ({"stop_multiplier": "nan"}, "multipliers", Reason.MULTIPLIER_UNUSABLE),
        ({"daily_pnl": "-20000.01"}, "daily_loss", Reason.DAILY_LOSS),
        ({"daily_pnl": "much"}, "daily_loss", Reason.DAILY_LOSS),
    ],
)
def test_platform_gates_deny(facts: Make, raw: dict[str, str], check: str, code: Reason) -> None:
    """Each gate denies by its own name, with the platform's status and reason before and after sizing (contract 3)."""
    for notional, reason in ((None, BEFORE_SIZING), (1_750.0, AFTER_SIZING)):
        denial = first_denial(facts(gates=gates(**raw), notional=notional), TABLE)
        assert denial is not None
        assert (denial.status, denial.reason, denial.check) == ("RISK_REJECTED", reason, check)
        assert denial.code is code


def test_a_denial_shows_what_was_there(facts: Make) -> None:
    """People see the value that denied."""
    denial = risk.multipliers(facts(gates=gates(size_multiplier="2.5")))
    assert denial is not None
    assert "2.5" in denial.detail
    assert "position_size" in denial.detail


@pytest.mark.parametrize(
    "raw",
    [
        {"halt": "false"},
        {"new_positions_allowed": "maybe"},
        {"size_multiplier": "2"},
        {"stop_multiplier": "0.75"},
        {"daily_pnl": "-20000"},
        {"daily_pnl": "35000.5"},
    ],
)
def test_platform_gates_allow(facts: Make, raw: dict[str, str]) -> None:
    """Up to the bound itself, and only the exact words block (contract 1.2, 4.1)."""
    assert first_denial(facts(gates=gates(**raw)), TABLE) is None


@pytest.mark.parametrize(
    ("notional", "buying_power", "denied"),
    [
        (100_000.0, 400_000.0, False),
        (100_000.01, 400_000.0, True),
        (1.0, 0.0, True),
        (0.0, 0.0, False),
        (None, 0.0, False),
    ],
)
def test_notional(facts: Make, notional: float | None, buying_power: float, denied: bool) -> None:
    """A quarter of the buying power; none of it allows nothing, and before sizing there is nothing to compare."""
    denial = first_denial(facts(notional=notional, buying_power=buying_power), TABLE)
    assert (denial.check if denial else None) == ("notional_within_buying_power" if denied else None)


@pytest.mark.parametrize(("held", "denied"), [(9, False), (10, True), (11, True)])
def test_max_positions(facts: Make, held: int, denied: bool) -> None:
    """At ten open positions new entries stop (contract 4.1)."""
    denial = first_denial(facts(open_positions=held), TABLE)
    assert (denial.check if denial else None) == ("max_positions" if denied else None)


def test_limits_come_from_the_settings(make_settings: Callable[..., Settings], facts: Make) -> None:
    """Each limit is a setting, not a constant."""
    tight = make_settings(
        RISK__MAX_POSITIONS="1",
        RISK__MAX_DAILY_LOSS="100",
        RISK__MAX_BUYING_POWER_FRACTION="0.001",
        INGRESS__MAX_AGE_MS="50",
        INGRESS__SYMBOLS="QQQ",
    )
    given = facts(settings=tight, notional=1_750.0, open_positions=1, gates=gates(daily_pnl="-101"))
    denials = [check(given) for check in TABLE]
    names = [denial.check for denial in denials if denial is not None]
    assert names == ["fresh", "notional_within_buying_power", "daily_loss", "max_positions"]
    with pytest.raises(FieldError, match="symbol"):
        screen(given)


def test_an_unreadable_number_is_told_as_it_was_written(facts: Make) -> None:
    """`risk:daily_pnl` that is no number denies and repeats what was there."""
    unreadable = Reading("1,000", None)
    denial = risk.daily_loss(facts(gates=msgspec.structs.replace(gates(), daily_pnl=unreadable)))
    assert denial is not None
    assert "'1,000'" in denial.detail
