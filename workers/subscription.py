"""What a worker hears: its row of the topics table, as one subscriber or one for some of the publishers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ipc.bus import Position, Reset, Source, Subscriber
from ipc.topics import subscriptions_of
from workers.role import Shell


def subscribe(
    shell: Shell,
    *,
    only: Collection[str] | None = None,
    positions: Mapping[str, Position] | None = None,
    on_reset: Callable[[Reset], None] | None = None,
) -> Subscriber:
    """A subscriber to all its publishers, or to those of `only`. What cannot be decoded is kept in its quarantine.

    `positions` and `on_reset` are the Subscriber's.
    """
    wanted = {
        name: topics for name, topics in subscriptions_of(shell.role).items() if only is None or name in only
    }
    settings = shell.settings
    return Subscriber(
        shell.context,
        [Source(name, settings.pub(name), settings.cmd(name)) for name in wanted],
        sorted(set().union(*wanted.values())),
        positions,
        on_reset=on_reset,
        quarantine=shell.quarantine,
    )
