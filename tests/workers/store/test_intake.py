"""One door for both ingress adapters: nothing is lost while Redis goes away and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from conf.settings import Settings
from tests.workers.store.server import Server
from workers.store import intake as module
from workers.store import keys
from workers.store.client import Client, Script, StoreAway, Word, connect
from workers.store.intake import Intake


def test_it_brings_what_was_taken_before_and_what_is_new(
    make_settings: Callable[..., Settings], redis_server: Server, redis_client: Client
) -> None:
    """First what an earlier sizing left, marked redelivered, then lists and stream; each once."""
    settings = make_settings(REDIS__URL=redis_server.url)
    redis_client.call("HSET", keys.TAKEN, "1-x", keys.execution_list("SPY") + "\nold")
    redis_client.call("LPUSH", keys.execution_list("SPY"), "new")
    redis_client.call("XADD", settings.ingress.stream, "*", "data", "streamed")
    intake = Intake(settings, redis_client)
    assert intake.problem
    assert intake.reachable()
    found = [(taken.payload, taken.redelivered) for taken in intake.collect()]
    assert found == [(b"old", True), (b"new", False), (b"streamed", False)]
    assert intake.collect() == []


def test_a_redis_that_is_away_is_a_problem_not_an_error(make_settings: Callable[..., Settings]) -> None:
    """It says why, brings nothing, and raises nothing."""
    settings = make_settings()
    intake = Intake(settings, connect(settings.redis_url, name="test", timeout_s=0.2))
    assert not intake.reachable()
    assert intake.collect() == []
    assert "Redis" in intake.problem


class LosesReplies(Client):
    """A client whose next script runs, but whose reply is lost on the way."""

    lose = False

    def run(self, script: Script, keys: Sequence[Word], arguments: Sequence[Word]) -> Any:
        reply = super().run(script, keys, arguments)
        if self.lose:
            self.lose = False
            raise StoreAway("the reply was lost")
        return reply


def test_a_lost_reply_loses_no_signal(make_settings: Callable[..., Settings], redis_server: Server) -> None:
    """What the script took although nobody heard of it comes back, and what was handed out does not come again."""
    client = LosesReplies(redis_server.url, name="test")
    settings = make_settings(REDIS__URL=redis_server.url)
    intake = Intake(settings, client)
    spy = keys.execution_list("SPY")
    client.call("LPUSH", spy, "handed")
    client.call("XADD", settings.ingress.stream, "*", "data", "streamed")
    assert [taken.payload for taken in intake.collect()] == [b"handed", b"streamed"]
    client.call("LPUSH", spy, "unheard")
    client.lose = True
    assert intake.collect() == []
    assert intake.problem
    assert [(taken.payload, taken.redelivered) for taken in intake.collect()] == [(b"unheard", True)]
    assert intake.collect() == []
    client.close()


def test_what_was_handed_out_is_remembered_within_bounds(
    make_settings: Callable[..., Settings], redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a loss of Redis the newest do not come again; what had to be forgotten does, as redelivered."""
    monkeypatch.setattr(module, "HANDED", 2)
    client = LosesReplies(redis_server.url, name="test")
    intake = Intake(make_settings(REDIS__URL=redis_server.url), client)
    client.call("LPUSH", keys.execution_list("SPY"), "first", "second", "third")
    assert [taken.payload for taken in intake.collect()] == [b"first", b"second", b"third"]
    client.lose = True
    assert intake.collect() == []
    assert [(taken.payload, taken.redelivered) for taken in intake.collect()] == [(b"first", True)]
    client.close()


def test_a_push_wakes(
    make_settings: Callable[..., Settings], redis_server: Server, redis_client: Client
) -> None:
    """Both wakers run once started: a connect wakes, and so does a push; they end when told."""
    settings = make_settings(REDIS__URL=redis_server.url)
    intake = Intake(settings, redis_client)
    woken = threading.Semaphore(0)
    intake.start(woken.release)
    try:
        assert woken.acquire(timeout=10)  # lists connected
        assert woken.acquire(timeout=10)  # stream connected
        redis_client.call("LPUSH", keys.execution_list("SPY"), "x")
        assert woken.acquire(timeout=10)
    finally:
        intake.stop()
