"""egress, heartbeat, status: what the processes say of themselves."""

from __future__ import annotations

from typing import Literal

import msgspec

from router.messages.parts import Message
from router.messages.portfolio import AccountSnapshot, LinkState

Details = tuple[tuple[str, str | int | float], ...]


class Published(Message, frozen=True):
    """dispatch has made something readable in Redis. `kind` is ACK, ENTRY, SCALE_OUT, EXIT, ..."""

    kind: str
    delivery: str
    signal_id: str
    symbol: str
    status: str
    detail: str = ""


class Alert(Message, frozen=True):
    """A person should look: dispatch passes it on to the platform's channel `alerts:critical`.

    `kind` is the platform's `type` (snake_case); `details` are further fields of its document.
    """

    kind: str
    severity: Literal["warning", "critical"]
    text: str
    ref: str = ""  # orderRef, where it is about an order
    signal_id: str = ""
    symbol: str = ""
    details: Details = ()


class Heartbeat(Message, frozen=True):
    """A process is alive, and this is how far its work has come (counters, not a timer)."""

    process: str
    pid: int
    state: str  # starting | waiting | ready | draining
    waiting_for: str
    progress: dict[str, int]


class StatusQuery(Message, frozen=True):
    """Anyone -> monitor: how is the stack?"""


class ProcessStatus(msgspec.Struct, frozen=True, array_like=True):
    """One process as the monitor sees it; `age_s` is seconds since its last heartbeat, -1 for never."""

    process: str
    pid: int
    state: str
    waiting_for: str
    age_s: float
    progress: dict[str, int]


class StatusReply(Message, frozen=True):
    """The whole stack in one answer."""

    processes: tuple[ProcessStatus, ...]
    link: LinkState | None
    account: AccountSnapshot | None
    alerts: int = 0  # since the monitor began to listen
    last_alert: Alert | None = None
    last_alert_at_ns: int = 0  # epoch
