"""One execution of a leg, and its commission report."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Reason = Literal["STOP", "TARGET", "MANUAL", "SYNCED_CLOSED"]
SYNCED = "Z"  # leg of what IB no longer holds and whose execution never came


class Execution(msgspec.Struct, frozen=True, array_like=True):
    """One execution of one leg. `number` grows with arrival, `told` says that a SCALE_OUT spoke of it."""

    exec_id: str
    leg: str  # E, T1, S1, X..., or SYNCED
    quantity: float
    price: float
    at: datetime
    order_id: int
    learned_ms: int
    number: int
    supersedes: str = ""
    told: bool = False
    share: float = 1.0  # of IB's execution, which may close what several deliveries hold


class Commission(msgspec.Struct, frozen=True, array_like=True):
    """One commission report; `realized` is IB's, net of commission, None where the execution opened."""

    amount: float
    realized: float | None


def reason_of(execution: Execution) -> Reason:
    """What an execution closed a position for: its leg says (contract 7)."""
    match execution.leg[0]:
        case "S":
            return "STOP"
        case "T":
            return "TARGET"
        case "Z":
            return "SYNCED_CLOSED"
        case _:
            return "MANUAL"
