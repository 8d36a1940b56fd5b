"""`router tail` against a publisher that the test plays."""

from __future__ import annotations

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
from router.messages import LinkPhase, LinkState, Quote
from workers.cli.__main__ import main


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

    def interrupt(self) -> int:
        """Ctrl-C; the exit code once all output was read."""
        self.process.send_signal(signal.SIGINT)
        self.loop.detach(self.output.fileno())
        self._text += self.output.read()
        return self.process.wait(20)

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
    assert tail.interrupt() == 0


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


def test_quotes_that_never_came_are_counted(start: Callable[..., Tail]) -> None:
    """They are in no journal: a tail that was too slow for them says how many it missed, and goes on."""
    tail = start("--json", "Quote", ROUTER_BUS__TAIL_HWM="1")
    tail.serve_until(lambda lines: len(lines) >= 1)
    tail.process.send_signal(signal.SIGSTOP)
    for _ in range(20_000):
        tail.publish()
    tail.process.send_signal(signal.SIGCONT)

    def missed(
        lines: list[str],
    ) -> int:  # 0 in a line that came between the gap and the answer that nobody has it
        return max((json.loads(line)["missed"] for line in lines if '"gap"' in line), default=0)

    lines = tail.serve_until(lambda lines: missed(lines) > 0)
    numbers = [json.loads(line)["topic_seq"] for line in lines if '"Quote"' in line]
    assert missed(lines) <= 20_000
    assert numbers == sorted(set(numbers))


def test_latency_is_told_with_each_message(start: Callable[..., Tail]) -> None:
    """Quotes say when they were received (never, here), all say how long they took from the bus."""
    tail = start("--json", "--latency", "Quote")
    lines = tail.serve_until(lambda lines: len(lines) >= 1)
    delays = json.loads(lines[0])["latency_us"]
    assert delays["received_to_published"] is None
    assert delays["published_to_heard"] > 0


def test_statistics_take_the_place_of_messages(start: Callable[..., Tail]) -> None:
    """Counts and rates by topic and type, and what was missed, again and again, and once more at the end."""
    tail = start("--json", "--stats", "all")
    lines = tail.serve_until(lambda lines: len(lines) >= 2)
    assert tail.interrupt() == 0
    first, second, last = (json.loads(line) for line in (*lines[:2], tail.lines[-1]))
    assert [(row["topic"], row["type"]) for row in last["counts"]] == [
        ("link", "LinkState"),
        ("quote", "Quote"),
    ]
    assert 0 < first["counts"][0]["count"] < second["counts"][0]["count"] <= last["counts"][0]["count"]
    assert second["counts"][0]["per_s"] > 0
    missed = {row["publisher"]: row for row in last["missed"]}
    assert missed["gateway"].keys() == {"type", "publisher", *MISSED}
    assert missed["sizing"] == {"type": "gap", "publisher": "sizing", **dict.fromkeys(MISSED, 0)}


def test_a_terminal_gets_colours_unless_no_color(settings: Settings) -> None:
    """On a pseudo terminal lines are coloured; with NO_COLOR they are not."""
    fill_journal(settings)
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = os.openpty()
        env = {**os.environ, "ROUTER_HOME": str(settings.root), "TERM": "xterm"}
        env.pop("NO_COLOR", None)
        command = [sys.executable, "-m", "workers.cli", "tail", "-n", "1"]
        subprocess.run(command, env=env | environment, stdout=theirs, check=True, timeout=30)
        os.close(theirs)
        assert (b"\x1b[33m" in os.read(ours, 1 << 16)) is coloured
        os.close(ours)


# ---------------------------------------------------------------- the past

MISSED = ("gaps", "missed", "dropped", "late", "restarts", "resets")


def fill_journal(settings: Settings, count: int = 3) -> None:
    """A gateway's journal with link states 1, 2, ...; nobody writes it any more."""
    with Context() as context:
        journal = Journal(settings.journal("gateway"), "gateway")
        publisher = Publisher(context, "gateway", settings.pub("gateway"), journal)
        for number in range(1, count + 1):
            publisher.publish(LinkState(LinkPhase.READY, str(number)))
        publisher.close()


@pytest.fixture
def router(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command in a root of its own."""
    monkeypatch.setenv("ROUTER_HOME", str(settings.root))
    return lambda *arguments: main(["tail", *arguments])


def test_the_past_is_read_without_a_publisher(
    settings: Settings, router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """--since, --until, -n and --where choose from the journals; exit 0."""
    fill_journal(settings)

    def reasons(*arguments: str) -> list[str]:
        assert router("--json", *arguments) == 0
        return [json.loads(line)["data"]["reason"] for line in capsys.readouterr().out.splitlines()]

    assert reasons("--since", "10m") == ["1", "2", "3"]
    assert reasons("--since", "2000-01-01", "--until", "1h") == []
    assert reasons("-n", "2") == ["2", "3"]
    assert reasons("-n", "9") == ["1", "2", "3"]
    assert reasons("-n", "1", "--since", "1m") == ["3"]
    assert reasons("--since", "10m", "--where", "reason=2", "--where", "publisher=gateway") == ["2"]
    assert reasons("--since", "10m", "trade") == []


def test_the_past_in_other_formats(
    settings: Settings, router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Raw is the bus's own array; statistics of the past end with their table."""
    fill_journal(settings)
    assert router("-n", "1", "--format", "raw") == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields[0], fields[2:5], fields[7][:3]) == ("gateway", [3, "link", 3], ["LinkState", "READY", "3"])
    assert router("--since", "1h", "--stats") == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["TOPIC", "MESSAGE", "COUNT", "PER", "S"]
    assert row.split()[:3] == ["link", "LinkState", "3"]


def test_what_makes_no_sense_is_exit_2(
    router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what was wrong; -n below 1 is argparse's."""
    for arguments, problem in (
        (("trades",), "trades: topics are trade, portfolio, quote"),
        (("--where", "reason"), "--where reason: not of the form"),
        (("--since", "soon"), "--since soon: neither"),
        (("--until", "1m", "--follow"), "--until and --follow contradict"),
        (("quote", "--since", "1m"), "quote: in no journal"),
    ):
        assert router(*arguments) == 2
        assert problem in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        router("-n", "0")
    assert caught.value.code == 2


def test_following_needs_somebody_to_follow(settings: Settings, router: Callable[..., int]) -> None:
    """Exit 3, whatever the journals hold."""
    fill_journal(settings)
    assert router("--since", "10m", "--follow") == 3


def test_a_damaged_journal_is_said_and_exit_1(
    settings: Settings, router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is intact is shown all the same."""
    fill_journal(settings)
    (segment,) = settings.journal("gateway").glob("*.journal")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) * 2 // 3] ^= 0xFF
    segment.write_bytes(raw)
    assert router("--since", "10m") == 1
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2
    assert "hold no intact record: see `router journal verify`" in told.err


# ---------------------------------------------------------------- from the past on


def publisher_of(settings: Settings) -> subprocess.Popen[bytes]:
    """A gateway in a process of its own that publishes until it is killed."""
    command = [sys.executable, "-m", "tests.workers.cli.publisher", str(settings.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_from_the_journal_on_over_a_restart_of_the_publisher_without_a_gap(settings: Settings) -> None:
    """Journal, live, SIGKILL, live again: every message once and in order, and the restart is told."""
    fill_journal(settings)
    publisher = publisher_of(settings)
    environment = {**os.environ, "ROUTER_HOME": str(settings.root)}
    command = [sys.executable, "-m", "workers.cli", "tail", "link", "--json", "--latency"]
    command += ["--since", "10m", "--follow"]
    tail = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert tail.stdout is not None
    try:
        numbers: list[int] = []
        heard = killed_at = restarts = 0
        for raw in tail.stdout:
            line = json.loads(raw)
            if line["type"] == "gap":
                restarts = line["restarts"]
                continue
            numbers.append(line["topic_seq"])
            heard += line["latency_us"]["published_to_heard"] is not None  # no more from the journal
            if not killed_at and heard > 300:
                publisher.kill()
                publisher.communicate()
                publisher = publisher_of(settings)
                killed_at = len(numbers)
            if restarts and len(numbers) > killed_at + 300:
                break
        assert heard < len(numbers)
        assert numbers == list(range(1, len(numbers) + 1))
        assert restarts == 1
    finally:
        for process in (tail, publisher):
            process.kill()
            process.communicate()
