"""Where each process's sockets are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ipc.feed import Source
from ipc.security import ipc_path
from ipc.topics import subscriptions_of


def pub(run: Path, process: str) -> str:
    """PUB endpoint of a process. Raises EndpointRefused when the path is too long for a unix socket."""
    return _checked(f"ipc://{run}/{process}.pub")


def cmd(run: Path, process: str) -> str:
    """Command endpoint of a process: commands, replay and snapshot requests. Raises EndpointRefused."""
    return _checked(f"ipc://{run}/{process}.cmd")


def source(run: Path, process: str) -> Source:
    """A publisher as a Subscriber takes it."""
    return Source(process, pub(run, process), cmd(run, process))


def sources_of(run: Path, process: str) -> Iterable[Source]:
    """The publishers that the topics table has a process listen to."""
    return [source(run, publisher) for publisher in subscriptions_of(process)]


def _checked(endpoint: str) -> str:
    ipc_path(endpoint)
    return endpoint
