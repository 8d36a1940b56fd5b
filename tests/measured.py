"""What the processes of the tests leave of their coverage: each saves a file of its own as it ends.

One that is killed while it saves leaves part of one, since it writes without a journal. Combining them all would warn of
some of these and break off at others, after every test has passed.
"""

from __future__ import annotations

from pathlib import Path

from coverage import CoverageData
from coverage.exceptions import CoverageException


def drop_unfinished(directory: Path) -> list[Path]:
    """Remove the data files in `directory` that cannot be combined with others, and return their paths."""
    unfinished = [path for path in sorted(directory.glob(".coverage.*")) if not _is_whole(path)]
    for path in unfinished:
        path.unlink()
    return unfinished


def _is_whole(path: Path) -> bool:
    """Whether all of it can be read into another one, which is what combining does."""
    read, whole = CoverageData(path, read_only=True), CoverageData(no_disk=True)
    try:
        read.read()
        whole.update(read)
    except CoverageException:
        return False
    finally:
        read.close(force=True)
        whole.close(force=True)
    return True
