"""The gateway's own record of what it was asked and what it did: JSON lines, fsynced before clients are told.

It is kept outside the process under test, so it can say afterwards how many orders and executions there really
were. Every record carries `t` (epoch ns), `m` (monotonic ns) and `kind`:

    start, stop, restart      the gateway itself
    client                    a session began or ended
    request, swallowed        what a client asked; a swallowed one was never served
    order, error              an order that was accepted; an error tied to an order
    execution                 a fill, whether or not a client hears of it
    sent                      an execution's frame that is about to be written to a client
    storm, storm-sent, storm-end   executions of a storm, the instants of their bursts, what was measured
"""

import os
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec


def read(path: Path, *kinds: str) -> list[dict[str, Any]]:
    """The records of a ledger, of some kinds or of all; a line that a kill cut short is left out."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is no whole record
    return [record for record in map(decode, lines) if not kinds or record["kind"] in kinds]


class Ledger(Protocol):
    """Where records go. `append` gathers, `commit` makes what was gathered durable."""

    def append(self, kind: str, **fields: object) -> None:
        """Gather one record."""
        ...

    def commit(self) -> None:
        """Make everything gathered durable."""
        ...

    def close(self) -> None:
        """Commit and let go of the file."""
        ...


class NoLedger:
    """Keeps nothing."""

    def append(self, kind: str, **fields: object) -> None:
        """Forget the record."""

    def commit(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class FileLedger:
    """Appends to a file, one fsync a commit."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._encode = msgspec.json.Encoder().encode
        self._gathered: list[bytes] = []

    def append(self, kind: str, **fields: object) -> None:
        """Gather one record."""
        self._gathered.append(
            self._encode({"t": time.time_ns(), "m": time.monotonic_ns(), "kind": kind, **fields}) + b"\n"
        )

    def commit(self) -> None:
        """Write and fsync everything gathered. Raises OSError when the disk refuses."""
        if not self._gathered:
            return
        data, self._gathered = memoryview(b"".join(self._gathered)), []
        while data:
            data = data[os.write(self._fd, data) :]
        os.fsync(self._fd)

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        os.close(self._fd)
