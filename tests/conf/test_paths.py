"""Directories and the length of unix socket paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.errors import ConfigError
from conf.paths import LONGEST_RUN, resolve_paths
from conf.sections import PathsSection


def test_everything_follows_var_unless_named() -> None:
    """Empty keys are directories of var; a relative one starts at the root, an absolute one stays."""
    problems: list[str] = []
    section = PathsSection(var="data", run="/run/router", log="logs")
    paths = resolve_paths(section, Path("/srv/desk"), problems)
    assert (paths.var, paths.run) == (Path("/srv/desk/data"), Path("/run/router"))
    assert (paths.journal, paths.log) == (Path("/srv/desk/data/journal"), Path("/srv/desk/logs"))
    assert not problems


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place, a full or read-only disk: one line and the place, no traceback."""
    (tmp_path / "var").touch()
    paths = resolve_paths(PathsSection(), tmp_path, [])
    with pytest.raises(ConfigError, match=r"\[paths\] .*/var cannot be made: File exists"):
        paths.make()


def test_a_run_directory_too_long_for_sockets_is_named() -> None:
    """The longest allowed path passes, one byte more is a problem that says what to do."""
    problems: list[str] = []
    resolve_paths(PathsSection(run="/" + "r" * (LONGEST_RUN - 1)), Path("/srv"), problems)
    assert not problems
    resolve_paths(PathsSection(run="/" + "ü" * (LONGEST_RUN // 2 + 1)), Path("/srv"), problems)
    (problem,) = problems
    assert "set paths.run to a shorter directory" in problem


def test_a_root_too_deep_cannot_be_helped_by_another_run_directory() -> None:
    """supervisord's own socket stays under the root."""
    problems: list[str] = []
    resolve_paths(PathsSection(), Path("/" + "r" * LONGEST_RUN), problems)
    (problem,) = problems
    assert problem.endswith(": move the project")
