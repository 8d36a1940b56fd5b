"""ipc.endpoints: where each process's sockets are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipc import endpoints
from ipc.errors import EndpointRefused
from ipc.feed import Source

RUN = Path("/run/router")


def test_endpoints_are_in_the_run_directory() -> None:
    """One PUB and one command socket per process, named after it."""
    assert endpoints.pub(RUN, "gateway") == "ipc:///run/router/gateway.pub"
    assert endpoints.cmd(RUN, "gateway") == "ipc:///run/router/gateway.cmd"
    assert endpoints.source(RUN, "gateway") == Source(
        "gateway", "ipc:///run/router/gateway.pub", "ipc:///run/router/gateway.cmd"
    )


def test_sources_follow_the_topics_table() -> None:
    """A process subscribes to whom the table says."""
    assert [source.name for source in endpoints.sources_of(RUN, "dispatch")] == [
        "gateway",
        "sizing",
        "submission",
    ]


def test_run_directory_too_long_is_refused() -> None:
    """A path that no unix socket can have is an error before anything is bound."""
    with pytest.raises(EndpointRefused, match="use a shorter run directory"):
        endpoints.pub(Path("/" + "x" * 100), "gateway")
