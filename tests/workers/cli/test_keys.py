"""`router keys generate`."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from conf.settings import Settings
from ipc.security import load_keys, load_public_key
from workers.cli.__main__ import main


@pytest.fixture
def generate(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command in a root of its own."""
    monkeypatch.setenv("ROUTER_HOME", str(settings.root))
    return lambda *arguments: main(["keys", "generate", *arguments])


def test_a_pair_that_the_bus_takes(
    settings: Settings, generate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Public and secret belong together, only their owner can read them, and no key is printed."""
    assert generate("gateway") == 0
    directory = settings.paths.var / "keys"
    pair = load_keys(directory, "gateway")
    assert pair.public == load_public_key(directory, "gateway")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (directory, *directory.iterdir())}
    assert modes == {"keys": 0o700, "gateway.key": 0o600, "gateway.key_secret": 0o600}
    told = capsys.readouterr().out
    assert told == f"public {directory}/gateway.key\nsecret {directory}/gateway.key_secret\n"
    assert pair.secret.decode() not in told


def test_nothing_is_overwritten(
    generate: Callable[..., int], short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second pair of a name is refused with 1 and leaves the first; another name or place is free."""
    place = short_dir / "elsewhere"
    assert generate("--dir", str(place)) == 0
    before = load_keys(place, "router")
    assert generate("--dir", str(place)) == 1
    assert "move it away" in capsys.readouterr().err
    assert load_keys(place, "router") == before
    (place / "router.key_secret").rename(place / "kept")
    assert generate("--dir", str(place)) == 1
    assert load_public_key(place, "router") == before.public
    assert generate("other", "--dir", str(place)) == 0


def test_a_directory_that_others_may_enter_is_refused(
    generate: Callable[..., int], short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do, and without a key in it."""
    place = short_dir / "open"
    place.mkdir()
    place.chmod(0o755)
    assert generate("--dir", str(place)) == 1
    assert "chmod 700" in capsys.readouterr().err
    assert not list(place.iterdir())


@pytest.mark.parametrize("name", ["", "../gateway", ".hidden"])
def test_a_name_that_is_no_file_name_is_exit_2(generate: Callable[..., int], name: str) -> None:
    """Keys go nowhere but into their directory."""
    assert generate(name) == 2


def test_a_place_that_cannot_be_made_is_said(
    generate: Callable[..., int], short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file is in the way: exit 1, no traceback."""
    (short_dir / "file").touch()
    assert generate("--dir", str(short_dir / "file")) == 1
    assert "name another place with --dir" in capsys.readouterr().err
