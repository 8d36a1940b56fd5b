"""Dispatch through crashes of its own and of Redis."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest
from msgspec.structs import replace

from conf.settings import Settings
from router.book import Book
from router.messages import (
    ExecutionFill,
    LinkState,
    Message,
    OrderIntent,
    Ticket,
)
from tests.router.factory import payload, signal
from tests.router.history import Story, won
from tests.workers.dispatch_scene import life, process, split, stage
from tests.workers.stage import Stage
from tests.workers.store.server import Server
from workers.store import keys

__all__ = ["stage"]  # fixtures


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
