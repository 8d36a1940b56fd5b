"""The paper gateway as a process of its own, as its users run it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class RunningGateway:
    """A gateway process and where it listens."""

    process: "subprocess.Popen[str]"
    port: int
    ledger: Path

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=10)


def start_gateway(directory: Path, *options: str) -> RunningGateway:
    """Start a gateway on a free port and wait until it says that it listens."""
    ledger = directory / "ledger.jsonl"
    command = [sys.executable, "-m", "paper", "--port", "0", "--ledger", str(ledger), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on .*:(\d+) for", line):
            return RunningGateway(process, int(found[1]), ledger)
    raise AssertionError(f"the gateway ended with status {process.wait()} before it listened")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway with its default market."""
    running = start_gateway(tmp_path)
    try:
        yield running
    finally:
        running.stop()
        assert running.process.stderr is not None
        running.process.stderr.close()
