"""A real Redis server for tests: the router's own command line, on a socket of its own, killed when told."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from workers.redis_server import arguments, find_server
from workers.store.client import Client, StoreAway, connect

DEADLINE_S = 10.0


class Server:
    """One server with its data in `directory`; `options` go after (and win over) the router's own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._command = [*arguments(find_server(), self.socket, directory), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        client = self.client("probe")
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                client.call("PING")
                client.close()
                return
            except StoreAway:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signum)
            self._process.wait(DEADLINE_S)
            self._process = None

    def client(self, name: str = "test") -> Client:
        """A new client of this server."""
        return connect(self.url, name=name)
