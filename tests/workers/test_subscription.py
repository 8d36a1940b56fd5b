"""A worker's subscriber: its row of the topics table, and nothing of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from conf.settings import Settings
from ipc.bus import LIVE, Context, Quarantine
from workers.role import Shell
from workers.subscription import subscribe


def test_a_worker_hears_its_row_of_the_table(settings: Settings) -> None:
    """All its publishers, or some from where it left them; what cannot be decoded goes to its own quarantine."""
    settings.paths.make()
    quarantine = Quarantine(settings.paths.var / "dispatch.jsonl")
    with Context() as context:
        plain = SimpleNamespace(role="dispatch", settings=settings, context=context, quarantine=quarantine)
        shell = cast("Shell", plain)
        everybody = subscribe(shell)
        assert everybody.stats.keys() == {"gateway", "sizing", "submission", "monitor"}
        broker = subscribe(shell, only=("gateway",), positions={"gateway": LIVE})
        assert broker.positions == {"gateway": LIVE}
        assert broker.quarantine is everybody.quarantine is quarantine
        everybody.close()
        broker.close()
