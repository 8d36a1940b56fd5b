"""One process per role, and none that outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import wait_for
from workers.guard import AlreadyRunning, lock_role


def test_a_role_runs_once(short_dir: Path) -> None:
    """A second process is refused with the first one's pid; the lock is free again once that one is gone."""
    held = lock_role(short_dir, "sizing")
    with pytest.raises(AlreadyRunning, match=f"sizing is already running as pid {os.getpid()} "):
        lock_role(short_dir, "sizing")
    other = lock_role(short_dir, "dispatch")
    os.close(held)
    os.close(other)
    os.close(lock_role(short_dir, "sizing"))


def test_the_lock_survives_exec_and_ends_with_the_process(short_dir: Path) -> None:
    """An inheritable lock is still held by the program that was exec'd, and not after its kill -9."""
    code = (
        "import os, pathlib, sys\nfrom workers.guard import lock_role\n"
        "os.set_inheritable(lock_role(pathlib.Path(sys.argv[1]), 'redis'), True)\n"
        "os.execvp('sleep', ['sleep', '60'])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, short_dir]) as process:
        wait_for(lambda: _command(process.pid).startswith(b"sleep"), "the process became sleep")
        with pytest.raises(AlreadyRunning):
            lock_role(short_dir, "redis")
        process.kill()
    os.close(lock_role(short_dir, "redis"))


def test_a_child_ends_with_its_parent_even_after_exec() -> None:
    """kill -9 of the parent ends a child that asked for it before it became another program."""
    child = (
        "import os\nfrom workers.guard import die_with_parent\n"
        "assert die_with_parent() == os.getppid()\nprint(os.getpid(), flush=True)\n"
        "os.execvp('sleep', ['sleep', '60'])\n"
    )
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])\n"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or _state(pid) == "Z", "the child is gone")


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
