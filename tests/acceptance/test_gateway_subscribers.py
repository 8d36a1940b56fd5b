"""Subscribers that are stopped, or late: the real gateway process, the paper gateway over TCP, the real bus."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter

import pytest

from bench.observer import Heard
from bench.stand import Stand, until
from ipc.bus import Envelope
from router.messages import (
    CommissionReport,
    ExecutionFill,
    LinkPhase,
    LinkState,
    OrderLifecycleEvent,
    PositionSnapshot,
)
from tests.acceptance.gateway import (
    STILL,
    WAIT_S,
    Ear,
    buy,
    do,
    listening,
    messages_of,
    rest,
    router,
)

STOPPED_S = float(os.environ.get("STOPPED_S", "3"))  # of a subscriber; `make storm` stops one for ten


@pytest.mark.timeout(120)
def test_a_subscriber_stopped_in_mid_storm_hears_everything_in_order_once() -> None:
    """SIGSTOP while thousands of fills pass and its queue overflows, SIGCONT: each of them once, in order."""
    with Stand(*STILL, ROUTER_BUS__SEND_HWM="2") as stand:
        stand.await_ready()
        rest(stand, 1_000_000)
        lines = stand.root / "heard"
        subscriber = stand.start("bench.observer", str(stand.root), str(lines))

        def heard() -> Heard:
            return Heard.read(lines) if lines.exists() else Heard()

        do(stand, "fill last shares 1")
        until(lambda: heard().fills, "it follows", WAIT_S)
        subscriber.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        while time.monotonic() - begun < STOPPED_S:
            do(stand, "\n".join(["fill last shares 1"] * 100))
        subscriber.send_signal(signal.SIGCONT)
        do(stand, "\n".join(["fill last shares 1"] * 100))
        wanted = [record["exec_id"] for record in stand.records("execution")]
        until(lambda: len(heard().fills) >= len(wanted), "every fill", WAIT_S)
        assert [fill.exec_id for fill in heard().fills] == wanted
        assert not any(fill.replayed for fill in heard().fills)
        assert heard().gaps > 0
        assert heard().resets == 0


@pytest.mark.timeout(60)
def test_a_subscriber_that_joins_late_begins_with_how_things_stand() -> None:
    """Orders, positions and the connection as a snapshot; from there on live, each message once, none before it."""
    with Stand(*STILL) as stand:
        stand.await_ready()
        stand.order(30)
        stand.order(900, limit=2.0)
        until(
            lambda: (now := stand.await_ready()).positions and now.orders,
            "one order filled, one rests",
            WAIT_S,
        )
        with listening(stand, "trade", "portfolio", "link", from_beginning=False) as late:
            until(lambda: late.of(LinkState), "the snapshot", WAIT_S)
            snapshot = [one for one in late.envelopes if one.snapshot]
            assert [one.status for one in messages_of(snapshot, OrderLifecycleEvent)] == [
                "Filled",
                "Submitted",
            ]
            assert sum(one.quantity for one in messages_of(snapshot, ExecutionFill)) == pytest.approx(30)
            assert [one.quantity for one in messages_of(snapshot, PositionSnapshot)] == [30.0]
            assert [one.phase for one in messages_of(snapshot, LinkState)] == [LinkPhase.READY]
            covered = snapshot[-1].seq
            do(stand, "fill last shares 7\nfill last shares 8")
            stand.order(1)

            def news() -> list[Envelope]:
                return [one for one in late.of(ExecutionFill) if not one.snapshot]

            fills = until(lambda: news() if len(news()) >= 3 else None, "the fills", WAIT_S)
            assert [one.quantity for one in messages_of(fills, ExecutionFill)] == [7.0, 8.0, 1.0]
            live = [one.seq for one in late.envelopes if not one.snapshot]
            assert live == sorted(set(live))
            assert live[0] > covered


@pytest.mark.timeout(90)
def test_tail_over_a_restart_of_the_gateway_has_no_gap() -> None:
    """`router tail --since` across a SIGKILL, followed and read back: each trade message once, every execution."""
    with Stand() as stand:
        stand.await_ready()
        buy(stand, 10, 2_000)
        command = ("workers.cli", "tail", "trade", "--since", "1m", "--json")
        following = stand.start(*command, "--follow", stdout=subprocess.PIPE)
        assert following.stdout is not None
        lines = [json.loads(following.stdout.readline())]
        buy(stand, 30)
        stand.kill()
        stand.start_gateway()
        stand.await_ready()
        buy(stand, 3_000, 40)
        with listening(stand, "trade") as ear:
            until(lambda: paid(ear) >= executed(stand), "all is told", WAIT_S)
            wanted = [envelope.topic_seq for envelope in ear.envelopes]
        for raw in following.stdout:
            lines.append(json.loads(raw))
            if lines[-1].get("topic_seq", 0) >= wanted[-1]:
                break
        read_back = router(stand, *command[1:])
        assert read_back.returncode == 0
        for told in (lines, [json.loads(line) for line in read_back.stdout.splitlines()]):
            trades = [line for line in told if line["type"] != "gap"]
            numbers = [line["topic_seq"] for line in trades]
            assert numbers[: len(wanted)] == wanted == list(range(1, len(wanted) + 1))
            assert len({line["epoch"] for line in trades}) == 2
            fills = Counter(
                line["data"]["exec_id"]
                for line in trades
                if line["type"] == "ExecutionFill" and not line["data"]["replayed"]
            )
            assert set(fills) <= executed(stand)
            assert max(fills.values()) == 1
            told_of = {line["data"]["exec_id"] for line in trades if line["type"] == "ExecutionFill"}
            assert told_of == executed(stand)


def paid(ear: Ear) -> set[str]:
    """The executions whose commission was heard."""
    return {report.exec_id for report in ear.messages(CommissionReport)}


def executed(stand: Stand) -> set[str]:
    """The executions of the ledger."""
    return {record["exec_id"] for record in stand.records("execution")}
