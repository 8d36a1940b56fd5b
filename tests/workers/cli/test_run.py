"""`router run` in parts: readiness, the story with its confirmation by Redis, an orderly end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, cast

import pytest

from conf.settings import Settings
from ipc.bus import Envelope
from router.messages import Heartbeat, Message, SignalReceived
from tests.workers.cli.test_life import DELIVERY, FILLED, SENT, SIGNAL, TICKET, fill, published
from workers.cli import run as run_module
from workers.cli.health import PROCESSES
from workers.cli.life import Life
from workers.cli.run import Failed, Readiness, Story, _interruptible, _started, run, until
from workers.cli.signals import send_demo
from workers.cli.stack import Down, Program, Stack, Unreachable
from workers.store import keys
from workers.store.client import Client

CLOSE = (fill("T1", 7, "x3"), published("ENTRY"), published("ACK", "FILLED"), published("EXIT"))


def envelopes(*messages: Message, at_ns: int = 0) -> list[Envelope]:
    """Messages as they come, published in this order."""
    return [
        Envelope("gateway", 1, n, "trade", n, at_ns + n, 0, message) for n, message in enumerate(messages)
    ]


class Programs(Stack):
    """What supervisord would say."""

    def __init__(self, *programs: Program, down: bool = False) -> None:
        self._answer = list(programs)
        self._down = down

    def programs(self) -> list[Program]:
        if self._down:
            raise Down("not yet")
        return self._answer


@pytest.fixture
def child() -> subprocess.Popen[bytes]:
    """A process that ends at once with 3."""
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    process.wait()
    return process


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at supervisord each time."""
    monkeypatch.setattr(run_module, "CHECK_S", 0.0)


class Alive:
    """A supervisord that runs."""

    returncode = None

    def poll(self) -> None:
        return None


def readiness(stack: Stack, process: object | None = None) -> Readiness:
    """A wait for the stack."""
    return Readiness(stack, cast("subprocess.Popen[bytes]", process or Alive()))


def beat(name: str, state: str = "ready", waiting_for: str = "") -> Heartbeat:
    """A heartbeat."""
    return Heartbeat(name, 1, state, waiting_for, {})


def test_ready_is_when_every_process_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """What is waited for is told once per change; the last heartbeat makes it ready."""
    wait = readiness(Programs(down=True))
    assert not wait.look()
    wait.hear(envelopes(*(beat(name) for name in PROCESSES[1:]), beat("gateway", "waiting", "IB connection")))
    assert not wait.look()
    assert not wait.look()
    assert wait.waiting == "gateway (IB connection)"
    wait.hear(envelopes(beat("gateway")))
    assert wait.look()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "IB connection" in line] == ["  waiting for gateway (IB connection)"]
    assert lines[-1].startswith("ready after ")


def test_a_program_that_gave_up_ends_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """One that refuses its configuration, or is FATAL, is told at once; one that supervisord starts again is given time."""
    backoff = Program("redis", "BACKOFF", 0, 1, "can't find command 'redis'")
    ended = Program("paper", "EXITED", 0, 1, "")
    wait = readiness(Programs(backoff, ended, Program("idle", "EXITED", 0, 77, "")))
    assert not wait.look()
    assert not wait.look()
    lines = capsys.readouterr().out.splitlines()[:-1]
    assert lines == [
        "  redis is BACKOFF: can't find command 'redis'",
        "  paper exited with 1: see var/log/paper.log",
    ]
    with pytest.raises(Failed, match=r"sizing exited with 78: see var/log/sizing\.log"):
        readiness(Programs(backoff, Program("sizing", "EXITED", 0, 78, ""))).look()


def test_a_supervisord_that_ended_ends_the_wait(child: subprocess.Popen[bytes]) -> None:
    """Its exit code is told."""
    with pytest.raises(Failed, match="supervisord ended with 3"):
        readiness(Programs(), child).look()


def tell(client: Client, *messages: Message) -> tuple[Story, bool]:
    """A story that heard these messages, and whether it is over."""
    story = Story(Life(SIGNAL.id, DELIVERY), client, 0)
    story.hear(envelopes(*messages))
    return story, story.look()


def publish_end(client: Client, status: str = "FILLED") -> None:
    """What dispatch makes readable at the end."""
    client.call("SET", keys.ack(SIGNAL.id), json.dumps({"status": status}))
    lifecycle = {"result": "WIN", "reason": "TARGET", "realized_pnl": 5.0}
    document = {"id": SIGNAL.id, "action_type": "EXIT", "lifecycle": lifecycle}
    client.call("LPUSH", keys.DISTRIBUTION, json.dumps(document))


def test_a_life_is_over_only_when_redis_says_so_too(
    redis_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bus alone is not enough; ack and EXIT are read, and stay."""
    story, over = tell(redis_client, *SENT, *FILLED, *CLOSE)
    assert not over
    publish_end(redis_client)
    assert story.look()
    assert redis_client.call("LLEN", keys.DISTRIBUTION) == 1
    assert "ack FILLED; EXIT WIN by TARGET, realized 5.0 USD" in capsys.readouterr().out


def test_another_ack_is_a_failure(redis_client: Client) -> None:
    """A signal that was closed but acked otherwise has not run its course."""
    publish_end(redis_client, "REJECTED")
    with pytest.raises(Failed, match="says REJECTED, not FILLED"):
        tell(redis_client, *SENT, *FILLED, *CLOSE)


def test_lines_come_in_order_of_time(redis_client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """What another publisher said earlier is told earlier, and what is too young is held."""
    story = Story(Life(SIGNAL.id, DELIVERY), redis_client, 0)
    story.hear(envelopes(SENT[2], at_ns=5_000_000))
    story.hear(envelopes(SENT[0], SENT[1], at_ns=1_000_000))
    story.hear(envelopes(FILLED[0], at_ns=time.monotonic_ns() + 10**12))
    story.look()
    told = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    assert told == ["received", "gated", "sized"]


class Silence:
    """A subscriber that hears nothing."""

    sockets = ()
    deadline_ns = 1 << 62

    def receive(self) -> list[Envelope]:
        return []


def test_waiting_ends_when_the_time_is_over() -> None:
    """False after the given seconds; True as soon as the look says so."""
    silence = cast("Any", Silence())
    assert not until(silence, lambda _: None, lambda: False, 0.1)
    assert until(silence, lambda _: None, lambda: True, 10)


def test_a_demo_that_is_not_sent_late_or_refused_is_a_failure(
    redis_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way not to run its course has a reason of its own."""
    monkeypatch.setattr(run_module, "LIFE_S", 0.1)
    silence = cast("Any", Silence())
    with pytest.raises(Failed, match=r"not within 0 s: received, sent"):
        run_module.tell_life(silence, redis_client)
    for _ in range(10):
        send_demo(redis_client)
    with pytest.raises(Failed, match="not sent: LOCKED"):
        run_module.tell_life(silence, redis_client)


def test_a_second_stack_in_the_same_place_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, and how to stop the first one."""
    monkeypatch.setattr(Stack, "is_up", lambda _: True)
    assert run(settings, once=True) == 1
    assert "`router down` stops it" in capsys.readouterr().err


@pytest.mark.parametrize(("once", "code"), [(True, 1), (False, 0)])
def test_a_run_that_was_to_see_a_whole_life_and_is_interrupted_has_failed(
    once: bool,
    code: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C is how a run that follows the bus ends; for one that ends by itself it is no success."""
    monkeypatch.setattr(Stack, "start_attached", lambda _: subprocess.Popen(["/bin/sleep", "60"]))
    monkeypatch.setattr(run_module, "until", lambda *_: signal.raise_signal(signal.SIGINT))
    assert run(settings, once=once) == code
    assert ("interrupted before" in capsys.readouterr().err) is once


def test_a_run_ends_with_whoever_started_it(settings: Settings) -> None:
    """`make` that is killed takes its run along, which stops the stack in order."""
    child = (
        "import signal, sys\nfrom workers.cli import run\nfrom workers.cli.stack import Stack\n"
        "from conf.settings import load\n"
        "Stack.is_up = lambda _: print('up', flush=True) or signal.pause()\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('told', flush=True)))\n"
        "run.run(load(), once=True, with_parent=True)\n"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    environment = {**os.environ, "ROUTER_HOME": str(settings.root)}
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
        assert process.stdout.readline() == "told\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_interrupt_and_are_put_back(number: signal.Signals) -> None:
    """All three end a run like Ctrl-C; afterwards their handlers are as before."""
    before = signal.getsignal(number)
    with _interruptible(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


class Stuck(Stack):
    """A supervisord that neither answers nor, after SIGTERM, ends."""

    def __init__(self, code: str) -> None:
        self._code = code

    def start_attached(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", self._code], stdout=subprocess.PIPE)

    def stop(self) -> None:
        raise Unreachable("hangs")


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("import time; print(flush=True); time.sleep(60)", -signal.SIGTERM),
        (
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
            -signal.SIGKILL,
        ),
    ],
)
def test_a_supervisord_that_does_not_answer_is_ended(
    code: str, end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First by SIGTERM, then by SIGKILL, so that a run always ends."""
    monkeypatch.setattr(run_module, "KILL_S", 0.2)
    with _interruptible(), _started(Stuck(code)) as child:
        assert child.stdout is not None
        child.stdout.readline()
    assert child.returncode == end
    child.stdout.close()


def test_without_anybody_to_read_it_the_stack_is_stopped_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`router run | head`, or a terminal that was closed: the last line fails too, and must not cost the order."""
    stopped = []
    stack = Stuck("input()")
    monkeypatch.setattr(stack, "stop", lambda: stopped.append(True))
    monkeypatch.setattr(run_module, "KILL_S", 0.1)

    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", gone)
    with _interruptible(), pytest.raises(BrokenPipeError), _started(stack) as child:
        gone()
    assert stopped
    assert child.stdout is not None
    child.stdout.close()


def test_a_redelivered_signal_is_told_once() -> None:
    """A second SignalReceived of the same delivery adds no line."""
    life = Life(SIGNAL.id, DELIVERY)
    received = SignalReceived(DELIVERY, SIGNAL, TICKET, redelivered=True)
    assert len(life.observe(received)) == 1
    assert life.observe(received) == []
