"""Kill points: nothing where nothing is armed, SIGKILL at the armed place, every name used in the code."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.helpers import PROJECT
from workers.killpoint import POINTS, VARIABLE, kill_point

PASSING = "from workers.killpoint import kill_point\nfor _ in range(2): kill_point('gateway.write.leg')\nprint('alive')"


def passing(armed: str) -> subprocess.CompletedProcess[str]:
    """A process that comes to a kill point twice."""
    env = {VARIABLE: armed, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", PASSING]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_the_list_is_what_the_code_has() -> None:
    """A storm over the list is a storm over every kill point there is."""
    sources = [
        path.read_text() for path in (PROJECT / "workers").rglob("*.py") if path.name != "killpoint.py"
    ]
    used = re.findall(r'kill_point\("([a-z_.]+)"\)', "\n".join(sources))
    assert sorted(used) == sorted(POINTS)


def test_nothing_is_armed_here() -> None:
    """Without the variable a kill point is passed."""
    kill_point("gateway.write.leg")


@pytest.mark.parametrize(
    ("armed", "code", "said"),
    [
        ("", 0, "alive\n"),
        ("gateway.write.leg", -9, ""),
        ("gateway.write.leg:2", -9, ""),
        ("gateway.write.leg:3", 0, "alive\n"),
        ("gateway.write.before", 0, "alive\n"),
    ],
)
def test_it_kills_where_and_when_it_is_told(armed: str, code: int, said: str) -> None:
    """At the named place, at the time counted, and nowhere else."""
    done = passing(armed)
    assert (done.returncode, done.stdout) == (code, said)


def test_an_unknown_place_is_refused() -> None:
    """A storm must not wait for a place that is never reached."""
    done = passing("gateway.wirte.leg")
    assert done.returncode == 1
    assert "no such kill point" in done.stderr
