"""A real supervisord, started, asked and stopped; nothing is left of it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import PROJECT, wait_for
from workers.cli.stack import Down, Program, Stack, StartRefused, Unreachable

PROGRAMS = """
[program:steady]
command=/bin/sleep 60
[program:done]
command=/bin/sh -c "exit 77"
startsecs=0
autorestart=false
"""


@pytest.fixture
def root(short_dir: Path) -> Path:
    """A project root whose supervisord.conf keeps the real head and runs two harmless programs."""
    head, _, _ = (PROJECT / "supervisord.conf").read_text().partition("; The router's own Redis")
    (short_dir / "supervisord.conf").write_text(head + PROGRAMS)
    for name in ("run", "log"):
        (short_dir / "var" / name).mkdir(parents=True, mode=0o700)
    return short_dir


@pytest.fixture
def stack(root: Path) -> Iterator[Stack]:
    """A stack that is stopped again whatever the test did."""
    stack = Stack(root)
    yield stack
    if stack.is_up():
        stack.stop()


def gone(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([watch], [], [], 10)
    os.close(watch)
    return bool(ended)


def steady_pid(stack: Stack) -> int:
    """Pid of the program that runs, 0 as long as nothing answers."""
    try:
        return next((p.pid for p in stack.programs() if p.name == "steady" and p.state == "RUNNING"), 0)
    except Down:
        return 0


def test_nothing_there_is_down(stack: Stack) -> None:
    """Without a supervisord every question is answered with Down, and how to start it."""
    assert not stack.is_up()
    with pytest.raises(Down, match="router up"):
        stack.programs()
    with pytest.raises(Down):
        stack.stop()


def test_a_file_where_the_state_should_be_is_down(short_dir: Path) -> None:
    """Nothing can run there; that the directory cannot be made is told by whoever makes it."""
    (short_dir / "var").touch()
    assert not Stack(short_dir).is_up()


def test_a_detached_stack_lives_until_it_is_stopped(stack: Stack, root: Path) -> None:
    """It answers with its programs on a private socket, and stopping waits for the last process."""
    stack.start_detached()
    pid = wait_for(lambda: steady_pid(stack), "the program runs")
    states = {program.name: program.state for program in stack.programs()}
    assert states == {"steady": "RUNNING", "done": "EXITED"}
    assert not any(program.problem for program in stack.programs())
    assert (root / "var/run/supervisor.sock").stat().st_mode & 0o777 == 0o700
    stack.stop()
    assert gone(pid)
    assert not stack.is_up()


def test_an_attached_stack_ends_with_its_parent_even_after_kill_9(stack: Stack, root: Path) -> None:
    """kill -9 of whoever started it takes supervisord and its programs along."""
    code = (
        "import pathlib, sys, signal\nfrom workers.cli.stack import Stack\n"
        "Stack(pathlib.Path(sys.argv[1])).start_attached()\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, root]) as parent:
        pid = wait_for(lambda: steady_pid(stack), "the program runs")
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)
    wait_for(lambda: not stack.is_up(), "supervisord is gone")


def test_a_broken_configuration_is_told(stack: Stack, root: Path) -> None:
    """What supervisord says of its own configuration reaches the caller."""
    (root / "supervisord.conf").write_text("[program:x]\n")
    with pytest.raises(StartRefused, match="supervisord"):
        stack.start_detached()


def test_a_root_too_deep_for_sockets_is_refused_before_the_start(short_dir: Path) -> None:
    """supervisord's own message would not say that the path is too long."""
    stack = Stack(short_dir / ("d" * 80))
    assert not stack.is_up()
    with pytest.raises(StartRefused, match="move the project"):
        stack.start_detached()


def test_a_socket_that_nobody_serves_is_unreachable(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisord that hangs is not taken for one that is down."""
    monkeypatch.setattr("workers.cli.stack.CALL_S", 0.1)
    path = short_dir / "var/run/supervisor.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(Unreachable, match="does not answer"):
            Stack(short_dir).is_up()


@pytest.mark.parametrize(
    ("state", "status", "given_up"),
    [
        ("FATAL", 0, True),
        ("EXITED", 78, True),
        ("EXITED", 77, False),
        ("EXITED", 1, False),
        ("BACKOFF", 1, False),
    ],
)
def test_what_supervisord_will_not_start_again(state: str, status: int, given_up: bool) -> None:
    """A refused configuration stays as it is; any other unexpected end is followed by a new start."""
    assert Program("sizing", state, 0, status, "").given_up is given_up
