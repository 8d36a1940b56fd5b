"""A stock ib_insync script from its own documentation, as a process of its own, against `python -m paper`."""

import json
import socket
import subprocess
from pathlib import Path

from tests.paper.conftest import Starter
from tests.paper.venvs import client_python

SCRIPT = Path(__file__).parent / "clients" / "documented.py"


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_behaves_as_the_documentation_says(start: Starter, tmp_path: Path) -> None:
    """`python -m paper --port P --seed 1 --script FILE`, and unmodified ib_insync finds what it was told it would."""
    market = tmp_path / "market.faults"
    market.write_text("quote SPY 449.99 450.01 last 450 size 5000\n")
    port = free_port()
    assert start("--port", str(port), "--seed", "1", "--script", str(market)).port == port
    command = [str(client_python("ib_insync")), str(SCRIPT), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    cost = 45001.0 + 1  # a hundred shares at the ask, and the least commission
    assert json.loads(done.stdout) == {
        "accounts": ["DU1234567"],
        "contract": [756733, "ARCA", "SPY"],
        "name": "SPDR S&P 500 ETF TRUST",
        "option": ["100", "SPY"],
        "quote": [449.99, 450.01, 450.0],
        "delta": True,
        "what_if": [22500.0, 1.0],
        "entry": ["Filled", 100.0, ["PendingSubmit", "PreSubmitted"]],
        "fills": [100.0, "USD"],
        "waiting": ["Submitted", "PreSubmitted", "trigger"],
        "cancelled": "Cancelled",
        "modified": 445.0,
        "positions": [["SPY", 100.0, cost / 100]],
        "portfolio": ["SPY", 100.0, 450.0, "DU1234567"],
        "pnl": [45000 - cost, 45000 - cost, 100.0],
        "cash": f"{1_000_000 - cost:.2f}",
    }
