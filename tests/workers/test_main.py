"""`python -m workers <name>`: what its exit codes say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import make_root
from workers.__main__ import EXIT_CONFIG, MODULES, STARTSECS, linger, main
from workers.guard import NOT_NEEDED


@pytest.fixture
def root(short_dir: Path) -> Path:
    """A project root of its own."""
    return make_root(short_dir)


def start(root: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = [sys.executable, "-m", "workers", *arguments]
    environment = {**os.environ, "ROUTER_HOME": str(root), **env}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("arguments", [(), ("unknown",), ("redis", "paper")])
def test_a_wrong_name_is_a_usage_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and the names there are."""
    assert main(list(arguments)) == 2
    assert "redis,paper,gateway,sizing,submission,dispatch,monitor" in capsys.readouterr().err


@pytest.mark.parametrize("role", MODULES)
def test_a_refused_configuration_is_one_clear_line_and_exit_78(root: Path, role: str) -> None:
    """No process starts on a setting it does not understand; the line names variable, section, key and value."""
    done = start(root, role, ROUTER_RISK__MAX_POSITION="7")
    assert done.returncode == EXIT_CONFIG
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert said["process"] == role
    assert said["problem"] == (
        "ROUTER_RISK__MAX_POSITION: unknown key [risk] max_position; did you mean max_positions?"
    )


def test_what_is_not_needed_ends_well(root: Path) -> None:
    """Redis steps aside for a configured one with the exit code for it."""
    assert start(root, "redis", ROUTER_REDIS__URL="redis://redis.example").returncode == NOT_NEEDED


def test_a_process_that_ends_on_purpose_waits_until_supervisord_counts_it_as_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under supervisord, exits 77 and 78 come after startsecs; failures, and runs by hand, end at once."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.delenv("SUPERVISOR_ENABLED", raising=False)
    linger(EXIT_CONFIG, time.monotonic())
    monkeypatch.setenv("SUPERVISOR_ENABLED", "1")
    linger(1, time.monotonic())
    linger(0, time.monotonic())
    assert slept == []
    linger(EXIT_CONFIG, time.monotonic())
    linger(NOT_NEEDED, time.monotonic() - 100)
    assert STARTSECS < slept[0] <= STARTSECS + 0.5
    assert slept[1] == 0
