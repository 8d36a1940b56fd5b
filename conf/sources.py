"""Where values come from: router.toml, then the profile, then the environment; each remembers its origin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from conf.errors import ConfigError

PREFIX = "ROUTER_"
RESERVED = ("ROUTER_HOME", "ROUTER_PROFILE")
BASE_FILE = "conf/router.toml"
PACKAGED = Path(__file__).parent


class Given(NamedTuple):
    """A value as it was found. `origin` is what a person must edit; `text` says it came as a string."""

    value: object
    origin: str
    text: bool = False


Layer = dict[str, dict[str, Given]]  # section -> key -> value; top-level keys are under section ""


def find_root(env: Mapping[str, str]) -> Path:
    """The project root: $ROUTER_HOME, else the directory of supervisord.conf, here or beside this package.

    Raises ConfigError when none of them is one.
    """
    if home := env.get("ROUTER_HOME"):
        root = Path(home).expanduser().absolute()
        if not root.is_dir():
            raise ConfigError(f"ROUTER_HOME={home}: no such directory")
        return root
    for candidate in (Path.cwd(), PACKAGED.parent):
        if (candidate / "supervisord.conf").is_file():
            return candidate
    raise ConfigError("no supervisord.conf here: start in the project's directory or set ROUTER_HOME to it")


def read_layers(root: Path, profile: str, env: Mapping[str, str]) -> Layer:
    """All three layers merged key by key, the later one winning. Raises ConfigError for an unreadable file."""
    merged: Layer = {}
    for layer in (
        _file(root, BASE_FILE),
        _file(root, f"conf/profiles/{profile}.toml"),
        _environment(env),
    ):
        for section, keys in layer.items():
            merged.setdefault(section, {}).update(keys)
    return merged


def _file(root: Path, name: str) -> Layer:
    path = root / name
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(p.stem for p in (root / "conf/profiles").glob("*.toml"))
        hint = f"; ROUTER_PROFILE is one of {', '.join(known)}" if known and "profiles" in name else ""
        raise ConfigError(f"{path}: no such file{hint}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    layer: Layer = {}
    for name_, value in document.items():
        if isinstance(value, dict):
            layer[name_] = {key: Given(item, str(path)) for key, item in value.items()}
        else:
            layer.setdefault("", {})[name_] = Given(value, str(path))
    return layer


def _environment(env: Mapping[str, str]) -> Layer:
    layer: Layer = {}
    for name, value in env.items():
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        section, double, key = name.removeprefix(PREFIX).lower().partition("__")
        if double:
            layer.setdefault(section, {})[key] = Given(value, name, text=True)
        else:
            layer.setdefault("", {})[section] = Given(value, name, text=True)
    return layer
