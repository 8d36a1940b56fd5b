"""Helpers of the tests: waiting with a deadline, a real Redis server, a project root of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from workers.redis_server import arguments, find_server
from workers.store.client import Client, StoreAway, connect

PROJECT = Path(__file__).parent.parent
T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, *, seconds: float = 10.0, every: float = 0.01) -> T:
    """The first true value of `look`; fails the test naming `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(every)


def make_root(path: Path) -> Path:
    """A project root of its own: the real configuration and supervisord.conf, an empty var."""
    shutil.copytree(PROJECT / "conf", path / "conf", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(PROJECT / "supervisord.conf", path)
    return path


class RedisServer:
    """A real server on a unix socket, as `python -m workers redis` runs it; can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        server = find_server()
        command = arguments(server, self.socket, self.directory)
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        client = connect(self.url, name="test")
        wait_for(lambda: _answers(client), "the Redis server answers")
        client.close()

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def _answers(client: Client) -> bool:
    try:
        return bool(client.call("PING") == b"PONG")
    except StoreAway:
        return False
