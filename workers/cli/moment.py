"""Instants as people write them: `10m` ago, or ISO 8601. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from workers.cli.misuse import Misused

UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AGO = re.compile(r"(?:\d+[smhdw])+", re.ASCII)


def moment(option: str, text: str, now_ns: int) -> int:
    """Epoch ns of `90s`, `10m`, `1h30m`, `2d` (that long before now) or of an ISO date or time.

    A time without zone is local. `option` is named in the error. Raises Misused.
    """
    if _AGO.fullmatch(text):
        ago_s = sum(int(number) * UNIT_S[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))
        return now_ns - ago_s * 1_000_000_000
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misused(
            f"{option} {text}: neither a time span such as 90s, 10m, 1h30m or 2d, "
            "nor an instant such as 2025-09-19T14:30:00Z"
        ) from None
    return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1) * 1_000
