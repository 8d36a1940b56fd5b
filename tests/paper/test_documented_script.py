"""A stock ib_insync script from its own documentation, as a process of its own, against `python -m paper`."""

import json
import socket
import subprocess
from pathlib import Path

from tests.paper.conftest import Starter
from tests.paper.venvs import client_python

SCRIPTS = Path(__file__).parent / "clients"


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(script: str, port: int) -> object:
    """What a script of unmodified ib_insync prints."""
    command = [str(client_python("ib_insync")), str(SCRIPTS / script), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_behaves_as_the_documentation_says(start: Starter, tmp_path: Path) -> None:
    """`python -m paper --port P --seed 1 --script FILE`, and unmodified ib_insync finds what it was told it would."""
    market = tmp_path / "market.faults"
    market.write_text("quote SPY 449.99 450.01 last 450 size 5000\n")
    port = free_port()
    assert start("--port", str(port), "--seed", "1", "--script", str(market)).port == port
    cost = 45001.0 + 1  # a hundred shares at the ask, and the least commission
    assert run("documented.py", port) == {
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


def test_notebooks_work_as_they_are(start: Starter) -> None:
    """Everything the notebooks of ib_insync ask for is answered, and with what they expect; nothing hangs."""
    assert run("notebooks.py", start("--market", "lively").port) == {
        "contract_details": {"counts": [1, 1, 0, 1], "qualified": 3, "matched": True},
        "bar_data": {"head": True, "hours": True, "kept": True, "updated": True, "five seconds": True},
        "tick_data": {"spread": True, "past": 1000},
        "market_depth": {"levels": [5, 5], "exchanges": 6},
        "scanners": {"all": True, "cheap": ["INTC", "VXX"], "futures": 0, "codes": True},
        "ordering": {"cancelled": "Cancelled", "filled": ["Filled", 20000.0, "IDEALPRO"], "cost": 2.0},
    }
