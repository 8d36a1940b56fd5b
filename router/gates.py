"""What the platform lets the router do now, as read from its risk keys (platform contract 0.2, 1.2 and 4.1).

A value that is there but unusable is kept as it was written, so that a gate can deny it and say why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

MAX_MULTIPLIER = 2.0  # contract 0.2: outside (0, 2] is denied
HALTS = ("halt", "permanent_halt")


class Reading(msgspec.Struct, frozen=True):
    """One number of the platform: `raw` None means absent, `value` None that `raw` cannot be used."""

    raw: str | None
    value: float | None

    @property
    def usable(self) -> bool:
        """Whether there is a number to act on."""
        return self.value is not None


class PlatformGates(msgspec.Struct, frozen=True):
    """The platform's switches and numbers at one instant; money in USD."""

    halted: str  # which switch halts, empty for none
    new_positions_allowed: bool
    daily_pnl: Reading  # absent: 0
    size_multiplier: Reading  # absent: 1
    stop_multiplier: Reading  # absent: 1
    position_count: Reading  # absent: 0
    account_value: Reading  # absent: no value
    buying_power: Reading  # absent: no value


def read(raw: Mapping[str, str | None]) -> PlatformGates:
    """Gates from raw values named `halt`, `permanent_halt`, `new_positions_allowed` and as the fields above.

    Only the exact text `true` halts and only the exact `false` forbids (contract 1.2). A key of another type
    than text is passed as its error (WRONGTYPE ...): it halts and forbids, since nobody knows what it meant.
    """
    return PlatformGates(
        halted=next((name for name in HALTS if _says(raw[name], "true")), ""),
        new_positions_allowed=not _says(raw["new_positions_allowed"], "false"),
        daily_pnl=number(raw["daily_pnl"], absent=0.0),
        size_multiplier=multiplier(raw["size_multiplier"]),
        stop_multiplier=multiplier(raw["stop_multiplier"]),
        position_count=number(raw["position_count"], absent=0.0),
        account_value=number(raw["account_value"], absent=None),
        buying_power=number(raw["buying_power"], absent=None),
    )


def number(raw: str | None, *, absent: float | None) -> Reading:
    """A finite number, or an unusable reading."""
    if raw is None:
        return Reading(None, absent)
    try:
        value = float(raw)
    except ValueError:
        return Reading(raw, None)
    return Reading(raw, value if math.isfinite(value) else None)


def multiplier(raw: str | None) -> Reading:
    """A number in (0, 2]; absent is 1 (contract 0.2)."""
    reading = number(raw, absent=1.0)
    if reading.value is not None and 0 < reading.value <= MAX_MULTIPLIER:
        return reading
    return Reading(raw, None)


def _says(raw: str | None, word: str) -> bool:
    return raw is not None and (raw == word or raw.startswith("WRONGTYPE"))
