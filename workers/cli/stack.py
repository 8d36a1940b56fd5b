"""supervisord as the command line sees it: start, stop, and what its programs do (XML-RPC on its unix socket)."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from xmlrpc.client import Error, ServerProxy, Transport

from conf.paths import LONGEST_RUN
from router.errors import Fatal, Recoverable
from workers.guard import MISCONFIGURED, NOT_NEEDED, PR_SET_PDEATHSIG

CALL_S = 5.0  # for one answer of supervisord
STOP_S = 60.0  # for the whole stack to stop; each program has its own stopwaitsecs


class Down(Recoverable):
    """No supervisord runs in this directory."""


class Unreachable(Recoverable):
    """Something should answer and does not."""


class StartRefused(Fatal):
    """supervisord did not start."""


class Program(NamedTuple):
    """One program of supervisord.conf; `state` and `detail` are supervisord's own words."""

    name: str
    state: str
    pid: int
    exit_status: int
    detail: str

    @property
    def problem(self) -> str:
        """What is wrong with it, empty for nothing."""
        if self.state == "EXITED" and self.exit_status == NOT_NEEDED:
            return ""
        if self.state == "EXITED":
            return f"{self.name} exited with {self.exit_status}: see var/log/{self.name}.log"
        return "" if self.state == "RUNNING" else f"{self.name} is {self.state}: {self.detail}"

    @property
    def given_up(self) -> bool:
        """Whether supervisord will not start it again by itself, though it should run."""
        return self.state == "FATAL" or (self.state == "EXITED" and self.exit_status == MISCONFIGURED)


class Stack:
    """The stack below one project root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._socket = root / "var/run/supervisor.sock"
        self._transport = _UnixTransport(self._socket)
        self._rpc: Any = ServerProxy("http://supervisord", transport=self._transport)

    def programs(self) -> list[Program]:
        """What every program does. Raises Down or Unreachable."""
        with self._answering():
            return [
                Program(
                    p["name"], p["statename"], p["pid"], p["exitstatus"], p["description"] or p["spawnerr"]
                )
                for p in self._rpc.supervisor.getAllProcessInfo()
            ]

    def is_up(self) -> bool:
        """Whether a supervisord answers. Raises Unreachable."""
        try:
            self.programs()
        except Down:
            return False
        return True

    def start_detached(self) -> None:
        """Start supervisord as a daemon of its own. Raises StartRefused with what it said."""
        self._check_socket()
        done = subprocess.run(self._command(), capture_output=True, text=True, check=False, cwd=self.root)
        if done.returncode != 0:
            raise StartRefused((done.stderr or done.stdout).strip() or "supervisord did not start")

    def start_attached(self) -> subprocess.Popen[bytes]:
        """Start supervisord as a child that ends, with all programs, when this process ends in any way."""
        self._check_socket()
        return subprocess.Popen(
            [*self._command(), "--nodaemon", "--silent"],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for this process, which then stops the stack in order
            preexec_fn=_end_with_parent(),  # noqa: PLW1509  # no thread exists yet; Popen has no other way
        )

    def stop(self) -> None:
        """Stop every program, then supervisord, and wait for its end. Raises Down or Unreachable."""
        with self._answering():
            pid = int(self._rpc.supervisor.getPID())
            watch = os.pidfd_open(pid)
            self._rpc.supervisor.shutdown()
        try:
            ended, _, _ = select.select([watch], [], [], STOP_S)
        finally:
            os.close(watch)
        if not ended:
            raise Unreachable(f"supervisord (pid {pid}) still stops its programs after {STOP_S:g} s")

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.root / "supervisord.conf")]

    def _check_socket(self) -> None:
        if problem := self._too_long():
            raise StartRefused(problem)

    def _too_long(self) -> str:
        length = len(os.fsencode(self._socket.parent))
        text = f"{self._socket.parent} has {length} bytes; unix sockets in it allow {LONGEST_RUN}: move the project"
        return text if length > LONGEST_RUN else ""

    @contextmanager
    def _answering(self) -> Iterator[None]:
        if problem := self._too_long():
            raise Down(problem)
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise Down(f"nothing runs in {self.root}: start it with `router up`") from error
        except (OSError, HTTPException, Error) as error:
            raise Unreachable(f"supervisord does not answer on {self._socket}: {error}") from error
        finally:
            self._transport.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> HTTPConnection:
        kept = self._connection[1]
        connection = kept if isinstance(kept, HTTPConnection) else _UnixConnection(self._path)
        self._connection = (host, connection)  # what Transport.close() closes
        return connection


def _end_with_parent() -> Callable[[], None]:
    """What a child runs before exec: SIGTERM to itself when this process ends. Looks up libc before the fork."""
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
