"""Settings for a gateway of the tests, and the paper gateway as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conf.settings import Settings
from tests.paper.conftest import RunningGateway, start_gateway

Configure = Callable[..., Settings]


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[RunningGateway]:
    """A paper gateway whose market moves by hand only."""
    running = start_gateway(tmp_path, "--account", "DU1000001", "--market", "still", measured=False)
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def configure(make_settings: Callable[..., Settings]) -> Configure:
    """Settings for a gateway on a port, quick to connect again, that looks nothing up beforehand.

    Keywords are keys of [broker].
    """

    def make(port: int, **broker: object) -> Settings:
        given = {"port": port, "backoff_first_s": 0.02, "backoff_max_s": 0.1, "settle_s": 0.02} | broker
        named = {f"BROKER__{name.upper()}": str(value) for name, value in given.items()}
        return make_settings(QUOTES__PREWARM="off", **named)

    return make
