"""A server for the tests of this directory and those of dispatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workers.store.server import Server
from workers.store.client import Client


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that only need an empty Redis."""
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Server) -> Server:
    """The shared server, empty and with its usual settings."""
    client = shared_server.client("reset")
    client.call("FLUSHALL")
    client.call("CONFIG", "SET", "notify-keyspace-events", "Kl")
    client.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    client.close()
    return shared_server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the shared, empty server."""
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers that the test may stop and start as it likes."""
    made: list[Server] = []

    def make(*options: str) -> Server:
        server = Server(tmp_path, *options)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()
