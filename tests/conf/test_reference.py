"""router.toml and docs/configuration.md say what the structs say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from conf.reference import main, render_markdown, render_toml
from conf.settings import SECTIONS
from tests.helpers import PROJECT


def test_committed_files_are_what_the_structs_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m conf.reference` would change nothing."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main() == 0
    for name in ("conf/router.toml", "docs/configuration.md"):
        assert (PROJECT / name).read_text() == (tmp_path / name).read_text(), (
            f"run python -m conf.reference: {name}"
        )


def test_the_toml_holds_every_key_with_its_default() -> None:
    """Reading the rendered file gives each struct's defaults, and every key has a comment above it."""
    document = tomllib.loads(render_toml())
    assert document.pop("mode") == "paper"
    assert document.keys() == SECTIONS.keys()
    for name, kind in SECTIONS.items():
        assert msgspec.convert(document[name], kind) == kind()
        assert list(document[name]) == [field.name for field in msgspec.structs.fields(kind)]


def test_the_reference_has_a_row_for_every_key() -> None:
    """Type, default and meaning of each key, bounds where there are any."""
    rows = render_markdown().splitlines()
    keys = [field.name for kind in SECTIONS.values() for field in msgspec.structs.fields(kind)]
    assert len([row for row in rows if row.startswith("| `") and "ROUTER_" not in row]) == len(keys)
    assert (
        "| `max_positions` | int, ≥ 1, ≤ 10000000 | `10` | Open positions at which new entries stop. |"
        in rows
    )
    assert any(row.startswith("| `level` | one of `debug`, `info`, `warning`, `error` |") for row in rows)
