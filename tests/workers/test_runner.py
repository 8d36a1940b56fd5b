"""The shell of a worker, as processes that are started, asked, stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conf.settings import Settings
from ipc.bus import Context, NoReply, Requester, Source, Subscriber
from router.messages import Heartbeat, StatusQuery, StatusReply
from tests.helpers import wait_for
from tests.nursery import MEASURED, Nursery, Process

ROLE = "monitor"


class Program:
    """One sample worker as a process."""

    def __init__(self, nursery: Nursery, settings: Settings, number: int, name: str, *arguments: str) -> None:
        env = {"ROUTER_HOME": str(settings.root), "ROUTER_MONITOR__HEARTBEAT_S": "0.05"}
        if MEASURED in os.environ:
            env[MEASURED] = os.environ[MEASURED]
        self._settings = settings
        self._log = settings.root / f"program{number}.log"
        command = ("tests.workers.programs", name, *arguments)
        self.process = Process(nursery, nursery.start(*command, log=self._log, env=env))

    def ask(self, timeout_s: float = 10.0) -> StatusReply:
        """Its answer to a StatusQuery."""
        with Context() as context:
            requester = Requester(context, self._settings.cmd(ROLE), resend_s=0.2)
            reply = requester.call(StatusQuery(), timeout_s=timeout_s)
            requester.close()
        assert isinstance(reply, StatusReply)
        return reply

    def end_by_asking(self) -> int:
        """Its exit code after a StatusQuery that ends it; the answer is lost if it lies unread at that moment."""
        with Context() as context:
            requester = Requester(context, self._settings.cmd(ROLE), resend_s=0.2)
            requester.send("end", StatusQuery(), lambda _: None)
            wait_for(lambda: requester.receive() or self.process.poll() is not None, "its end", seconds=20.0)
            requester.close()
        return self.process.wait()

    def heartbeat(self, condition: Callable[[Heartbeat], bool]) -> Heartbeat:
        """The first heartbeat that fits."""
        with Context() as context:
            source = Source(ROLE, self._settings.pub(ROLE), self._settings.cmd(ROLE))
            subscriber = Subscriber(context, [source], ["heartbeat"])
            seen: list[Heartbeat] = []

            def look() -> list[Heartbeat]:
                seen.extend(e.message for e in subscriber.receive() if isinstance(e.message, Heartbeat))
                return [beat for beat in seen if condition(beat)]

            found = wait_for(look, "a heartbeat that fits")
            subscriber.close()
        return found[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait()

    def text(self) -> str:
        """Its log as it is."""
        return self._log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """What starts them."""
    nursery = Nursery("workers.runner", "conf.settings", *(("coverage",) if MEASURED in os.environ else ()))
    yield nursery
    nursery.close()


@pytest.fixture
def start(nursery: Nursery, settings: Settings) -> Iterator[Callable[..., Program]]:
    """Starts samples; none is left running."""
    programs: list[Program] = []

    def start(name: str, *arguments: str) -> Program:
        programs.append(Program(nursery, settings, len(programs), name, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()


@pytest.mark.parametrize("name", ["Steady", "AsyncSteady"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_answers_beats_and_ends_well(
    start: Callable[..., Program], name: str, number: signal.Signals
) -> None:
    """Commands reach it, heartbeats carry its progress, a signal ends it with 0 after drain and close."""
    program = start(name)
    assert program.ask().processes[0].process == ROLE
    beat = program.heartbeat(lambda beat: beat.progress["queries"] == 1)
    assert (beat.process, beat.pid, beat.state, beat.waiting_for) == (ROLE, program.process.pid, "ready", "")
    assert program.end(number) == 0
    events = [line["event"] for line in program.lines()]
    assert events == ["started", "started to work", "stopping", "closed"]
    assert all(line["process"] == ROLE for line in program.lines())


def test_what_a_worker_lacks_is_in_its_heartbeat(start: Callable[..., Program]) -> None:
    """State `waiting`, and for what."""
    beat = start("Waiting").heartbeat(lambda _: True)
    assert (beat.state, beat.waiting_for) == ("waiting", "a miracle")


def test_a_role_runs_once_and_its_lock_ends_with_it(start: Callable[..., Program]) -> None:
    """A second process of a role ends with the first one's pid in its reason; after kill -9 a new one starts."""
    first = start("Steady")
    first.ask()
    assert start("Steady").process.wait() == 1
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert start("Steady").ask()


def test_a_drain_may_take_its_time_but_not_for_ever(start: Callable[..., Program]) -> None:
    """A worker that needs a while is waited for; one that never finishes is ended, with 0."""
    slow = start("Slow")
    slow.ask()
    assert slow.end() == 0
    for name in ("Endless", "AsyncEndless"):
        endless = start(name, "0.2")
        endless.ask()
        assert endless.end() == 0
    assert endless.lines()[-1]["event"] == "drain not finished in time"


def test_a_drain_that_hangs_is_ended_by_the_kernel(start: Callable[..., Program]) -> None:
    """Not even code that never returns to the loop outlives its time."""
    hanging = start("Hanging", "0.2")
    hanging.ask()
    assert hanging.end() == -signal.SIGALRM


@pytest.mark.parametrize("name", ["Stopping", "AsyncStopping"])
def test_a_worker_that_cannot_go_on_ends_with_1(start: Callable[..., Program], name: str) -> None:
    """The drain is orderly, the exit code makes supervisord start it again."""
    program = start(name)
    assert program.end_by_asking() == 1
    assert [line["reason"] for line in program.lines() if line["event"] == "stopping"] == ["cannot go on"]


@pytest.mark.parametrize("name", ["Failing", "AsyncFailing"])
def test_a_defect_ends_the_process_with_1(start: Callable[..., Program], name: str) -> None:
    """An unexpected exception in a handler never leaves a worker half alive."""
    program = start(name)
    program.heartbeat(lambda _: True)
    with pytest.raises(NoReply):
        program.ask(timeout_s=1.0)
    assert program.process.wait() == 1
    assert "ZeroDivisionError" in program.text()


def test_a_worker_ends_with_its_parent(settings: Settings) -> None:
    """kill -9 of the parent takes the worker along, so that a new supervisord never doubles it."""
    env = {**os.environ, "ROUTER_HOME": str(settings.root)}
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'tests.workers.programs', 'Steady'], stderr=subprocess.DEVNULL)\n"
    )
    lock = settings.paths.run / f"{ROLE}.lock"
    with subprocess.Popen([sys.executable, "-c", code], env=env) as parent:
        pid = int(wait_for(lambda: lock.read_text() if lock.exists() else "", "the worker holds its lock"))
        with Context() as context:
            requester = Requester(context, settings.cmd(ROLE), resend_s=0.2)
            requester.call(StatusQuery(), timeout_s=10.0)
            requester.close()
        watch = os.pidfd_open(pid)
        parent.kill()
    wait_for(lambda: _ended(watch), "the worker is gone")
    os.close(watch)


def _ended(watch: int) -> bool:
    try:
        signal.pidfd_send_signal(watch, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_a_worker_cannot_read_is_kept(start: Callable[..., Program], settings: Settings) -> None:
    """A command that is no message of this version is refused, and its bytes lie in the quarantine."""
    program = start("Steady")
    program.ask()
    with Context() as context:
        requester = Requester(context, settings.cmd(ROLE))
        (socket,) = requester.sockets
        socket.send(b"gibberish")
        assert socket.poll(10_000)
        requester.close()
    (line,) = (settings.paths.var / "quarantine" / f"{ROLE}.jsonl").read_text().splitlines()
    assert json.loads(line)["base64"] == "Z2liYmVyaXNo"
