"""Either library, on either loop: the same tests."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.helpers import PROJECT
from workers.gateway.library import LIBRARY

HERE = Path(__file__).parent
PINS = PROJECT / "constraints.txt"
WANTED = HERE / "ib_async.txt"
HOME = PROJECT / ".venvs" / "gateway_ib_async"
STORIES = [
    "test_link.py",
    "test_session.py",
    "test_commands.py",
    "test_contracts.py",
    "test_open_order.py",
    "test_library.py",
]


def ib_async_python() -> Path:
    """The interpreter of an environment with ib_async, made when it is not there with these pins."""
    python, ready = HOME / "bin" / "python", HOME / ".ready"
    contents = WANTED.read_text() + PINS.read_text()
    if not ready.exists() or ready.read_text() != contents:
        venv.create(HOME, clear=True, with_pip=True)
        quiet = ("--quiet", "--disable-pip-version-check")
        subprocess.run([python, "-m", "pip", "install", *quiet, "-r", WANTED, "-c", PINS], check=True)
        ready.write_text(contents)
    return python


def gateway_tests(python: Path, *options: str) -> str:
    """Run the tests of link, session and commands with another interpreter or loop; what they print."""
    files = [str(HERE / story) for story in STORIES]
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "not on_uvloop and not on_ib_async",
    ]
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        [*command, *options, *files], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_library_is_the_one_that_is_installed() -> None:
    """ib_async where it is there, else ib_insync; never both."""
    assert ("ib_async" in sys.modules) == (LIBRARY == "ib_async")
    assert ("ib_insync" in sys.modules) == (LIBRARY == "ib_insync")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_same_tests_pass_on_ib_async(loop: str) -> None:
    """In an environment of its own, where ib_insync is not installed, on the loop of the standard library and uvloop."""
    plugin = ["-p", "tests.workers.gateway.on_uvloop"] if loop == "uvloop" else []
    assert " passed" in gateway_tests(ib_async_python(), *plugin)


@pytest.mark.timeout(300)
def test_the_same_tests_pass_on_uvloop() -> None:
    """With ib_insync, whose habit of asking for the policy's loop is the trap here."""
    assert " passed" in gateway_tests(Path(sys.executable), "-p", "tests.workers.gateway.on_uvloop")
