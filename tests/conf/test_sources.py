"""Where the project's root is."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf import sources
from conf.errors import ConfigError
from conf.sources import find_root
from tests.helpers import PROJECT


def test_router_home_wins_and_must_exist(tmp_path: Path) -> None:
    """ROUTER_HOME names the root; a directory that is not there is refused."""
    assert find_root({"ROUTER_HOME": str(tmp_path)}) == tmp_path
    with pytest.raises(ConfigError, match=r"ROUTER_HOME=.*no such directory"):
        find_root({"ROUTER_HOME": str(tmp_path / "gone")})


def test_here_then_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current directory counts when it has a supervisord.conf, else the checkout the package lies in."""
    monkeypatch.chdir(tmp_path)
    assert find_root({}) == PROJECT
    (tmp_path / "supervisord.conf").touch()
    assert find_root({}) == tmp_path


def test_nowhere_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package started anywhere else says how to name the root."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "PACKAGED", tmp_path / "site-packages/conf")
    with pytest.raises(ConfigError, match="set ROUTER_HOME"):
        find_root({})
