"""Helpers of the tests: waiting with a deadline, a project root of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PROJECT = Path(__file__).parent.parent
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, *, seconds: float = 10.0, every: float = 0.01) -> T:
    """The first true value of `look`; fails the test naming `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(every)


def make_root(path: Path) -> Path:
    """A project root of its own: the real configuration and supervisord.conf, an empty var."""
    shutil.copytree(PROJECT / "conf", path / "conf", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(PROJECT / "supervisord.conf", path)
    return path
