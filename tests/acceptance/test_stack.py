"""The whole stack as a user runs it: real supervisord, real Redis, the paper gateway; nothing is left of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conf.settings import load
from tests.helpers import make_root, wait_for
from tests.nursery import MEASURED
from workers.cli.health import Exit
from workers.cli.stack import Program, Stack
from workers.cli.status import judge
from workers.store.client import Client, connect
from workers.store.producer import ack_of, exit_of

ROUTER = [sys.executable, "-m", "workers.cli"]
WELL_S = 60.0  # for a stack to become well
LIFE_S = 90.0  # for a demo signal to run its course
STAGES = (
    "received",
    "gated",
    "sized",
    "sent",
    "acknowledged",
    "filled",
    "protected",
    "published",
    "in Redis",
)


class Desk:
    """One project root with its stack, and the commands a user has.

    The coverage of one stack is measured: that of the others is the same, and they start in half the time without.
    """

    def __init__(self, root: Path, *, measured: bool = False) -> None:
        self.root = make_root(root)
        (root / ".venv").symlink_to(sys.prefix)
        inherited = {name: text for name, text in os.environ.items() if measured or name != MEASURED}
        self.env = inherited | {"ROUTER_HOME": str(root)}
        self.stack = Stack(root)

    def router(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [*ROUTER, *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=150
        )

    def supervise(self) -> None:
        """Start supervisord by itself."""
        for name in ("run", "log"):
            (self.root / "var" / name).mkdir(mode=0o700, parents=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.root / "supervisord.conf")]
        subprocess.run(command, env=self.env, check=True, timeout=30)

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command and leave it running; a test that fails meanwhile, by its timeout too, kills it."""
        with subprocess.Popen(
            [*ROUTER, *arguments], env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()  # Popen would wait for its end
                raise

    def redis(self) -> Client:
        """A client of the stack's Redis."""
        return connect(load(self.root, {}).redis_url, name="test")

    def processes(self) -> list[int]:
        """Every process that was started in this root: they all carry its name in their environment."""
        mark = f"ROUTER_HOME={self.root}".encode()
        found = []
        for directory in Path("/proc").iterdir():
            try:
                if directory.name.isdecimal() and mark in (directory / "environ").read_bytes().split(b"\0"):
                    found.append(int(directory.name))
            except OSError:
                continue  # it has ended, or is not ours
        return found

    def is_well(self) -> bool:
        """Whether `router status` would say so."""
        return judge(load(self.root, {"ROUTER_HOME": str(self.root)}))[0] is Exit.OK

    def runs_again(self, before: Program) -> bool:
        """Whether a program runs as another process than before."""
        now = next(program for program in self.stack.programs() if program.name == before.name)
        return now.state == "RUNNING" and now.pid != before.pid

    def live_through(self, client: Client) -> dict[str, Any]:
        """Send a demo signal and wait for its EXIT; it must be acked FILLED."""
        signal_id = self.router("signal", "send", "--demo").stdout.strip()
        ended = wait_for(
            lambda: exit_of(client, signal_id), f"EXIT of {signal_id}", seconds=LIFE_S, every=0.1
        )
        ack = ack_of(client, signal_id)
        assert ack is not None
        assert ack["status"] == "FILLED"
        return ended


@contextmanager
def a_desk(*, measured: bool = False) -> Iterator[Desk]:
    """A root with nothing running, and a space in its name, as anybody's may have.

    Whatever is left running in it is killed and counts as a failure.
    """
    desk = Desk(Path(tempfile.mkdtemp(prefix="r ", dir="/tmp")), measured=measured)
    yield desk
    if desk.stack.is_up():
        desk.stack.stop()
    left = desk.processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(desk.root)
    assert not left, f"still running: {left}"


@pytest.fixture
def desk() -> Iterator[Desk]:
    """One for this test."""
    with a_desk() as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[Desk]:
    """One whose stack was started by supervisord alone and is well; `router down` ends all of it."""
    with a_desk() as made:
        made.supervise()
        wait_for(made.is_well, "the stack is well", seconds=WELL_S, every=0.1)
        yield made
        assert made.router("down").returncode == 0
        assert made.processes() == []


@pytest.mark.timeout(240)
def test_one_command_shows_a_whole_life_and_leaves_nothing() -> None:
    """`router run --once` tells every stage in order of time, ends with 0, and no process outlives it."""
    with a_desk(measured=True) as desk:
        done = desk.router("run", "--once")
        assert done.returncode == 0, done.stdout + done.stderr
        assert desk.processes() == []
    told = [line.split(" ms  ") for line in done.stdout.splitlines() if " ms  " in line]
    times = [float(at) for at, _ in told]
    assert times == sorted(times)
    stages = [re.split(r"\s{2,}", text)[0] for _, text in told]
    assert [stage for stage in STAGES if stage not in stages] == []
    assert {"target hit", "stopped out"} & set(stages)


@pytest.mark.timeout(240)
def test_a_running_stack_answers_and_is_followed(running: Desk) -> None:
    """Started by supervisord alone: status is well, every program RUNNING, tail shows a signal's life."""
    desk = running
    assert desk.router("status").returncode == 0
    assert {program.state for program in desk.stack.programs()} == {"RUNNING"}
    status = json.loads(desk.router("status", "--json").stdout)
    assert (status["state"], status["link"]["phase"], len(status["programs"])) == ("ok", "READY", 7)
    assert desk.router("run", "--once").returncode == 1  # a second stack here would double everything
    client = desk.redis()
    with desk.start("tail", "--json", "decision", "egress") as tail:
        assert tail.stdout is not None
        ended = desk.live_through(client)
        kinds: set[str] = set()
        for line in tail.stdout:
            message = json.loads(line)
            kinds.add(message["type"])
            if message["type"] == "Published" and message["data"]["kind"] == "EXIT":
                break
        tail.send_signal(signal.SIGINT)
    assert "Published" in kinds
    assert ended["action_type"] == "EXIT"
    client.close()


@pytest.mark.timeout(300)
def test_kill_9_of_each_process_in_turn_costs_nothing(running: Desk) -> None:
    """One after the other is killed and comes back by itself; afterwards a signal runs its whole course."""
    desk = running
    for program in desk.stack.programs():
        os.kill(program.pid, signal.SIGKILL)
        wait_for(partial(desk.runs_again, program), f"{program.name} runs again", seconds=WELL_S)
        wait_for(desk.is_well, f"well after kill -9 of {program.name}", seconds=WELL_S, every=0.1)
    client = desk.redis()
    desk.live_through(client)
    client.close()


@pytest.mark.timeout(120)
def test_bad_signals_are_refused_kept_aside_and_hold_nothing_up(running: Desk) -> None:
    """Not JSON, NaN, an unknown symbol, an old one: each has a reason in the dead letters or the ack; the next one flows."""
    client = running.redis()
    old = {"id": "old1", "symbol": "SPY", "strategy": "0dte", "side": "LONG", "confidence": 94, "ts": 1}
    option = {"type": "option", "right": "C", "expiry": "20991231", "strike": 450}
    bad = {
        "not json": "payload",
        json.dumps({**old, "id": "nan1", "ts": 1, "contract": {**option, "strike": float("nan")}}): "strike",
        json.dumps({**old, "id": "sym1", "symbol": "SPY;", "contract": option}): "symbol",
    }
    for payload in bad:
        client.call("LPUSH", "signals:execution:SPY", payload)
    client.call("LPUSH", "signals:execution:SPY", json.dumps({**old, "contract": option}))
    assert wait_for(lambda: ack_of(client, "old1"), "the old one is acked", seconds=20)["status"] == "STALE"
    assert wait_for(lambda: ack_of(client, "nan1"), "the NaN is acked")["status"] == "REJECTED"
    letters = [raw.decode() for raw in client.call("LRANGE", "signals:dead_letter", 0, -1)]
    for field in bad.values():
        assert any(field in letter for letter in letters), letters
    assert client.call("HLEN", "router:ingress:taken") == 0
    client.close()


@pytest.mark.timeout(120)
def test_a_refused_configuration_ends_every_process_once(desk: Desk) -> None:
    """Exit 78, one clear line in each log, no restart loop; the command refuses too."""
    desk.env["ROUTER_RISK__MAX_POSITION"] = "7"
    desk.supervise()
    wait_for(
        lambda: all(program.state == "EXITED" for program in desk.stack.programs()),
        "every program has ended",
        seconds=30,
    )
    assert {program.exit_status for program in desk.stack.programs()} == {78}
    for log in (desk.root / "var/log").glob("*.log"):
        if log.name != "supervisord.log":
            (line,) = log.read_text().splitlines()
            assert "did you mean max_positions?" in line
    assert desk.router("status").returncode == 78


@pytest.mark.timeout(120)
def test_without_a_gateway_everything_waits_and_says_so(desk: Desk) -> None:
    """A broker port that nobody serves: paper steps aside, status is degraded and names the connection, the signal waits."""
    (desk.root / "conf/profiles/paper.toml").write_text('mode = "paper"\n[broker]\nport = 1\n')
    assert desk.stack.is_up() is False

    def waits() -> bool:
        told = desk.router("status", "--json").stdout  # empty as long as nothing runs
        problems = json.loads(told)["problems"] if told else []
        return any(problem.startswith("sizing waits for IB connection") for problem in problems)

    with desk.start("up") as up:
        wait_for(waits, "sizing waits for the connection", seconds=WELL_S, every=0.5)
        up.terminate()
    sent = desk.router("signal", "send", "--demo")
    assert sent.returncode == 0
    told = desk.router("status", "--json")
    status = json.loads(told.stdout)
    assert (told.returncode, status["state"]) == (1, "degraded")
    assert {p["name"]: p["state"] for p in status["programs"]}["paper"] == "EXITED"
    client = desk.redis()
    assert client.call("LLEN", "signals:execution:SPY") == 1
    client.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_however_a_run_ends_nothing_is_left(desk: Desk, number: signal.Signals) -> None:
    """Ctrl-C stops in order with 0; after kill -9 the kernel and supervisord see to it."""
    with desk.start("run") as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "received" in line:
                break
        run.send_signal(number)
        run.stdout.read()
    assert run.returncode == (0 if number is signal.SIGINT else -signal.SIGKILL)
    wait_for(lambda: not desk.processes(), "every process is gone", seconds=30)
