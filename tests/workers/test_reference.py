"""docs/refusals.md and docs/entries.md say what the enum and the table say."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.algos import TABLE
from router.reasons import Reason
from tests.helpers import PROJECT
from workers.reference import main, render_entries, render_refusals


def test_committed_files_are_what_the_code_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m workers.reference` would change nothing."""
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main() == 0
    for name in ("docs/refusals.md", "docs/entries.md"):
        assert (PROJECT / name).read_text() == (tmp_path / name).read_text(), (
            f"run python -m workers.reference: {name}"
        )


def test_every_reason_has_one_row() -> None:
    """Signals with the platform's words, commands without."""
    rows = [line for line in render_refusals().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [
        *(one for one in Reason if one.ends_signal),
        *(one for one in Reason if not one.ends_signal),
    ]
    assert (
        "| `STALE` | STALE | `stale_signal_{age}ms` | Older than ingress.max_age_ms: the price it saw is gone. |"
        in rows
    )


def test_every_algorithm_and_parameter_has_its_place() -> None:
    """With its bounds, and whether it is needed."""
    text = render_entries()
    for algo in TABLE:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{algo.name}` ")]
        assert all(f"`{parameter.name}` (" in row for parameter in algo.parameters)
    assert "`adaptivePriority` (Urgent, Normal, Patient, Normal by default)" in text
    assert "`displaySize` (1 to 1000000, needed)" in text
