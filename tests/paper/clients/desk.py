"""What a story needs of a client library, whichever it is. Standard library only: this runs in their virtualenvs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

Facts = dict[str, Any]
SECONDS = 20.0  # what a story waits for happens by then or the story fails


class Desk(Protocol):
    """One connection to a gateway through one library. Order and contract fields bear IB's names."""

    @property
    def errors(self) -> list[tuple[int, int]]:
        """Id and code of every error, notices left out."""

    def connect(self, port: int, client_id: int, seconds: float = SECONDS) -> Facts: ...
    def disconnect(self) -> None: ...
    def connected(self) -> bool: ...
    def decode_errors(self) -> list[str]: ...
    def until(self, look: Callable[[], Any], what: str) -> Any: ...
    def next_id(self) -> int: ...
    def details(self, contract: Facts) -> list[Facts]: ...
    def subscribe(self, contract: Facts) -> Callable[[], Facts]: ...
    def place(self, contract: Facts, order_id: int, **order: Any) -> None: ...
    def cancel(self, order_id: int) -> None: ...
    def cancel_all(self) -> None: ...
    def order(self, order_id: int) -> Facts: ...
    def fills(self, order_id: int) -> list[Facts]: ...
    def what_if(self, contract: Facts, **order: Any) -> Facts: ...
    def open_orders(self) -> list[Facts]: ...
    def completed_orders(self) -> list[Facts]: ...
    def executions(self) -> list[Facts]: ...
    def positions(self) -> list[Facts]: ...
    def summary(self) -> dict[str, str]: ...
    def pnl(self, con_id: int) -> Facts: ...
    def sync(self) -> None: ...


NOTICES = frozenset({2104, 2106, 2158})
MAX_DOUBLE = 1e300  # above this a number is unset


def known(number: float | None) -> float | None:
    """A number, None when it is one of IB's spellings of "unset"."""
    return None if number is None or number != number or abs(number) > MAX_DOUBLE else number


class Hand:
    """The gateway's control socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(path)
        self._file = self._socket.makefile("rwb")

    def __call__(self, statements: str) -> Any:
        """Have statements carried out; returns what was told. Raises RuntimeError when they were refused."""
        self._file.write(json.dumps({"do": statements}).encode() + b"\n")
        self._file.flush()
        reply = json.loads(self._file.readline())
        if not reply["ok"]:
            raise RuntimeError(reply["error"])
        return reply["told"]

    def close(self) -> None:
        """Let go of the socket."""
        self._file.close()
        self._socket.close()


def deadline(seconds: float = SECONDS) -> Callable[[], float]:
    """A countdown: seconds left, 0 when there are none."""
    end = time.monotonic() + seconds
    return lambda: max(end - time.monotonic(), 0.0)
