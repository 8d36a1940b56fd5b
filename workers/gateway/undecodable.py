"""Where messages of IB that cannot be decoded are kept."""

from __future__ import annotations

from conf.settings import Settings
from ipc.bus import Quarantine

MAX_KEPT = 1 << 16  # bytes kept of one message


def quarantine(settings: Settings) -> Quarantine:
    """The file, in a directory of this user only."""
    path = settings.paths.var / "quarantine" / "ib.jsonl"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Quarantine(path)
