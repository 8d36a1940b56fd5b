"""Rules over more than one key, and secrets read from files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from conf.sections import Broker, Entry, Redis
from conf.sources import Given

PAPER_ACCOUNTS = ("DU", "DF")  # prefixes IB gives to simulated accounts
REDIS_SCHEMES = ("redis", "rediss", "unix")
LIMIT_TIFS = ("GTD", "FOK")
MARKET_STYLES = ("platform", "market")


def check_account(mode: str, broker: Broker, problems: list[str]) -> None:
    """Live money needs an account named by a person; paper never touches a real one."""
    simulated = broker.account.startswith(PAPER_ACCOUNTS)
    if mode == "live" and not broker.account:
        problems.append("mode = 'live' needs [broker] account: name the account that may trade")
    elif mode == "live" and simulated:
        problems.append(f"mode = 'live' with the simulated account [broker] account = '{broker.account}'")
    elif mode == "paper" and broker.account and not simulated:
        problems.append(f"mode = 'paper' refuses [broker] account = '{broker.account}': not a DU account")


def check_port(broker: Broker, problems: list[str]) -> None:
    """A port must come from somewhere."""
    if broker.port == 0 and not broker.port_file:
        problems.append("[broker] port = 0 needs [broker] port_file")


def check_pacing(broker: Broker, problems: list[str]) -> None:
    """Something must be left for entries."""
    limit, reserve = broker.requests_per_second, broker.reserved_per_second
    if reserve >= limit:
        problems.append(
            f"[broker] reserved_per_second = {reserve}: must be below requests_per_second = {limit}"
        )


def check_reset_zone(broker: Broker, problems: list[str]) -> None:
    """The zone must be one that this host knows."""
    try:
        ZoneInfo(broker.reset_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(f"[broker] reset_zone = {broker.reset_zone!r}: no such time zone")


def check_entry(entry: Entry, problems: list[str]) -> None:
    """A market order has no limit to keep until a date, or to fill whole or not at all."""
    if entry.tif in LIMIT_TIFS and entry.style in MARKET_STYLES:
        problems.append(
            f"[entry] tif = '{entry.tif}' needs a limit, and style = '{entry.style}' may send market orders"
        )


def read_redis_secret(redis: Redis, root: Path, given: Mapping[str, Given], problems: list[str]) -> Redis:
    """Take the URL from `url_file`, which only its owner may read; refuse a password in a TOML file."""
    if redis.url and redis.url_file:
        problems.append("[redis] url and url_file are both set: keep one")
        return redis
    if redis.url_file:
        redis = msgspec.structs.replace(
            redis, url=_secret("[redis] url_file", root / redis.url_file, problems)
        )
    elif redis.url and not given["url"].text and urlsplit(redis.url).password:
        problems.append(f"{given['url'].origin}: [redis] url holds a password: put the URL into a url_file")
    if redis.url and urlsplit(redis.url).scheme not in REDIS_SCHEMES:
        problems.append("[redis] url must start with redis://, rediss:// or unix://")
    return redis


def _secret(key: str, path: Path, problems: list[str]) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            problems.append(f"{key} = '{path}' is open to others (mode {mode:04o}): chmod 600 it")
            return ""
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{key} = '{path}': {error}")
        return ""
    if not text:
        problems.append(f"{key} = '{path}' is empty")
    return text
