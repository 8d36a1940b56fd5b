"""What could not be read, kept with its bytes: nothing that came in is thrown away unseen."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ipc.security import private_umask

log = logging.getLogger(__name__)


class Quarantine:
    """JSON lines `{at_ns, source, problem, base64}` in one file, which is renamed to `.1` when it grows too large.

    `count` is how many came, `unwritten` how many of them the disk refused. Without a path it only counts and logs.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        max_bytes: int = 16 << 20,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = path
        self.count = 0
        self.unwritten = 0
        self._max_bytes = max_bytes
        self._wall_ns = wall_ns

    def keep(self, source: str, problem: str, raw: bytes) -> None:
        """Count it, log it, write it down. Never raises: what is readable goes on."""
        self.count += 1
        log.error("undecodable message from %s: %s (%d bytes)", source, problem, len(raw))
        if self.path is None:
            return
        line = {
            "at_ns": self._wall_ns(),
            "source": source,
            "problem": problem,
            "base64": base64.b64encode(raw).decode("ascii"),
        }
        try:
            self._write(self.path, json.dumps(line) + "\n")
        except OSError as error:
            self.unwritten += 1
            log.error("quarantine %s cannot be written: %s", self.path, error)

    def _write(self, path: Path, line: str) -> None:
        if path.exists() and path.stat().st_size + len(line) > self._max_bytes:
            path.replace(path.with_name(path.name + ".1"))
        with private_umask(), path.open("a", encoding="ascii") as file:
            file.write(line)
