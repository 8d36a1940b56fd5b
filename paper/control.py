"""The control socket: a unix stream socket, one JSON object a line each way.

Asked `{"do": "drop orderStatus status=Filled"}` it answers `{"ok": true, "told": null}` when the statement (of
paper/scenario.py, several lines are allowed) was carried out and everything it caused was written, or
`{"ok": false, "error": "…"}`.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from paper.scenario import ScriptError, Statement, read_lines

_MAX_LINE = 1 << 16  # bytes


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    do: str


class Control:
    """The socket and who talks over it."""

    def __init__(self, perform: Callable[[Statement], object], flush: Callable[[], None]) -> None:
        self._perform = perform
        self._flush = flush
        self._decode = msgspec.json.Decoder(_Order).decode
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, path: Path) -> asyncio.Server:
        """Serve the socket; only this user can reach it. Raises OSError."""
        server = await asyncio.start_unix_server(self._talk, path, limit=_MAX_LINE)
        os.chmod(path, 0o600)
        return server

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while line := await reader.readline():
                writer.write(self.answer(line))
                await writer.drain()
        except (ValueError, ConnectionError, asyncio.CancelledError):
            pass  # a line without end, a caller who left, or the end of the gateway: nobody to answer
        finally:
            self._tasks.discard(task)
            writer.close()

    def hang_up(self) -> None:
        """End every conversation."""
        for task in self._tasks:
            task.cancel()

    def answer(self, line: bytes) -> bytes:
        """Do what one line asks; the answer to it, ended by a newline."""
        try:
            told = [self._perform(statement) for statement in read_lines(self._decode(line).do)]
            self._flush()
            reply: dict[str, object] = {"ok": True, "told": told[-1] if told else None}
        except (ScriptError, msgspec.DecodeError) as error:
            reply = {"ok": False, "error": str(error)}
        return msgspec.json.encode(reply) + b"\n"
