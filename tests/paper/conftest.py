"""The paper gateway as a process of its own, as its users run it."""

import atexit
import functools
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers import wait_for
from tests.nursery import MEASURED, Nursery, Process
from tests.paper.clients.desk import Hand


@dataclass
class RunningGateway:
    """A gateway process, where it listens and where it takes orders from tests."""

    process: Process
    port: int
    ledger: Path
    control: Path

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait()
        self._clean()
        return status

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._clean()

    def _clean(self) -> None:
        shutil.rmtree(self.control.parent, ignore_errors=True)

    def do(self, statements: str) -> object:
        """Have statements of a scenario carried out; returns what was told."""
        hand = Hand(str(self.control))
        try:
            return hand(statements)
        finally:
            hand.close()


@functools.cache
def _nursery() -> Nursery:
    """One for all tests: loading the libraries takes longer than most of them."""
    nursery = Nursery("paper.server", "paper.settings", *(("coverage",) if MEASURED in os.environ else ()))
    atexit.register(nursery.close)
    return nursery


def start_gateway(directory: Path, *options: str, measured: bool = True) -> RunningGateway:
    """Start a gateway on a free port and wait until it says that it listens. Its coverage is that of its own tests: `measured`."""
    ledger = directory / "ledger.jsonl"
    control = Path(tempfile.mkdtemp(prefix="p", dir="/tmp")) / "s"  # short enough for a unix socket
    log = control.with_name("log")
    own = ("--port", "0", "--ledger", str(ledger), "--control", str(control))
    env = {MEASURED: os.environ[MEASURED]} if measured and MEASURED in os.environ else {}
    process = Process(_nursery(), _nursery().start("paper", *own, *options, log=log, env=env))

    def listening() -> re.Match[str] | None:
        status = process.poll()
        said = log.read_text() if log.exists() else ""
        assert status is None, f"the gateway ended with status {status} before it listened: {said}"
        return re.search(r"listening on .*:(\d+) for", said)

    try:
        found = wait_for(listening, "the gateway listens", seconds=30.0, every=0.002)
    except AssertionError:
        process.send_signal(signal.SIGKILL)
        shutil.rmtree(control.parent)
        raise
    return RunningGateway(process, int(found[1]), ledger, control)


Starter = Callable[..., RunningGateway]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts gateways that end with the test."""
    running: list[RunningGateway] = []

    def begin(*options: str) -> RunningGateway:
        running.append(start_gateway(tmp_path, *options))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def gateway(start: Starter) -> RunningGateway:
    """A gateway with its default market."""
    return start()


@pytest.fixture
def still_gateway(start: Starter) -> RunningGateway:
    """A gateway whose market moves by hand only."""
    return start("--market", "still")
