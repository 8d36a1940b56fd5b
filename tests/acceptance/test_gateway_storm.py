"""A short storm: the gateway is killed three times in mid-storm; and the judge of storms can say no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.kill_storm import blow, keep
from bench.observer import Fill
from bench.oracle import ends, holdings, judge, wrong_orders


def record(exec_id: str) -> dict[str, Any]:
    """A record of the ledger, of order 7."""
    return {"kind": "execution", "exec_id": exec_id, "perm_id": 7}


def fill(exec_id: str, *, replayed: bool = False) -> Fill:
    """A fill of order 7."""
    return Fill(exec_id, 7, replayed)


@pytest.mark.timeout(120)
def test_three_kills_lose_double_and_disorder_nothing() -> None:
    """Every execution of the ledger is heard once and in order; orders and positions equal the ledger's.

    So it is for a subscriber that was stopped for two seconds meanwhile.
    """
    figures = blow(3, 11, 2.0)
    assert figures["kills"] == 3
    assert figures["in_parts"] > 0
    assert figures["resting"] > 0
    assert figures["sound"], figures


def test_the_judge_counts_each_fault_by_its_name() -> None:
    """A missing, a repeated, an early and an unknown execution are told apart; a replay is no fault."""
    ledger = [record("a"), record("b")]
    assert judge(ledger, [fill("a"), fill("b"), fill("a", replayed=True)]).sound
    assert judge(ledger, [fill("a")]).lost == 1
    assert judge(ledger, [fill("a"), fill("b"), fill("b")]).doubled == 1
    assert judge(ledger, [fill("b"), fill("a")]).out_of_order == 1
    assert judge(ledger, [fill("a"), fill("b"), fill("c")]).invented == 1


def test_the_judge_knows_what_became_of_an_order() -> None:
    """Filled by its executions, Cancelled by the word of it, else at work; each way to be told wrong counts."""
    order = {"kind": "order", "client_id": 1, "quantity": "3", "con_id": 5, "action": "BUY"}
    ledger = [
        order | {"order_id": 1, "perm_id": 7},
        order | {"order_id": 2, "perm_id": 8},
        order | {"order_id": 3, "perm_id": 9},
        {"kind": "execution", "perm_id": 7, "shares": "1", "con_id": 5, "action": "BUY"},
        {"kind": "execution", "perm_id": 8, "shares": "1", "con_id": 5, "action": "SELL"},
        {"kind": "execution", "perm_id": 7, "shares": "2", "con_id": 5, "action": "BUY"},
        {"kind": "error", "client_id": 1, "order_id": 2, "code": 202},
        {"kind": "error", "client_id": 1, "order_id": 3, "code": 399},
    ]
    told = ends(ledger)
    assert told == {7: "Filled", 8: "Cancelled", 9: ""}
    assert wrong_orders(told, {7: "Filled", 8: "Cancelled", 9: "PreSubmitted"}) == 0
    assert wrong_orders(told, {7: "Submitted", 8: "Filled", 9: "Cancelled"}) == 3
    assert wrong_orders(told, {7: "Filled", 8: "Cancelled", 10: "Submitted"}) == 2
    assert holdings(record for record in ledger if record["kind"] == "execution") == {5: 2}
    assert holdings([ledger[4] | {"shares": "0"}]) == {}


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
