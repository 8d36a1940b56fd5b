"""Lives of signals as dispatch hears them: what its tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from conf.settings import Settings
from router.messages import (
    Message,
    SignalReceived,
)
from tests.helpers import PROJECT
from tests.router.history import Story, won
from tests.workers.stage import Stage
from tests.workers.store.server import Server
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


def process(settings: Settings, url: str) -> subprocess.Popen[bytes]:
    """Dispatch as supervisord starts it."""
    env = {**os.environ, "ROUTER_HOME": str(settings.root), "ROUTER_REDIS__URL": url}
    command = [sys.executable, "-m", "workers", "dispatch"]
    return subprocess.Popen(
        command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
