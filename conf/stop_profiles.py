"""The stop ladders of `conf/stop_profiles.toml`, checked: what they mean is `router.stops`."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from conf.errors import ConfigError

VERSION = 1  # of the file's layout
INSTRUMENTS = ("option", "stock", "default")

Percent = Annotated[float, Meta(ge=0, le=1_000_000)]
Distance = Annotated[float, Meta(gt=0, lt=100)]


Kind = Literal["TRAIL", "FIXED", "STEP"]


class Rung(Struct, frozen=True, array_like=True):
    """From `profit_pct` percent of profit on, the stop is `value` percent away: behind the best price or fixed.

    STEP trails by an amount, `value` percent of the entry price. With a `limit_pct` the stop becomes a stop-limit whose
    limit is so many percent beyond it.
    """

    profit_pct: Percent
    kind: Kind
    value: Distance
    limit_pct: Annotated[float, Meta(ge=0, lt=100)] = 0.0


class StopProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """A ladder, lowest rung first. `min_improvement_pct` is in percent of the entry price."""

    min_improvement_pct: Annotated[float, Meta(ge=0, lt=100)]
    rungs: tuple[Rung, ...]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    option: StopProfile
    stock: StopProfile
    default: StopProfile


class StopProfiles(Struct, frozen=True):
    """A ladder per kind of instrument."""

    option: StopProfile
    stock: StopProfile
    default: StopProfile

    def of(self, sec_type: str) -> StopProfile:
        """The ladder of IB's security type."""
        return {"OPT": self.option, "STK": self.stock}.get(sec_type, self.default)


def load_stop_profiles(root: Path) -> StopProfiles:
    """Every ladder. Raises ConfigError naming all that is wrong with the file."""
    path = root / "conf" / "stop_profiles.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        read = msgspec.convert(document, _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from None
    problems = [f"{path}: [{name}] {text}" for name in INSTRUMENTS for text in _problems(getattr(read, name))]
    if read.version != VERSION:
        problems.append(f"{path}: version = {read.version}: this router reads version {VERSION}")
    if problems:
        raise ConfigError(*problems)
    return StopProfiles(option=read.option, stock=read.stock, default=read.default)


def _problems(profile: StopProfile) -> list[str]:
    """A ladder goes up; only so is there a next rung, and only so can a trail name the rung it is on."""
    found = []
    for below, above in pairwise(profile.rungs):
        if above.profit_pct <= below.profit_pct:
            found.append(f"rung {above.profit_pct} comes after {below.profit_pct}: sort by profit_pct")
        same_measure = (above.kind == "STEP") is (below.kind == "STEP")
        if same_measure and above.value > below.value:
            found.append(f"rung {above.profit_pct} is {above.value} away, farther than the rung before it")
    return found
