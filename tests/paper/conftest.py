"""The paper gateway as a process of its own, as its users run it."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.paper.clients.desk import Hand


@dataclass
class RunningGateway:
    """A gateway process, where it listens and where it takes orders from tests."""

    process: "subprocess.Popen[str]"
    port: int
    ledger: Path
    control: Path

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=10)
        self._clean()
        return status

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait()
        self._clean()

    def _clean(self) -> None:
        assert self.process.stderr is not None
        self.process.stderr.close()
        shutil.rmtree(self.control.parent, ignore_errors=True)

    def do(self, statements: str) -> object:
        """Have statements of a scenario carried out; returns what was told."""
        hand = Hand(str(self.control))
        try:
            return hand(statements)
        finally:
            hand.close()


def start_gateway(directory: Path, *options: str) -> RunningGateway:
    """Start a gateway on a free port and wait until it says that it listens."""
    ledger = directory / "ledger.jsonl"
    control = Path(tempfile.mkdtemp(prefix="p", dir="/tmp")) / "s"  # short enough for a unix socket
    command = [
        sys.executable,
        "-m",
        "paper",
        "--port",
        "0",
        "--ledger",
        str(ledger),
        "--control",
        str(control),
    ]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"listening on .*:(\d+) for", line):
            return RunningGateway(process, int(found[1]), ledger, control)
    process.stderr.close()
    shutil.rmtree(control.parent)
    raise AssertionError(
        f"the gateway ended with status {process.wait()} before it listened: {''.join(said)}"
    )


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
