"""Fixtures of the bus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ipc.commands import Pair
from tests.ipc.helpers import Bus


@pytest.fixture
def bus(short_dir: Path) -> Iterator[Bus]:
    """A running publisher and a loop."""
    bus = Bus(short_dir)
    yield bus
    bus.close()


@pytest.fixture
def threaded() -> Iterator[Callable[[Pair], None]]:
    """Serves the answering side of a pair in a thread of its own until the test ends, then closes the pair."""
    ending = threading.Event()
    threads: list[threading.Thread] = []
    pairs: list[Pair] = []

    def serve(pair: Pair) -> None:
        def run() -> None:
            while not ending.is_set():
                pair.responder.sockets[0].poll(5)
                pair.responder.receive()

        pairs.append(pair)
        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield serve
    ending.set()
    for thread in threads:
        thread.join()
    for pair in pairs:
        pair.close()
