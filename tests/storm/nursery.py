"""Starts the router's processes by fork, with the libraries loaded, so that thousands of restarts stay affordable.

One JSON object a line on standard input, `{"role": "gateway", "env": {…}, "bug": ""}`; answered by `{"pid": …}`, and
for each process that ends `{"dead": pid, "status": …}`. The modules of the router itself are loaded in the child, so
that an armed kill point is seen as in a process of its own. When standard input closes, all children die with it.
"""

from __future__ import annotations

import json
import os
import select
import signal
from importlib import import_module
from typing import Any

LIBRARIES = (
    "ib_insync",
    "zmq",
    "redis",
    "msgspec",
    "structlog",
    "orjson",
    "zoneinfo",
    "holidays",
    "conf.settings",
)


def main() -> None:
    """Serve until standard input closes."""
    for name in LIBRARIES:
        import_module(name)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    buffer = b""
    while True:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            _reap()
        if 0 in ready:
            chunk = os.read(0, 65536)
            if not chunk:
                return  # the children's parent ends, and they with it
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                _start(json.loads(line))


def _start(wanted: dict[str, Any]) -> None:
    pid = os.fork()
    if pid:
        _say({"pid": pid})
        return
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(wanted["env"])
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        if wanted["bug"]:
            import_module("tests.storm.bugs").plant(wanted["bug"])
        code = import_module("workers.__main__").main([wanted["role"]])
    finally:
        os._exit(code)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say({"dead": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(document: dict[str, int]) -> None:
    os.write(1, json.dumps(document).encode() + b"\n")


if __name__ == "__main__":
    main()
