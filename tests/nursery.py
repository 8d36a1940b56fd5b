"""Starts processes by fork from one that has the libraries loaded, so that hundreds of starts stay affordable.

`python -m tests.nursery MODULE ...` loads the modules and serves. One JSON object a line on standard input, `{"module": "paper",
"arguments": [], "env": {}, "log": FILE}`, is run as `python -m MODULE ARGUMENTS`; answered by `{"pid": …}`, and for each
process that ends `{"dead": pid, "status": …}`. What is not loaded is loaded in the child, so that an armed kill
point is seen as in a process of its own. When standard input closes, all children die.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.helpers import wait_for

MEASURED = "COVERAGE_PROCESS_CONFIG"  # in the environment of a process whose coverage is measured
ANSWER_S = 10.0  # for the libraries to be loaded


class NurseryError(AssertionError):
    """It has ended, or does not answer."""


class Nursery:
    """The process that starts others, from outside. `env` is theirs as well; nothing is left of any after `close`."""

    def __init__(self, *modules: str, env: dict[str, str] | None = None) -> None:
        given = os.environ if env is None else env
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", *modules],
            cwd=Path(__file__).parent.parent,
            env={name: text for name, text in given.items() if name != MEASURED},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for whoever started it, who ends the others in his own order
        )
        self._buffer = b""
        self._pids: deque[int] = deque()
        self._news: list[tuple[int, int]] = []
        self.ended: dict[int, int] = {}  # exit status by pid, negative for a signal

    def start(self, module: str, *arguments: str, log: Path, env: dict[str, str] | None = None) -> int:
        """Run a module as `__main__`, with its output in `log`; returns the pid. Raises NurseryError."""
        wanted = {"module": module, "arguments": arguments, "env": env or {}, "log": str(log)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + ANSWER_S
        while not self._pids:
            if time.monotonic() > deadline:
                raise NurseryError("the nursery does not answer")
            self._read(0.1)
        return self._pids.popleft()

    def listen(self, timeout_s: float = 0.0) -> list[tuple[int, int]]:
        """Pid and exit status of what has ended since the last time. Raises NurseryError."""
        self._read(0.0 if self._news else timeout_s)
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """End all of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(ANSWER_S)
        self._process.stdout.close()

    def _read(self, timeout_s: float) -> None:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while selector.select(timeout_s):
                timeout_s = 0.0
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    raise NurseryError("the nursery has ended")
                *lines, self._buffer = (self._buffer + chunk).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))

    def _take(self, document: dict[str, int]) -> None:
        if "pid" in document:
            self._pids.append(document["pid"])
            self.ended.pop(document["pid"], None)  # of an earlier process with this number
        else:
            end = (document["dead"], document["status"])
            self.ended[end[0]] = end[1]
            self._news.append(end)


class Process:
    """One that a nursery started, much as a Popen."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        self._nursery.listen()
        return self._nursery.ended.get(self.pid)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float = 20.0) -> int:
        """Its exit status, once it has ended. Fails the test if it does not."""
        wait_for(lambda: self.poll() is not None, "the process has ended", seconds=seconds, every=0.002)
        return self._nursery.ended[self.pid]


# ------------------------------------------------------------ inside


def main(modules: list[str]) -> None:
    """Serve until standard input closes."""
    for name in modules:
        import_module(name)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    buffer = b""
    while True:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            _reap(children)
        if 0 in ready:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if pid := os.fork():
                    children.add(pid)
                    _say({"pid": pid})
                else:
                    _become(json.loads(line))
                    return
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _become(wanted: dict[str, Any]) -> None:
    """Be the process that is wanted, in a fork. Its end is the interpreter's, so that what it has to save is saved."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.update(wanted["env"])
    if MEASURED in wanted["env"]:
        import coverage

        coverage.process_startup()
    sys.argv = [wanted["module"], *wanted["arguments"]]
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)


def _reap(children: set[int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        children.discard(pid)
        _say({"dead": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(document: dict[str, int]) -> None:
    os.write(1, json.dumps(document).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
