"""When to ask IB for executions: a position that moved and nobody said why."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.messages import LinkPhase, LinkState, PositionSnapshot
from router.unexplained import QUIET_NS, Unexplained
from tests.router.factory import OPTION, quote
from tests.router.history import ACCOUNT, Story

NOW = 100_000_000_000
FILL = Story().fill("E", 7, 2.5, exec_id="e.01")


def said(quantity: float, **changes: Any) -> PositionSnapshot:
    """IB's word."""
    return replace(PositionSnapshot(ACCOUNT, OPTION, quantity, 251.0, False, 1), **changes)


@pytest.fixture
def unexplained() -> Unexplained:
    """READY."""
    made = Unexplained()
    made.observe(LinkState(phase=LinkPhase.READY, reason=""), NOW)
    return made


def test_a_trade_of_ours_explains_itself(unexplained: Unexplained) -> None:
    """Whichever comes first; an execution that runs ahead of IB's word is no riddle either."""
    assert unexplained.observe(said(7.0), NOW)
    assert not unexplained.observe(FILL, NOW + 1)
    assert not unexplained.due(NOW + QUIET_NS)
    assert not unexplained.observe(replace(FILL, exec_id="f.01", action="SELL"), NOW + QUIET_NS)
    assert not unexplained.due(NOW + 9 * QUIET_NS)
    assert not unexplained.observe(said(0.0), NOW + 9 * QUIET_NS)


def test_somebody_elses_trade_is_asked_about_once(unexplained: Unexplained) -> None:
    """After a moment of quiet, and not again."""
    assert unexplained.observe(said(7.0), NOW)
    assert not unexplained.due(NOW + QUIET_NS - 1)
    assert unexplained.due(NOW + QUIET_NS)
    assert not unexplained.due(NOW + 2 * QUIET_NS)


def test_a_rebuild_explains_everything(unexplained: Unexplained) -> None:
    """It asks for executions anyway; before READY nothing is asked beside it."""
    unexplained.observe(LinkState(phase=LinkPhase.SYNCING, reason=""), NOW)
    assert not unexplained.observe(said(7.0, replayed=True), NOW)
    assert unexplained.observe(said(4.0), NOW)
    assert not unexplained.due(NOW + QUIET_NS)


def test_nothing_else_is_looked_at(unexplained: Unexplained) -> None:
    """Quotes, corrections, executions told again."""
    assert not unexplained.observe(quote(), NOW)
    assert not unexplained.observe(replace(FILL, replayed=True), NOW)
    assert not unexplained.observe(replace(FILL, supersedes="e.00"), NOW)
    assert not unexplained.due(NOW + QUIET_NS)
