"""Servers for the tests of what talks to Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workers.store.server import Server
from workers.store.client import Client


@pytest.fixture
def server(redis_server: Server) -> Server:
    """The session's server, empty and with its usual settings."""
    client = redis_server.client("reset")
    client.call("CONFIG", "SET", "notify-keyspace-events", "Kl", "maxmemory-policy", "noeviction")
    client.close()
    return redis_server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the shared, empty server."""
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def own_server(short_dir: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers that the test may stop and start as it likes."""
    made: list[Server] = []

    def make(*options: str) -> Server:
        server = Server(short_dir, *options)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()
