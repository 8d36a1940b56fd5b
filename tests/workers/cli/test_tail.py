"""`router tail` against a publisher that the test plays."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from conf.settings import Settings
from ipc.bus import Context, Journal, Options, Publisher, Responder
from ipc.loop import Loop
from ipc.topics import TOPICS
from router.messages import LinkPhase, LinkState, Quote
from workers.cli.tail import choose, tail


def test_without_names_quotes_and_heartbeats_stay_out() -> None:
    """The default is what happens rarely enough to be read; `all` is all."""
    assert choose([]) == (set(TOPICS) - {"quote", "heartbeat"}, set())
    assert choose(["all"]) == (set(TOPICS), set())


def test_topics_and_messages_can_be_asked_for() -> None:
    """A message brings its topic along and hides its neighbours; a topic shows all of its messages."""
    assert choose(["link"]) == ({"link"}, set())
    assert choose(["ExecutionFill"]) == ({"trade"}, {"ExecutionFill"})
    assert choose(["link", "ExecutionFill"]) == ({"link", "trade"}, {"ExecutionFill", "LinkState"})


def test_an_unknown_name_is_a_usage_error(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and the names there are."""
    assert choose(["trades"]) is None
    assert tail(settings, argparse.Namespace(topics=["trades"], json=False)) == 2
    assert "topics are trade, portfolio, quote" in capsys.readouterr().err


class Tail:
    """A gateway that publishes link states, and a `router tail` that reads them."""

    def __init__(self, settings: Settings, *arguments: str, **env: str) -> None:
        self.context = Context(Options(send_hwm=10))  # so that a slow tail misses something soon
        self.loop = Loop()
        journal = Journal(settings.journal("gateway"), "gateway")
        self.publisher = Publisher(self.context, "gateway", settings.pub("gateway"), journal)
        responder = Responder(
            self.context, settings.cmd("gateway"), lambda _id, _message: None, publisher=self.publisher
        )
        self.loop.attach(responder)
        self.loop.every(0.02, self.publish)
        environment = {**os.environ, "ROUTER_HOME": str(settings.root), **env}
        command = [sys.executable, "-m", "workers.cli", "tail", *arguments]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self._text = b""
        self.loop.attach(self.output.fileno(), self._read)
        self._wanted: Callable[[list[str]], bool] = bool

    @property
    def lines(self) -> list[str]:
        """Whole lines that were printed so far."""
        return self._text.decode().split("\n")[:-1]

    def publish(self, reason: str = "short") -> None:
        """A link state, a quote."""
        self.publisher.publish(LinkState(LinkPhase.READY, reason), Quote(1, "SPY", 1.0, 1.1, 1.0, 1, 1, 0))

    def serve_until(self, wanted: Callable[[list[str]], bool]) -> list[str]:
        """Serve the bus until the lines are as wanted; all lines so far."""
        self._wanted = wanted
        limit = self.loop.after(30, self.loop.stop)
        self.loop.run()
        limit.cancel()
        assert wanted(self.lines), self.lines[-3:]
        return self.lines

    def _read(self) -> None:
        self._text += os.read(self.output.fileno(), 1 << 20)
        if self._wanted(self.lines):
            self.loop.stop()

    def close(self) -> None:
        """End everything."""
        self.process.kill()
        self.process.wait()
        self.output.close()
        self.publisher.close()
        self.context.close()
        self.loop.close()


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., Tail]]:
    """Starts a tail; nothing is left of it."""
    tails: list[Tail] = []

    def start(*arguments: str, **env: str) -> Tail:
        tails.append(Tail(settings, *arguments, **env))
        return tails[-1]

    yield start
    for one in tails:
        one.close()


def test_it_follows_until_ctrl_c(start: Callable[..., Tail]) -> None:
    """Lines come as things happen, without quotes; SIGINT ends it with 0."""
    tail = start()
    lines = tail.serve_until(lambda lines: len(lines) >= 3)
    assert all(" LinkState phase=READY reason=short" in line for line in lines)
    tail.process.send_signal(signal.SIGINT)
    assert tail.process.wait(20) == 0


def test_json_lines_and_a_choice_of_messages(start: Callable[..., Tail]) -> None:
    """--json gives one object a line, a message's name gives only that message."""
    tail = start("--json", "Quote")
    lines = tail.serve_until(lambda lines: len(lines) >= 3)
    assert {json.loads(line)["type"] for line in lines} == {"Quote"}


def test_it_ends_quietly_when_nobody_reads_it(start: Callable[..., Tail]) -> None:
    """`router tail | head` is no error."""
    tail = start()
    tail.serve_until(lambda lines: len(lines) >= 1)
    tail.loop.detach(tail.output.fileno())
    tail.output.close()
    watch = os.pidfd_open(tail.process.pid)
    tail.loop.attach(watch, tail.loop.stop)
    tail.loop.after(20, tail.loop.stop)
    tail.loop.run()
    os.close(watch)
    assert tail.process.wait(1) == 0


def test_a_tail_that_was_too_slow_says_so_and_misses_nothing(start: Callable[..., Tail]) -> None:
    """Stopped while more is published than its queue holds, it tells of the gap and fetches what it missed."""
    tail = start("--json", "link", ROUTER_BUS__TAIL_HWM="1")
    tail.serve_until(lambda lines: len(lines) >= 1)
    tail.process.send_signal(signal.SIGSTOP)
    for _ in range(3_000):
        tail.publish("x" * 1_000)
    tail.process.send_signal(signal.SIGCONT)
    lines = tail.serve_until(lambda lines: any('"gap"' in line for line in lines))
    tail.serve_until(lambda lines: sum('"LinkState"' in line for line in lines) > 3_000)
    gap = next(json.loads(line) for line in lines if '"gap"' in line)
    assert gap["publisher"] == "gateway"
    assert gap["gaps"] >= 1
    numbers = [json.loads(line)["topic_seq"] for line in tail.lines if '"LinkState"' in line]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
