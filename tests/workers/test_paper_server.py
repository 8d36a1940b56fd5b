"""The paper gateway as a program of the stack."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from conf.settings import Settings
from paper.settings import parse
from tests.helpers import wait_for
from workers.guard import NOT_NEEDED
from workers.paper_server import arguments, main


def test_it_steps_aside_for_live_and_for_another_gateway(make_settings: Callable[..., Settings]) -> None:
    """Live mode, or a broker port that a person configured, ends it at once, well."""
    settings = make_settings(BROKER__PORT="4002")
    assert main(settings) == NOT_NEEDED


def test_live_needs_no_paper(make_settings: Callable[..., Settings]) -> None:
    """In live mode it ends at once even when the port comes from a file."""
    settings = make_settings(MODE="live", BROKER__ACCOUNT="U7654321")
    assert main(settings) == NOT_NEEDED


def test_the_paper_gateway_understands_its_command_line(settings: Settings) -> None:
    """Every option that is passed exists, and carries the setting's value."""
    parsed = parse(arguments(settings)[3:])
    assert parsed.account == settings.paper.account
    assert str(parsed.port_file) == settings.broker.port_file
    assert parsed.ledger == settings.paths.var / "paper.ledger"
    assert (parsed.seed, parsed.market, parsed.hours) == (1, "lively", "always")
    assert parsed.cash == Decimal(str(settings.paper.cash))


def test_it_becomes_a_gateway_whose_port_the_settings_find(settings: Settings) -> None:
    """Started as a program it listens on the port that broker_port() reads, and is locked against a second one."""
    env = {**os.environ, "ROUTER_HOME": str(settings.root)}
    command = [sys.executable, "-m", "workers", "paper"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        port = wait_for(settings.broker_port, "the port file is there")
        socket.create_connection((settings.broker.host, port), timeout=5).close()
        refused = subprocess.run(command, env=env, capture_output=True, check=False)
        assert refused.returncode == 75
        process.terminate()
        assert process.wait(10) == 0
    assert Path(settings.broker.port_file).stat().st_mode & 0o077 == 0
