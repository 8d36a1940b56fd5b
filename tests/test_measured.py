"""Coverage of processes that are killed while they save it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import coverage
import pytest
from coverage import CoverageData

from tests.measured import drop_unfinished

SOURCE = str(Path(__file__))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A whole data file."""
    path = tmp_path / ".coverage.whole"
    data = CoverageData(path)
    data.add_arcs({SOURCE: [(number, number + 1) for number in range(500)]})
    data.write()
    data.close(force=True)
    return path


def combined(directory: Path) -> int:
    """How many lines are known once all files are combined; a warning fails the test."""
    measured = coverage.Coverage(data_file=directory / ".coverage", config_file=False)
    measured.combine([str(directory)])
    lines = measured.get_data().lines(SOURCE)
    measured.get_data().close(force=True)
    return len(lines or ())


def test_what_is_whole_is_kept(saved: Path) -> None:
    """A file that its process finished counts."""
    assert drop_unfinished(saved.parent) == []
    assert combined(saved.parent) == 500


def test_a_file_cut_off_anywhere_disturbs_nothing(saved: Path) -> None:
    """However little of it is on the disk, the others are combined without a word."""
    whole = saved.read_bytes()
    cut = saved.with_name(".coverage.cut")
    dropped = 0
    for size in range(0, len(whole), 1024):
        saved.write_bytes(whole)
        cut.write_bytes(whole[:size])
        dropped += drop_unfinished(saved.parent) == [cut]
        assert combined(saved.parent) == 500
    assert dropped > len(whole) // 1024 - 8  # what lacks of the last page may be of no use


def test_a_file_without_all_its_tables_is_dropped(saved: Path) -> None:
    """Its process died while it made them: some of these would break the combining off."""
    with closing(sqlite3.connect(saved)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        lacking = saved.with_name(".coverage.lacking")
        shutil.copy(saved, lacking)
        with closing(sqlite3.connect(lacking)) as database:
            database.execute(f"DROP TABLE {table}")
            database.commit()
        assert drop_unfinished(saved.parent) == [lacking], table
    assert combined(saved.parent) == 500
