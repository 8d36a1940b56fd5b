"""The check that everything adds up, and that it would notice if it did not."""

from decimal import Decimal

import pytest

from paper.audit import AuditedAccount
from paper.hours import Hours
from paper.selfcheck import main, shake
from paper.switches import Switches
from paper.turmoil import Turmoil, make_turmoil


def test_random_trading_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A short form of the million events: no violation, status 0, the figures printed."""
    assert main(["--events", "4000", "--seed", "7"]) == 0
    assert " 0 violations" in capsys.readouterr().out


def test_same_seed_same_events() -> None:
    """The events follow from the seed alone."""
    first, second = (shake(3, 400), shake(3, 400))
    assert [one.exec_ids for one in first] == [one.exec_ids for one in second]
    assert [one.checks for one in first] == [one.checks for one in second]


@pytest.fixture
def shaken() -> Turmoil:
    """An engine after some trading, without a violation."""
    turmoil = make_turmoil(5, Hours.ALWAYS, Switches())
    while not any(held.quantity for held in turmoil.account.positions.values()):
        turmoil.act()
    assert turmoil.auditor.violations == []
    return turmoil


def _until_told(turmoil: Turmoil) -> str:
    seen = turmoil.auditor.events
    while turmoil.auditor.events == seen:
        turmoil.act()
    return " ".join(turmoil.auditor.violations)


def test_lost_cent_is_noticed(shaken: Turmoil) -> None:
    """A cent taken from the cash is a violation at the next event."""
    assert isinstance(shaken.account, AuditedAccount)
    shaken.account.cash -= Decimal("0.01")
    told = _until_told(shaken)
    assert "cash" in told
    assert "does not explain" in told


def test_lost_share_is_noticed(shaken: Turmoil) -> None:
    """A share too many in a position is a violation at the next event."""
    held = next(held for held in shaken.account.positions.values() if held.quantity)
    held.quantity += 1
    assert "position" in _until_told(shaken)
