"""accountSummary as snapshots: whole ones only, one per account and socket read."""

from __future__ import annotations

import pytest

from router.messages import AccountSnapshot
from workers.gateway.account import TAGS, Summary


@pytest.fixture
def summary() -> Summary:
    """All tags of one account, whole."""
    made = Summary()
    for number, tag in enumerate(TAGS, start=1):
        made.update("DU1", tag, float(number), "USD")
    made.complete()
    return made


def test_whole(summary: Summary) -> None:
    """All values in one snapshot; the first repeats what was before we asked."""
    assert summary.flush(5) == [
        AccountSnapshot("DU1", "USD", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, replayed=True, received_ns=5)
    ]
    assert summary.flush(6) == []


def test_not_before_its_end() -> None:
    """Half an account is never told: net liquidation without buying power would size an order."""
    made = Summary()
    made.update("DU1", "NetLiquidation", 1e5, "USD")
    assert made.flush(5) == []
    made.complete()
    (snapshot,) = made.flush(6)
    assert (snapshot.net_liquidation, snapshot.buying_power) == (1e5, None)


def test_changes(summary: Summary) -> None:
    """Later values are live, and what did not change is repeated."""
    summary.flush(5)
    summary.update("DU1", "BuyingPower", 9.0, "")
    (snapshot,) = summary.flush(6)
    assert (snapshot.buying_power, snapshot.net_liquidation, snapshot.currency) == (9.0, 1.0, "USD")
    assert not snapshot.replayed


def test_a_value_that_ib_unsets(summary: Summary) -> None:
    """A value that IB no longer has is None, not the old one."""
    summary.flush(5)
    summary.update("DU1", "BuyingPower", None, "USD")
    assert [snapshot.buying_power for snapshot in summary.flush(6)] == [None]


def test_accounts_apart(summary: Summary) -> None:
    """Each account has its own values; one snapshot for each that changed."""
    summary.flush(5)
    summary.update("DU3", "NetLiquidation", 3.0, "EUR")
    summary.update("DU2", "NetLiquidation", 2.0, "USD")
    assert [(one.account, one.net_liquidation, one.currency) for one in summary.flush(6)] == [
        ("DU2", 2.0, "USD"),
        ("DU3", 3.0, "EUR"),
    ]


def test_tags_of_no_use(summary: Summary) -> None:
    """A tag nobody asked for changes nothing."""
    summary.flush(5)
    summary.update("DU1", "Cushion", 0.5, "")
    assert summary.flush(6) == []


def test_reset(summary: Summary) -> None:
    """A new connection starts from nothing, and its first snapshot is a repetition again."""
    summary.reset()
    assert summary.flush(5) == []
    summary.update("DU1", "NetLiquidation", 8.0, "USD")
    assert summary.flush(6) == []
    summary.complete()
    (snapshot,) = summary.flush(7)
    assert (snapshot.net_liquidation, snapshot.buying_power, snapshot.replayed) == (8.0, None, True)
