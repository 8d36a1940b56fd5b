"""Typed settings, read once at start: `load()` gives frozen `Settings` or raises ConfigError.

Precedence, low to high: `conf/router.toml`, `conf/profiles/{profile}.toml` (ROUTER_PROFILE, default
`paper`), environment `ROUTER_<SECTION>__<KEY>` and `ROUTER_MODE`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from conf.decode import decode_section, unknown_sections
from conf.errors import ConfigError
from conf.paths import Paths, resolve_paths
from conf.rules import (
    check_account,
    check_entry,
    check_pacing,
    check_port,
    check_reset_zone,
    read_redis_secret,
)
from conf.sections import (
    Broker,
    Bus,
    Entry,
    Ingress,
    Lifecycle,
    Log,
    Monitor,
    Paper,
    PathsSection,
    Protection,
    Quotes,
    Redis,
    Risk,
    Sizing,
)
from conf.sources import Given, find_root, read_layers

__all__ = ["SECTIONS", "ConfigError", "Mode", "Paths", "Settings", "load"]

Mode = Literal["paper", "live"]

SECTIONS: dict[str, type[Struct]] = {
    "broker": Broker,
    "redis": Redis,
    "paths": PathsSection,
    "bus": Bus,
    "ingress": Ingress,
    "risk": Risk,
    "sizing": Sizing,
    "entry": Entry,
    "quotes": Quotes,
    "protection": Protection,
    "lifecycle": Lifecycle,
    "log": Log,
    "monitor": Monitor,
    "paper": Paper,
}


class Settings(Struct, frozen=True):
    """Everything a process is told. `root` is the project's directory; paths are absolute."""

    root: Path
    profile: str
    mode: Mode
    broker: Broker
    redis: Redis
    paths: Paths
    bus: Bus
    ingress: Ingress
    risk: Risk
    sizing: Sizing
    entry: Entry
    quotes: Quotes
    protection: Protection
    lifecycle: Lifecycle
    log: Log
    monitor: Monitor
    paper: Paper

    def pub(self, process: str) -> str:
        """Endpoint of a process's PUB socket."""
        return f"ipc://{self.paths.run}/{process}.pub"

    def cmd(self, process: str) -> str:
        """Endpoint of a process's ROUTER socket: commands, replay and snapshot requests."""
        return f"ipc://{self.paths.run}/{process}.cmd"

    def journal(self, process: str) -> Path:
        """Directory of a process's journal."""
        return self.paths.journal / process

    @property
    def redis_socket(self) -> Path:
        """Socket of the router's own Redis."""
        return self.paths.run / "redis.sock"

    @property
    def redis_url(self) -> str:
        """URL to connect to: the configured one, else that of the router's own Redis."""
        return self.redis.url or f"unix://{self.redis_socket}"

    def broker_port(self) -> int | None:
        """Port of the TWS socket, None while its port file is not there yet. Read it at each connect."""
        if self.broker.port:
            return self.broker.port
        try:
            return int(Path(self.broker.port_file).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None


def load(root: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Read, merge and check the configuration. Raises ConfigError naming every problem found."""
    env = os.environ if env is None else env
    root = find_root(env) if root is None else root.absolute()
    profile = env.get("ROUTER_PROFILE") or "paper"
    layers = read_layers(root, profile, env)
    problems: list[str] = []
    unknown_sections(layers, SECTIONS, problems)
    sections = {
        name: decode_section(name, kind, layers.get(name, {}), problems) for name, kind in SECTIONS.items()
    }
    mode = _mode(layers.get("", {}).get("mode"), problems)
    broker, redis = sections.pop("broker"), sections.pop("redis")
    section, entry = sections.pop("paths"), sections["entry"]
    assert isinstance(entry, Entry)
    assert isinstance(broker, Broker)
    assert isinstance(redis, Redis)
    assert isinstance(section, PathsSection)
    paths = resolve_paths(section, root, problems)
    check_account(mode, broker, problems)
    check_port(broker, problems)
    check_pacing(broker, problems)
    check_reset_zone(broker, problems)
    check_entry(entry, problems)
    redis = read_redis_secret(redis, root, layers.get("redis", {}), problems)
    port_file = root / broker.port_file.replace("{run}", str(paths.run))
    broker = msgspec.structs.replace(broker, port_file=str(port_file))
    if problems:
        raise ConfigError(*problems)
    others = cast("dict[str, Any]", sections)
    return Settings(root=root, profile=profile, mode=mode, broker=broker, redis=redis, paths=paths, **others)


def _mode(given: Given | None, problems: list[str]) -> Mode:
    if given is None:
        return "paper"
    try:
        mode: Mode = msgspec.convert(given.value, Mode)
    except msgspec.ValidationError:
        problems.append(f"{given.origin}: mode = {given.value!r}: must be 'paper' or 'live'")
        return "paper"
    return mode
