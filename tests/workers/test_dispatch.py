"""Dispatch between real publishers and a real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from conf.errors import ConfigError
from conf.settings import Settings
from router.messages import (
    LinkPhase,
    LinkState,
    PnLSnapshot,
    SignalRefused,
    StatusQuery,
    Ticket,
)
from tests.router.factory import TICKET, payload
from tests.router.history import POSITION_ID, Story, account, won
from tests.workers.dispatch_scene import life, process, split, stage
from tests.workers.stage import Stage
from tests.workers.store.server import Server
from workers import dispatch as module
from workers.__main__ import EXIT_CONFIG
from workers.store import keys

__all__ = ["stage"]  # fixtures


def test_a_life_reaches_every_key(stage: Stage) -> None:
    """Lifecycle events, ack, lock, ticket, positions, closed trade, streams, and the news of it on the bus."""
    client = stage.client
    lock = keys.live_lock("SPY", "sigfp:d625406e3ba518cc6234")
    client.pipeline([("SET", lock, "x"), ("HSET", keys.TAKEN, TICKET.entry, "payload")])
    ticket = Ticket("list", keys.TAKEN, TICKET.entry)
    story = Story(ticket=ticket)
    stage.up()
    life(stage, story)
    assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]
    ack = json.loads(client.call("GET", keys.ack("9bbeedc541dd1c7a")))
    assert (ack["status"], ack["filled"], ack["avg_price"]) == ("FILLED", 7.0, 2.5)
    assert client.call("EXISTS", lock, keys.TAKEN) == 0
    assert client.call("GET", keys.ACK_COUNTER) == b"1"
    assert client.call("KEYS", "positions:open:*") == []
    assert client.call("KEYS", "orders:pending:*") == []
    assert client.call("GET", keys.POSITION_COUNT) == b"0"
    closed = json.loads(client.call("GET", keys.closed_position("20250919", POSITION_ID)))
    assert closed["realized_pnl"] == 815.90
    fills = [entry["type"] for entry in stage.entries(keys.FILLS_STREAM)]
    assert (fills.count("ExecutionFill"), fills.count("CommissionReport")) == (4, 4)
    assert [e["type"] for e in stage.entries(keys.POSITIONS_STREAM)] == ["PositionSnapshot"] * 3
    assert [e["type"] for e in stage.entries(keys.DECISIONS_STREAM)] == ["SignalReceived"]
    assert stage.entries(keys.ORDERS_STREAM)[0]["type"] == "OrderIntent"
    announced = [(news.kind, news.status, news.detail) for news in stage.announced()]
    assert announced == [
        ("ENTRY", "FILLED", ""),
        ("ACK", "FILLED", ""),
        ("SCALE_OUT", "PARTIAL", "TARGET SCALE_OUT 221.1"),
        ("EXIT", "FILLED", "TARGET WIN 815.9"),
    ]
    assert {(news.signal_id, news.symbol) for news in stage.announced()} == {("9bbeedc541dd1c7a", "SPY")}


def test_a_stream_entry_is_the_bus_message(stage: Stage) -> None:
    """Its id is the publisher's epoch and seq, and executions that IB repeats are not entered again."""
    stage.up()
    fill = Story().fill("E", 7, 2.5, exec_id="e.01")
    stage.bus.say("gateway", fill, replace(fill, replayed=True))
    stage.settle()
    (entry,) = stage.entries(keys.FILLS_STREAM)
    publisher = stage.bus.publishers["gateway"]
    assert entry["entry"] == f"{publisher.epoch}-{publisher.seq - 1}"
    assert entry["id"] == f"gateway-{publisher.epoch}-{publisher.seq - 1}"
    assert stage.dispatch.progress["repeated"] == 1


def test_a_malformed_signal_is_kept_with_its_reason(stage: Stage) -> None:
    """Dead letter, ack with the reason, ticket settled, and the next signal flows."""
    stage.client.call("HSET", keys.TAKEN, "1-x", "list\n{")
    bad = SignalRefused(
        delivery="",
        ticket=Ticket("list", keys.TAKEN, "1-x"),
        status="REJECTED",
        reason="confidence = 'high': must be a number",
        signal_id="bad1",
        symbol="SPY",
        field="confidence",
        value="'high'",
        raw=payload(confidence="high").decode(),
        malformed=True,
    )
    stage.up()
    stage.bus.say("sizing", bad)
    stage.settle("sizing")
    letter = json.loads(stage.client.call("LINDEX", keys.DEAD_LETTER, 0))
    assert (letter["field"], letter["value"]) == ("confidence", "'high'")
    assert json.loads(stage.client.call("GET", keys.ack("bad1")))["status"] == "REJECTED"
    assert stage.client.call("EXISTS", keys.TAKEN) == 0
    assert [news.kind for news in stage.announced()] == ["DEAD_LETTER", "ACK"]
    life(stage)
    assert stage.told()[-1]["action_type"] == "EXIT"


def test_money_reaches_the_platform(stage: Stage) -> None:
    """Account values and PnL, as keys and as streams."""
    stage.up()
    stage.bus.say("gateway", account(), PnLSnapshot("DU1000001", 0, -5.0, 1.0, 2.0, None, 1))
    stage.settle()
    assert stage.client.call("MGET", keys.ACCOUNT_VALUE, keys.BUYING_POWER, keys.DAILY_PNL) == [
        b"100000.00",
        b"400000.00",
        b"-5.00",
    ]
    assert len(stage.entries(keys.ACCOUNT_STREAM)) == len(stage.entries(keys.PNL_STREAM)) == 1


def test_an_exit_waits_for_its_commission_across_a_restart(
    make_settings: Callable[..., Settings], stage: Stage
) -> None:
    """The wait is not lost with the process: the next one tells the EXIT when it is over, once."""
    stage.settings = make_settings(REDIS__URL=stage.settings.redis.url, LIFECYCLE__COMMISSION_WAIT_S="0.3")
    decisions, trade = split(won(Story())[:-2])
    stage.up()
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade)
    stage.settle()
    stage.down()
    stage.up()
    stage.wait(lambda: len(stage.told()) == 3, "the EXIT")
    assert stage.told()[2]["lifecycle"]["realized_pnl"] == 221.10 + 600.0
    stage.down()
    stage.up()
    stage.bus.say("gateway", Story().commission("h.01", 2.60, 594.80))
    stage.wait(lambda: len(stage.told()) == 4, "the ADJUSTMENT")
    assert stage.told()[3]["action_type"] == "ADJUSTMENT"
    assert stage.told()[3]["lifecycle"]["realized_pnl"] == 815.90


def test_waits_end_even_if_a_publisher_cannot_be_reached(
    make_settings: Callable[..., Settings], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sizing that never comes back must not hold an EXIT for ever."""
    monkeypatch.setattr(module, "CATCH_UP_S", 0.5)
    stage.settings = make_settings(REDIS__URL=stage.settings.redis.url, LIFECYCLE__COMMISSION_WAIT_S="0.1")
    stage.bus.silence("submission")
    decisions, trade = split(won(Story())[:-2])
    stage.up()
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade)
    stage.wait(lambda: len(stage.told()) == 3, "the EXIT")


def test_the_connection_is_what_the_gateway_says_as_long_as_it_lives(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LinkState at once; a gateway that waits, or is silent, is not connected; a restart of dispatch learns it anew."""
    monkeypatch.setattr(module, "PULSE_S", 0.05)

    def status() -> bytes | None:
        found: bytes | None = stage.client.call("GET", keys.CONNECTION_STATUS)
        return found

    stage.up()
    stage.wait(lambda: status() == b"connected", "connected by heartbeat")
    stage.wait(lambda: stage.client.call("EXISTS", keys.EXECUTION_HEARTBEAT), "a sign of life")
    stage.bus.states["gateway"] = "waiting"
    stage.bus.say("gateway", LinkState(LinkPhase.DOWN, "lost"))
    stage.wait(lambda: status() == b"failed", "failed by LinkState")
    stage.client.call("DEL", keys.EXECUTION_HEARTBEAT)
    stage.bus.states["gateway"] = "ready"
    stage.bus.say("gateway", LinkState(LinkPhase.READY, "back"))
    stage.wait(lambda: status() == b"connected", "connected again")
    stage.down(drain=True)
    assert status() == b"failed"
    stage.client.call("DEL", keys.CONNECTION_STATUS)
    stage.up()
    stage.wait(lambda: status() == b"connected", "learned after a restart")
    stage.bus.silence("gateway")
    stage.wait(lambda: status() == b"failed", "a silent gateway is not connected")


def test_a_working_order_is_kept_alive(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record expires only when the router is dead."""
    monkeypatch.setattr(module, "PULSE_S", 0.05)
    stage.up()
    stage.bus.say("sizing", Story().received())
    stage.bus.say("gateway", Story().intent())
    stage.settle()
    stage.client.call("EXPIRE", keys.pending_order(101), 10)
    stage.wait(lambda: stage.client.call("TTL", keys.pending_order(101)) > 10, "renewed")


def test_it_says_whom_it_waits_for(stage: Stage) -> None:
    """Redis first, then each publisher by name, then nobody; it takes no commands."""
    stage.bus.silence("sizing")
    stage.up()
    stage.wait(lambda: stage.dispatch.waiting_for == "the sizing process", "sizing is missing")
    stage.bus.back("sizing")
    stage.wait(lambda: stage.dispatch.waiting_for == "", "ready")
    refused = stage.dispatch.handle("1", StatusQuery())
    assert refused is not None
    assert "StatusQuery" in str(refused)
    assert list(stage.dispatch.snapshot()) == []


def test_a_redis_that_evicts_is_a_configuration_error(
    make_settings: Callable[..., Settings], short_dir: Any
) -> None:
    """It ends the process as any wrong setting does, which supervisord does not retry."""
    server = Server(short_dir, "--maxmemory-policy", "allkeys-lru")
    server.start()
    settings = make_settings(REDIS__URL=server.url)
    stage = Stage(settings, server.client())
    try:
        stage.up()
        running = stage.running
        assert running is not None
        stage.wait(lambda: running.error, "the error that ends it")
        assert isinstance(running.error, ConfigError)
        stage.down()
        assert process(settings, server.url).wait(30) == EXIT_CONFIG
    finally:
        stage.end()
        server.stop()


def test_the_first_connection_may_take_its_time(
    make_settings: Callable[..., Settings], short_dir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis starts after dispatch: it waits, says so, and goes on; a missing append-only file is a warning.

    When Redis goes away while nothing happens, the signs of life notice.
    """
    monkeypatch.setattr(module, "PULSE_S", 0.05)
    server = Server(short_dir, "--appendonly", "no")
    stage = Stage(make_settings(REDIS__URL=server.url), server.client())
    try:
        stage.up()
        stage.wait(lambda: "does not answer" in stage.dispatch.waiting_for, "it waits")
        server.start()
        stage.wait(lambda: stage.dispatch.waiting_for == "", "ready")
        server.stop()
        stage.wait(lambda: stage.dispatch.waiting_for.startswith("Redis does not answer: "), "it waits again")
    finally:
        stage.end()
        server.stop()
