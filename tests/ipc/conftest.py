"""Fixtures of the bus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ipc.helpers import Bus


@pytest.fixture
def bus(short_dir: Path) -> Iterator[Bus]:
    """A running publisher and a loop."""
    bus = Bus(short_dir)
    yield bus
    bus.close()
