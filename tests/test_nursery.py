"""Processes that are forked from one with the libraries loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import wait_for
from tests.nursery import Nursery

ENDLESS = ("http.server", "--bind", "127.0.0.1", "0")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """One without libraries."""
    made = Nursery()
    yield made
    made.close()


def ended(nursery: Nursery, pid: int) -> int:
    """The exit status of a process, once it has ended."""

    def look() -> bool:
        nursery.listen()
        return pid in nursery.ended

    wait_for(look, "it has ended")
    return nursery.ended[pid]


def test_a_module_runs_with_its_arguments_its_output_and_its_status(nursery: Nursery, tmp_path: Path) -> None:
    """As `python -m` would have run it."""
    log = tmp_path / "log"
    assert ended(nursery, nursery.start("json.tool", "--no-such-option", log=log)) == 2
    assert "unrecognized arguments: --no-such-option" in log.read_text()


def test_its_environment_is_the_nurserys_and_what_is_given(nursery: Nursery, tmp_path: Path) -> None:
    """What is given wins, and is given to that process alone."""
    pids = [
        nursery.start("site", log=tmp_path / "own", env={"HOME": "/nowhere"}),
        nursery.start("site", log=tmp_path / "usual"),
    ]
    assert [ended(nursery, pid) for pid in pids] == [0, 0]
    assert "'/nowhere/.local" in (tmp_path / "own").read_text()
    assert "/nowhere" not in (tmp_path / "usual").read_text()


def test_a_kill_is_told_as_such(nursery: Nursery, tmp_path: Path) -> None:
    """The status is the signal's number, negative."""
    pid = nursery.start(*ENDLESS, log=tmp_path / "log")
    assert nursery.listen() == []
    os.kill(pid, signal.SIGKILL)
    assert ended(nursery, pid) == -signal.SIGKILL


def test_all_die_with_it(tmp_path: Path) -> None:
    """Nothing is left running when it is closed."""
    nursery = Nursery()
    pids = [nursery.start(*ENDLESS, log=tmp_path / "log") for _ in range(2)]
    nursery.close()
    wait_for(lambda: not any(runs(pid) for pid in pids), "they are gone")


def runs(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
