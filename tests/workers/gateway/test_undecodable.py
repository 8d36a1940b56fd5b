"""What IB says and nobody can decode is kept for this user only."""

from __future__ import annotations

import stat
from collections.abc import Callable

from conf.settings import Settings
from workers.gateway.undecodable import quarantine


def test_kept_in_a_private_directory(make_settings: Callable[..., Settings]) -> None:
    """Made when it is not there, and found when it is."""
    settings = make_settings()
    for number in range(2):
        quarantine(settings).keep("IB", "no such type", b"%d" % number)
    path = settings.paths.var / "quarantine" / "ib.jsonl"
    assert len(path.read_text().splitlines()) == 2
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
