"""Dispatch whose Redis, or whose publishers, have lost their memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from router.book import Book
from router.messages import (
    LinkPhase,
    LinkState,
)
from tests.router.history import POSITION_ID, Story, won
from tests.workers.dispatch_scene import life, split, stage
from tests.workers.stage import Stage
from workers import dispatch as module
from workers.store import keys

__all__ = ["stage"]  # fixtures


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
