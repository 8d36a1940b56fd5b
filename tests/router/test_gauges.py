"""The single values the platform reads, as text with two decimals; what IB did not say is not told."""

from __future__ import annotations

import pytest

from router.effects import Gauge
from router.gauges import of_account, of_link, of_pnl
from router.messages import LinkPhase, LinkState, PnLSnapshot
from tests.router.history import ACCOUNT, account


def test_account_values() -> None:
    """Net liquidation and buying power."""
    names = [gauge.name for gauge in of_account(account())]
    assert names == ["account_value", "buying_power"]


def test_pnl_that_ib_left_out() -> None:
    """Only the daily one is there."""
    assert of_pnl(PnLSnapshot(ACCOUNT, 0, -120.456, None, None, None, 1)) == [Gauge("daily_pnl", "-120.46")]


@pytest.mark.parametrize("phase", list(LinkPhase))
def test_connected_is_what_can_place_orders(phase: LinkPhase) -> None:
    """READY and nothing else."""
    text = "connected" if phase is LinkPhase.READY else "failed"
    assert of_link(LinkState(phase=phase, reason="")) == [Gauge("connection", text)]
