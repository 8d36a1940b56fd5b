"""Monitor: keeps the last heartbeat of every process, the link, the account, the last alert; answers for the stack."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from conf.settings import Settings
from ipc.bus import Envelope
from router.messages import (
    AccountSnapshot,
    Alert,
    CommandRefused,
    Heartbeat,
    LinkState,
    Message,
    ProcessStatus,
    StatusQuery,
    StatusReply,
)
from router.reasons import Reason
from workers.role import LoopShell
from workers.runner import run
from workers.subscription import subscribe

WATCHED = ("gateway", "sizing", "submission", "dispatch")


class Monitor:
    """Knows how the stack is (a Worker). It needs nobody, so it is ready from the start."""

    def __init__(self, shell: LoopShell) -> None:
        self._shell = shell
        self._events = subscribe(shell)
        self._beats: dict[
            str, tuple[Heartbeat, int]
        ] = {}  # process -> last heartbeat, monotonic ns of its coming
        self._link: LinkState | None = None
        self._account: AccountSnapshot | None = None
        self._alerts = 0
        self._alert: Alert | None = None  # the last one
        self._alert_at_ns = 0
        self._counts = {"heartbeats": 0, "queries": 0}

    @property
    def waiting_for(self) -> str:
        """Nothing: an absent process is what the monitor is there to tell."""
        return ""

    @property
    def progress(self) -> dict[str, int]:
        """Heartbeats heard, queries answered."""
        return dict(self._counts)

    def start(self) -> None:
        """Listen to everybody."""
        self._shell.loop.attach(self._events, self._on_events)

    def handle(self, request_id: str, message: Message) -> Message | None:
        """Answer StatusQuery."""
        if isinstance(message, StatusQuery):
            self._counts["queries"] += 1
            return self.status(time.monotonic_ns())
        return CommandRefused(code=Reason.UNKNOWN_COMMAND, text=f"monitor has no {type(message).__name__}")

    def snapshot(self) -> Iterable[Message]:
        """The monitor publishes heartbeats only."""
        return ()

    def drain(self) -> bool:
        """Nothing is ever under way."""
        return True

    def close(self) -> None:
        """No outside connection."""

    def _on_events(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            match envelope.message:
                case Heartbeat() as beat:
                    self._counts["heartbeats"] += 1
                    self._beats[beat.process] = (beat, time.monotonic_ns())
                case LinkState() as link:
                    self._link = link
                case AccountSnapshot() as account:
                    self._account = account
                case Alert() as alert:
                    self._alerts += 1
                    self._alert, self._alert_at_ns = alert, envelope.at_ns
                case _:
                    pass

    def status(self, now_ns: int) -> StatusReply:
        """The whole stack; a process that was never heard of has age -1."""
        me = ProcessStatus("monitor", os.getpid(), "ready", "", 0.0, self.progress)
        return StatusReply(
            (*(self._status_of(name, now_ns) for name in WATCHED), me),
            self._link,
            self._account,
            self._alerts,
            self._alert,
            self._alert_at_ns,
        )

    def _status_of(self, name: str, now_ns: int) -> ProcessStatus:
        if name not in self._beats:
            return ProcessStatus(name, 0, "unknown", "", -1.0, {})
        beat, heard_ns = self._beats[name]
        age_s = (now_ns - heard_ns) / 1e9
        return ProcessStatus(name, beat.pid, beat.state, beat.waiting_for, age_s, beat.progress)


def main(settings: Settings) -> int:
    """Entry of `python -m workers monitor`."""
    return run(settings, "monitor", Monitor)
