"""What many tests need: short directories, settings, a real Redis."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from conf.settings import Settings, load
from tests.helpers import make_root
from tests.measured import drop_unfinished
from tests.workers.store.server import Server
from workers.store.client import Client

# Time is no property of an example: a busy machine is not a failure. A gate must give the same answer twice, so
# CI replays fixed examples; everybody else explores.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure() -> None:
    """Ctrl-C reaches the processes of the tests, also where a shell that runs the tests in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, trylast=True)  # inside of pytest-cov's, which combines what is left
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Processes that a test has killed must not spoil the coverage of all others."""
    result = yield
    drop_unfinished(session.config.rootpath)
    return result


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A private directory with a path short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def make_settings(short_dir: Path) -> Callable[..., Settings]:
    """Settings of a root of its own; keyword arguments are environment variables without ROUTER_."""
    root = make_root(short_dir)

    def make(**env: str) -> Settings:
        settings = load(root, {f"ROUTER_{name}": value for name, value in env.items()})
        settings.paths.make()
        return settings

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Default settings in a root of its own."""
    return make_settings()


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="redis", dir="/tmp"))
    server = Server(directory)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture
def redis_server(_redis_server: Server) -> Server:
    """The session's Redis server, emptied before the test."""
    client = _redis_server.client()
    client.call("FLUSHALL")
    client.close()
    return _redis_server


@pytest.fixture
def redis_client(redis_server: Server) -> Iterator[Client]:
    """A client of the emptied server."""
    client = redis_server.client()
    yield client
    client.close()
