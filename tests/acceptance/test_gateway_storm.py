"""A short storm: the gateway is killed three times in mid-storm; and the judge of storms can say no."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.kill_storm import AAPL, blow, keep
from bench.oracle import judge
from router.messages import ExecutionFill


def record(exec_id: str) -> dict[str, Any]:
    """A record of the ledger, of order 7."""
    return {"kind": "execution", "exec_id": exec_id, "perm_id": 7}


def fill(exec_id: str, *, replayed: bool = False) -> ExecutionFill:
    """A fill of order 7."""
    return ExecutionFill(
        exec_id=exec_id, ref="", perm_id=7, order_id=1, client_id=1, account="DU1", contract=AAPL, action="BUY",
        quantity=1.0, price=1.0, cum_quantity=1.0, avg_price=1.0, exchange="X",
        executed_at=datetime(2026, 1, 2, tzinfo=UTC), replayed=replayed, received_ns=1,
    )  # fmt: skip


@pytest.mark.timeout(120)
def test_three_kills_lose_double_and_disorder_nothing() -> None:
    """Every execution of the ledger is heard once and in order; orders and positions equal the ledger's."""
    figures = blow(3, 11)
    assert figures["kills"] == 3
    assert figures["executions"] > 0
    assert figures["sound"], figures


def test_the_judge_counts_each_fault_by_its_name() -> None:
    """A missing, a repeated, an early and an unknown execution are told apart; a replay is no fault."""
    ledger = [record("a"), record("b")]
    assert judge(ledger, [fill("a"), fill("b"), fill("a", replayed=True)]).sound
    assert judge(ledger, [fill("a")]).lost == 1
    assert judge(ledger, [fill("a"), fill("b"), fill("b")]).doubled == 1
    assert judge(ledger, [fill("b"), fill("a")]).out_of_order == 1
    assert judge(ledger, [fill("a"), fill("b"), fill("c")]).invented == 1


def test_results_of_another_storm_are_left_alone(tmp_path: Path) -> None:
    """Keys that someone else wrote stay; our own are brought up to date."""
    path = tmp_path / "storm.json"
    path.write_text(json.dumps({"kills": 120, "acks": 5}))
    keep({"kills": 3, "out_of_order": 1}, path)
    keep({"kills": 4, "out_of_order": 0}, path)
    assert json.loads(path.read_text()) == {
        "kills": 120,
        "acks": 5,
        "out_of_order": 0,
        "gateway_storm": {"kills": 4, "out_of_order": 0},
    }
