"""Either library, on either loop: the same tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import PROJECT
from tests.nursery import MEASURED
from tests.paper.venvs import environment
from workers.gateway.library import LIBRARY, deferring

HERE = Path(__file__).parent
PINS = PROJECT / "constraints.txt"
WANTED = HERE / "ib_async.txt"
HOME = PROJECT / ".venvs" / "gateway_ib_async"
ON_UVLOOP = ("-p", "tests.workers.gateway.on_uvloop")
STORIES = [
    "test_link*.py",
    "test_session*.py",
    "test_commands*.py",
    "test_contracts*.py",
    "test_open_order.py",
    "test_library.py",
]


def ib_async_python() -> Path:
    """The interpreter of an environment with ib_async, made when it is not there with these pins."""
    return environment(HOME, WANTED, PINS)


class Run:
    """The tests of link, session and commands with another interpreter or loop.

    Without measuring their coverage: it would be that of the same tests.
    """

    def __init__(self, log: Path, python: Path, *options: str) -> None:
        files = [str(path) for story in STORIES for path in sorted(HERE.glob(story))]
        quiet = ("-q", "-p", "no:cacheprovider", "-k", "not on_uvloop and not on_ib_async")
        unmeasured = {name: text for name, text in os.environ.items() if name != MEASURED}
        self._log = log
        with log.open("w") as said:
            self.process = subprocess.Popen(
                [python, "-m", "pytest", *quiet, *options, *files],
                cwd=PROJECT,
                env=unmeasured,
                stdout=said,
                stderr=said,
            )

    def passes(self) -> None:
        """Wait for its end, which must be a good one."""
        status = self.process.wait()
        said = self._log.read_text()
        assert status == 0, said
        assert " passed" in said


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All of them side by side, since each waits most of the time; none is left running."""
    logs = tmp_path_factory.mktemp("runs")
    started = {"ib_insync, uvloop": Run(logs / "1", Path(sys.executable), *ON_UVLOOP)}
    try:
        python = ib_async_python()
        started["ib_async, asyncio"] = Run(logs / "2", python)
        started["ib_async, uvloop"] = Run(logs / "3", python, *ON_UVLOOP)
        yield started
    finally:
        for one in started.values():
            one.process.kill()
            one.process.wait()


def test_the_library_is_the_one_that_is_installed() -> None:
    """ib_async where it is there, else ib_insync; never both."""
    assert ("ib_async" in sys.modules) == (LIBRARY == "ib_async")
    assert ("ib_insync" in sys.modules) == (LIBRARY == "ib_insync")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_same_tests_pass_on_ib_async(runs: dict[str, Run], loop: str) -> None:
    """In an environment of its own, where ib_insync is not installed, on the loop of the standard library and uvloop."""
    runs[f"ib_async, {loop}"].passes()


@pytest.mark.timeout(300)
def test_the_same_tests_pass_on_uvloop(runs: dict[str, Run]) -> None:
    """With ib_insync, whose habit of asking for the policy's loop is the trap here."""
    runs["ib_insync, uvloop"].passes()


def test_numpy_is_loaded_by_whoever_first_uses_it() -> None:
    """A gateway starts without it; the library's operators have it all the same, and so has whoever imports it."""
    story = (
        "import sys, workers.gateway.library;"
        "assert not any(name.startswith('numpy') for name in sys.modules), 'loaded with the library';"
        "from eventkit import Sequence;"
        "assert Sequence([1, 3]).array(2).mean().run()[-1] == 2;"
        "assert 'numpy.linalg' in sys.modules;"
        "import numpy;"
        "assert type(numpy) is type(sys) and numpy.asarray([1]).size == 1"
    )
    subprocess.run([sys.executable, "-c", story], cwd=PROJECT, check=True)


def test_what_is_imported_already_is_not_deferred() -> None:
    """It is what it was, inside and afterwards."""
    with deferring("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json


def test_a_deferred_module_is_found_where_it_is_missed() -> None:
    """Nothing is left behind, and a module that is not installed is an error of the use."""
    with deferring("no_such_module"):
        held = sys.modules["no_such_module"]
    assert "no_such_module" not in sys.modules
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        held.anything  # noqa: B018  # the use
