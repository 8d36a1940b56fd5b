"""Dispatch between real publishers and a real Redis, through crashes of either."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest
from msgspec.structs import replace

from conf.errors import ConfigError
from conf.settings import Settings
from router.book import Book
from router.messages import (
    ExecutionFill,
    LinkPhase,
    LinkState,
    Message,
    OrderIntent,
    PnLSnapshot,
    SignalReceived,
    SignalRefused,
    StatusQuery,
    Ticket,
)
from tests.helpers import PROJECT
from tests.router.factory import TICKET, payload, signal
from tests.router.history import POSITION_ID, Story, account, won
from tests.workers.stage import Stage
from tests.workers.store.server import Server
from workers import dispatch as module
from workers.__main__ import EXIT_CONFIG
from workers.store import keys
from workers.store.client import Client


@pytest.fixture
def stage(
    make_settings: Callable[..., Settings], redis_server: Server, redis_client: Client
) -> Iterator[Stage]:
    """A stage on the session's Redis; dispatch is not up yet."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, MONITOR__STALE_AFTER_S="1.0"), redis_client)
    yield stage
    stage.end()


def split(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """(what sizing says, what the gateway says)."""
    decisions: list[Message] = [message for message in messages if isinstance(message, SignalReceived)]
    return decisions, [message for message in messages if not isinstance(message, SignalReceived)]


def life(stage: Stage, story: Story | None = None) -> None:
    """A signal's whole life, as the publishers tell it."""
    decisions, trade = split(won(story or Story()))
    stage.bus.say("sizing", *decisions)
    for message in trade:
        stage.bus.say("gateway", message)
    stage.settle("sizing")
    stage.settle()


# ---------------------------------------------------------------- a life


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


# ---------------------------------------------------------------- waits


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


# ---------------------------------------------------------------- crashes


def bracket(number: int) -> list[Message]:
    """A life of its own, with its own ids, half a second long."""
    name = f"sig{number}-abc"
    view = signal(id=f"sig{number}", contract_fp=f"sigfp:{number}", raw=payload(id=f"sig{number}").decode())
    contract = replace(Story().request.contract, con_id=1000 + number)
    story = Story(
        delivery=name, signal=view, contract=contract, ticket=Ticket("list", keys.TAKEN, f"{number}-x")
    )
    messages = []
    for message in won(story):
        exec_id = getattr(message, "exec_id", None)
        messages.append(message if exec_id is None else replace(message, exec_id=f"{number}.{exec_id}"))
    return messages


def check_everything_once(stage: Stage, count: int) -> None:
    """Each of `count` lives is told once, and each execution entered once, in the order IB gave them."""
    told = stage.told()
    for kind in ("ENTRY", "SCALE_OUT", "EXIT"):
        ids = [event["id"] for event in told if event["action_type"] == kind]
        assert sorted(ids) == sorted(f"sig{number}" for number in range(count))
    assert len(told) == 3 * count
    assert {event["lifecycle"]["realized_pnl"] for event in told if event["action_type"] == "EXIT"} == {
        815.90
    }
    assert stage.client.call("GET", keys.ACK_COUNTER) == str(count).encode()
    fills = stage.entries(keys.FILLS_STREAM)
    executions = [json.loads(e["data"])["exec_id"] for e in fills if e["type"] == "ExecutionFill"]
    assert len(executions) == len(set(executions)) == 4 * count
    journal = stage.bus.publishers["gateway"].journal
    assert executions == [e.message.exec_id for e in journal.read() if isinstance(e.message, ExecutionFill)]
    assert stage.client.call("KEYS", "positions:open:*") == []
    assert stage.client.call("KEYS", "orders:pending:*") == []
    assert stage.client.call("EXISTS", keys.TAKEN, keys.ERRORS) == 0


def mixed(count: int, seed: int) -> tuple[list[Message], list[Message]]:
    """Many lives, their messages in order within each life and shuffled between them."""
    rng = random.Random(seed)
    lanes = [split(bracket(number))[1] for number in range(count)]
    decisions = [split(bracket(number))[0][0] for number in range(count)]
    trade: list[Message] = []
    while any(lanes):
        trade.append(rng.choice([lane for lane in lanes if lane]).pop(0))
    return decisions, trade


@pytest.mark.parametrize("seed", [1, 2])
def test_a_dispatch_that_dies_anywhere_goes_on_exactly(stage: Stage, seed: int) -> None:
    """Ended between any two batches, again and again, while the publishers go on talking."""
    count = 12
    decisions, trade = mixed(count, seed)
    rng = random.Random(seed)
    stage.client.call("HSET", keys.TAKEN, *(word for n in range(count) for word in (f"{n}-x", "payload")))
    stage.up()
    stage.bus.say("sizing", *decisions)
    for number, message in enumerate(trade):
        stage.bus.say("gateway", message)
        if number % 25 == rng.randrange(25):
            stage.down(drain=rng.random() < 0.5)
            stage.up()
    stage.settle("sizing")
    stage.settle()
    check_everything_once(stage, count)


def applied(stage: Stage, enough: int) -> bool:
    """Whether dispatch has applied so many events in this life."""
    return stage.dispatch.progress["events"] >= enough


@pytest.mark.parametrize("signum", [SIGTERM, SIGKILL])
def test_a_redis_that_restarts_mid_stream_loses_and_doubles_nothing(
    make_settings: Callable[..., Settings], short_dir: Any, signum: Signals
) -> None:
    """Stopped or killed (which takes the last second of its file): dispatch comes back to what Redis still knows."""
    server = Server(short_dir)
    server.start()
    client = server.client()
    stage = Stage(make_settings(REDIS__URL=server.url), client)
    try:
        count = 12
        decisions, trade = mixed(count, 3)
        client.call("HSET", keys.TAKEN, *(word for n in range(count) for word in (f"{n}-x", "payload")))
        stage.up()
        stage.bus.say("sizing", *decisions)
        third = len(trade) // 3
        for part in (trade[:third], trade[third : 2 * third], trade[2 * third :]):
            enough = stage.dispatch.progress["events"] + 10
            for message in part:
                stage.bus.say("gateway", message)
            stage.wait(partial(applied, stage, enough), "some are applied")
            server.stop(signum)
            server.start()
        stage.settle("sizing")
        stage.settle()
        check_everything_once(stage, count)
        assert stage.dispatch.progress["resumed"] >= 3
    finally:
        stage.end()
        server.stop()


def process(settings: Settings, url: str) -> subprocess.Popen[bytes]:
    """Dispatch as supervisord starts it."""
    env = {**os.environ, "ROUTER_HOME": str(settings.root), "ROUTER_REDIS__URL": url}
    command = [sys.executable, "-m", "workers", "dispatch"]
    return subprocess.Popen(
        command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_a_dispatch_that_is_killed_goes_on_exactly(stage: Stage, redis_server: Server) -> None:
    """kill -9 of the real process, in the middle of its work, three times."""
    count = 30
    decisions, trade = mixed(count, 4)
    stage.client.call("HSET", keys.TAKEN, *(word for n in range(count) for word in (f"{n}-x", "payload")))
    stage.bus.say("sizing", *decisions)
    quarter = len(trade) // 4

    def entered(more_than: int = -1) -> int:
        count = int(stage.client.call("XLEN", keys.ORDERS_STREAM))
        return count if count > more_than else 0

    for turn in range(4):
        before = entered()
        running = process(stage.settings, redis_server.url)
        try:
            for message in trade[turn * quarter : (turn + 1) * quarter if turn < 3 else None]:
                stage.bus.say("gateway", message)
            stage.wait(partial(entered, before), "it works")
            if turn == 3:
                stage.settle("sizing")
                stage.settle()
        finally:
            running.kill()
            running.wait()
    check_everything_once(stage, count)


def test_what_ib_says_while_redis_is_away_is_told_when_it_is_back(
    make_settings: Callable[..., Settings], short_dir: Any
) -> None:
    """Dispatch says what it waits for, and nothing of the journals is lost."""
    server = Server(short_dir)
    server.start()
    client = server.client()
    stage = Stage(make_settings(REDIS__URL=server.url), client)
    try:
        stage.up()
        stage.wait(lambda: stage.dispatch.waiting_for == "", "ready")
        server.stop()
        decisions, trade = split(won(Story()))
        stage.bus.say("sizing", *decisions)
        stage.bus.say("gateway", *trade)
        stage.wait(
            lambda: stage.dispatch.waiting_for.startswith("Redis does not answer: "), "it waits for Redis"
        )
        server.start()
        stage.settle()
        assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]
    finally:
        stage.end()
        server.stop()


def test_a_key_of_a_wrong_type_does_not_wedge(stage: Stage) -> None:
    """The refused write is told, counted and kept; everything else goes on, and so does the key once it is mended."""
    stage.client.call("SET", keys.DISTRIBUTION, "oops")
    stage.up()
    life(stage)
    assert stage.dispatch.progress["errors"] == 3
    assert json.loads(stage.client.call("GET", keys.ack("9bbeedc541dd1c7a")))["status"] == "FILLED"
    kept = stage.client.call("LRANGE", keys.ERRORS, 0, -1)
    assert len(kept) == 3
    assert all(b"WRONGTYPE" in line and line.startswith(b"gateway ") for line in kept)
    stage.client.call("DEL", keys.DISTRIBUTION)
    stage.bus.say("sizing", *split(bracket(1))[0])
    stage.bus.say("gateway", *split(bracket(1))[1])
    stage.settle()
    assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]


def test_an_event_that_cannot_be_folded_stops_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in the fold costs its own message: told, counted, and still on its stream."""
    fold = Book.apply

    def faulty(self: Book, message: Message, *, at_ms: int) -> Any:
        if isinstance(message, LinkState | OrderIntent) and getattr(message, "delivery", "") == "bad-1":
            raise ZeroDivisionError("defect")
        return fold(self, message, at_ms=at_ms)

    monkeypatch.setattr(Book, "apply", faulty)
    stage.up()
    stage.bus.say("gateway", replace(Story().intent(), delivery="bad-1"))
    life(stage)
    assert stage.dispatch.progress["errors"] == 1
    assert len(stage.told()) == 3
    assert stage.entries(keys.ORDERS_STREAM)[0]["type"] == "OrderIntent"


# ---------------------------------------------------------------- lost memories


def test_a_redis_that_lost_everything_is_filled_again_without_old_news(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the journals: streams, closed trades and acks come back, but nobody is told of old trades again."""
    stage.up()
    life(stage)
    stage.down()
    stage.client.call("FLUSHALL")
    monkeypatch.setattr(module, "NEWS_MS", -1_000_000)
    stage.up()
    stage.settle()
    assert stage.told() == []
    assert stage.dispatch.progress["not_distributed"] == 3
    assert len(stage.entries(keys.FILLS_STREAM)) == 8
    assert stage.client.call("EXISTS", keys.closed_position("20250919", POSITION_ID)) == 1


def test_young_news_is_told_even_from_the_beginning(stage: Stage) -> None:
    """A dispatch that starts late, on an empty Redis, tells what happened minutes ago."""
    decisions, trade = split(won(Story()))
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade)
    stage.up()
    stage.settle()
    assert len(stage.told()) == 3


def test_a_lost_journal_is_continued_from_a_snapshot(stage: Stage) -> None:
    """The gateway's journal is gone: what is held now replaces what was thought to be, and the future is followed."""
    stage.up()
    decisions, trade = split(won(Story())[:9])
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade, replace(Story().position(2), contract=other_contract()))
    stage.settle()
    assert stage.client.call("GET", keys.POSITION_COUNT) == b"2"
    stage.down()
    stage.bus.silence("gateway")
    stage.bus.snapshots["gateway"] = (
        LinkState(LinkPhase.READY, ""),
        Story().position(7, replayed=True),
    )
    stage.bus.back("gateway", without_journal=True)
    stage.up()
    stage.wait(lambda: stage.client.call("GET", keys.POSITION_COUNT) == b"1", "the vanished position is gone")
    before = len(stage.entries(keys.POSITIONS_STREAM))
    stage.bus.say("gateway", *won(Story())[9:])
    stage.settle()
    assert stage.told()[-1]["action_type"] == "EXIT"
    assert len(stage.entries(keys.POSITIONS_STREAM)) == before + 2


def test_a_snapshot_that_cannot_be_folded_is_passed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dispatch would come to it again at every start: a defect costs the snapshot, and the future is followed."""

    def faulty(self: Book, messages: Any, *, at_ms: int) -> Any:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr(Book, "restate", faulty)
    stage.bus.snapshots["gateway"] = (LinkState(LinkPhase.READY, ""),)
    stage.bus.say("gateway", Story().position(7))
    stage.up()
    stage.settle()
    stage.down()
    stage.bus.silence("gateway")
    stage.bus.back("gateway", without_journal=True)
    stage.up()
    stage.wait(lambda: stage.dispatch.progress["errors"] == 1, "the snapshot")
    life(stage)
    assert len(stage.told()) == 3


def test_what_a_snapshot_alone_tells_is_told_to_the_platform_once(stage: Stage) -> None:
    """Executions that were lost with the journal are in the snapshot, and on their stream; IB's rebuild repeats them in
    vain."""
    stage.up()
    decisions, trade = split(won(Story()))
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade[:5])
    stage.settle()
    stage.down()
    stage.bus.silence("gateway")
    again = [replace(message, replayed=True) for message in trade if hasattr(message, "replayed")]
    stage.bus.snapshots["gateway"] = (LinkState(LinkPhase.READY, ""), *again)
    stage.bus.back("gateway", without_journal=True)
    stage.bus.say("gateway", *again)  # as IB told it to the new one
    stage.up()
    stage.wait(lambda: stage.told()[-1:] and stage.told()[-1]["action_type"] == "EXIT", "the end is told")
    stage.bus.say("gateway", *again)
    stage.bus.say("gateway", replace(again[1], exec_id="new.01", ref=""))
    stage.settle()
    assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]
    entries = stage.entries(keys.FILLS_STREAM)
    executions = [json.loads(one["data"])["exec_id"] for one in entries if one["type"] == "ExecutionFill"]
    assert executions == ["e.01", "f.01", "g.01", "h.01", "new.01"]
    assert len(entries) == 4 + 4 + 1
    assert len({one["id"] for one in entries}) == len(entries)
    assert stage.dispatch.progress["errors"] == 0


def test_a_position_closed_while_nobody_was_connected_is_gone(stage: Stage) -> None:
    """A gateway started anew hears nothing of it from IB, and the executions come as repeats: its list says it."""
    stage.up()
    decisions, trade = split(won(Story())[:9])
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade, replace(Story().position(2), contract=other_contract()))
    stage.settle()
    assert stage.client.call("GET", keys.POSITION_COUNT) == b"2"
    held = (Story().request.contract.con_id,)
    stage.bus.say("gateway", LinkState(LinkPhase.DOWN, "killed"), LinkState(LinkPhase.READY, "rebuilt"))
    stage.settle()
    assert stage.client.call("GET", keys.POSITION_COUNT) == b"2"  # nobody has asked IB for all of them
    stage.bus.say("gateway", LinkState(LinkPhase.READY, "rebuilt", held=held))
    stage.settle()
    assert stage.client.call("GET", keys.POSITION_COUNT) == b"1"
    assert stage.client.call("GET", keys.CONNECTION_STATUS) == b"connected"


def test_nothing_is_written_off_by_a_dispatch_that_starts_while_ib_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IB had said that the position is gone, and then went away itself with the executions still to be told."""
    monkeypatch.setattr("router.book.FILL_WAIT_MS", 0)
    stage.bus.states["gateway"] = "waiting"
    decisions, trade = split(won(Story())[:9])
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", LinkState(LinkPhase.READY, ""), *trade)
    stage.bus.say("gateway", LinkState(LinkPhase.DOWN, "lost"), Story().position(0))
    stage.up()
    stage.settle()
    stage.down()
    stage.up()
    stage.settle()
    heartbeats = stage.bus.publishers["gateway"].published + 5
    stage.wait(lambda: stage.bus.publishers["gateway"].published > heartbeats, "time to write it off")
    assert [event["action_type"] for event in stage.told()] == ["ENTRY"]
    stage.bus.states["gateway"] = "ready"
    stage.wait(lambda: [event["action_type"] for event in stage.told()][1:] == ["EXIT"], "written off")


def other_contract() -> Any:
    """Another option."""
    return replace(Story().request.contract, con_id=2002)


def test_a_publisher_that_restarts_is_followed(stage: Stage) -> None:
    """A new epoch continues the same numbers."""
    decisions, trade = split(won(Story()))
    stage.up()
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade[:5])
    stage.bus.silence("gateway")
    stage.bus.back("gateway")
    stage.bus.say("gateway", *trade[5:])
    stage.settle()
    assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]


def test_a_redis_that_lost_its_last_writes_is_told_them_again(stage: Stage) -> None:
    """It was killed and started again, or emptied, while nothing was said: nobody notices the connection, but the
    offset is not the one that was written last."""
    decisions, trade = split(won(Story()))
    stage.up()
    stage.bus.say("sizing", *decisions)
    stage.bus.say("gateway", *trade[:8])
    stage.settle("sizing")
    stage.settle()
    assert [event["action_type"] for event in stage.told()] == ["ENTRY"]
    stage.client.call("FLUSHALL")
    stage.bus.say("gateway", *trade[8:])
    stage.wait(lambda: stage.told()[-1:] and stage.told()[-1]["action_type"] == "EXIT", "the end is told")
    assert [event["action_type"] for event in stage.told()] == ["ENTRY", "SCALE_OUT", "EXIT"]
    stage.down()
    stage.up()
    stage.wait(lambda: not stage.dispatch.waiting_for, "the next life")
    assert (stage.dispatch.progress["errors"], stage.dispatch.progress["deliveries"]) == (0, 1)


def test_what_is_long_over_is_tidied(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router's own keys do not grow with every trade for ever."""
    stage.up()
    life(stage)
    assert stage.client.call("ZCARD", keys.DELIVERIES) == 1
    monkeypatch.setattr(module, "now_ms", lambda: 4_000_000_000_000)
    stage.running.call(stage.dispatch._tidy)  # type: ignore[union-attr]  # it is up
    assert stage.client.call("EXISTS", keys.DELIVERIES, keys.SEEN, keys.POSITIONS) == 0


def test_what_redis_has_already_is_not_written_again(stage: Stage) -> None:
    """Somebody else was faster (a second dispatch, against its lock): nothing doubles, and it is counted."""
    stage.up()
    stage.wait(lambda: stage.dispatch.waiting_for == "", "ready")
    stage.client.call("HSET", keys.OFFSETS, "gateway", "9999999999999-9-0")
    stage.bus.say("gateway", Story().position(7))
    stage.wait(lambda: stage.dispatch.progress["repeated"] == 1, "the repetition is counted")
    assert stage.entries(keys.POSITIONS_STREAM) == []


def test_without_redis_and_after_a_drain_nothing_is_begun(stage: Stage) -> None:
    """Timers that still fire find nothing to do."""
    stage.up()
    stage.wait(lambda: stage.dispatch.waiting_for == "", "ready")
    running = stage.running
    assert running is not None
    assert running.call(stage.dispatch.drain)
    for action in (
        stage.dispatch._resume,
        stage.dispatch._tidy,
        stage.dispatch._pulse,
        stage.dispatch._expire,
    ):
        running.call(action)
    assert stage.dispatch.waiting_for.startswith("Redis")
    assert stage.dispatch.progress["resumed"] == 1


# ---------------------------------------------------------------- signs of life


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


# ---------------------------------------------------------------- unfit


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
