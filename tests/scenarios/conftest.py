"""One stack for all scenarios of an order's life: starting it costs more than any of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.gaps import Gap, gaps
from tests.scenarios.stack import Stack

_REPAIRS: list[Gap] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long what was held was not protected as it was held."""
    for what, bare in (("too little", True), ("too much", False)):
        times = sorted(gap.seconds for gap in _REPAIRS if gap.bare is bare and gap.seconds)
        if times:
            middle, last = times[len(times) // 2], times[-1]
            said = f"stops {what}, mended {len(times)} times: median {middle:.3f} s, longest {last:.3f} s"
            terminalreporter.write_line(said)


@pytest.fixture(scope="package")
def _stack() -> Iterator[Stack]:
    root = Path(tempfile.mkdtemp(prefix="o", dir="/tmp"))
    made = Stack(root)
    with made:
        yield made
        _REPAIRS.extend(gap for gap in gaps(made.journal("gateway")) if gap.strike not in made.unguarded)
    shutil.rmtree(root)


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """The stack, flat; afterwards no orderRef has had two orders."""
    yield _stack
    assert _stack.twins() == _stack.known_twins
    _stack.flat()
