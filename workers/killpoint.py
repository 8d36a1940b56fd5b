"""Named places at which a process can be made to die, for the storm (tests/storm).

`ROUTER_KILL_POINT=gateway.intent.before` kills the process by SIGKILL when it comes to that place for the first time,
`ROUTER_KILL_POINT=gateway.write.leg:3` the third time. Where the variable is not set, `kill_point` does nothing.
Every place is listed here, so that a storm can say how many of all it has hit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

VARIABLE = "ROUTER_KILL_POINT"

SIZING = (
    "sizing.take.before",  # the script that moves signals
    "sizing.take.after",
    "sizing.received.before",
    "sizing.received.after",
    "sizing.gate.before",  # the platform's gates are read
    "sizing.gate.after",
    "sizing.gated.before",
    "sizing.gated.after",
    "sizing.prepare.before",
    "sizing.prepare.after",
    "sizing.prepared",  # the gateway has answered
    "sizing.sized.before",
    "sizing.sized.after",
    "sizing.request.before",
    "sizing.request.after",
    "sizing.answered",  # submission has answered
    "sizing.refused.before",  # the end of a signal that is not sent
    "sizing.refused.after",
)
SUBMISSION = (
    "submission.request",
    "submission.place.before",
    "submission.place.after",
    "submission.placed",  # the gateway has answered
    "submission.told.before",
    "submission.told.after",
    "submission.refused.before",
    "submission.refused.after",
    "submission.reply.before",
    "submission.reply.after",
)
GATEWAY = (
    "gateway.prepare",
    "gateway.details.before",  # awaits IB
    "gateway.details.after",
    "gateway.nearest.before",  # awaits IB, for a contract that is not listed
    "gateway.nearest.after",
    "gateway.rule.before",  # awaits IB
    "gateway.rule.after",
    "gateway.prepared.before",
    "gateway.prepared.after",
    "gateway.place",
    "gateway.looked_up",
    "gateway.intent.before",  # durable write of the intent
    "gateway.intent.after",
    "gateway.write.before",
    "gateway.write.leg",  # before each order of a bracket but the first
    "gateway.write.after",
    "gateway.sent.before",
    "gateway.sent.after",
    "gateway.reply.before",
    "gateway.reply.after",
    "gateway.heard.before",  # what IB says, before it is journalled
    "gateway.heard.after",
)
RECOVERY = (  # reached only by a process that finds work of an earlier one
    "sizing.find.before",
    "sizing.find.after",
    "sizing.found",
    "gateway.find",
    "gateway.recover.begun",
    "gateway.recover.settled",
    "gateway.recover.asked",
    "gateway.recover.decided",
    "gateway.resolved.before",  # durable write of what was decided
    "gateway.resolved.after",
)
POINTS = SIZING + SUBMISSION + GATEWAY + RECOVERY


def _pass(name: str) -> None:
    """Nothing is armed."""


def _armed(where: str) -> Callable[[str], None]:
    """Raises ValueError for a place that does not exist: a storm must not wait for it."""
    armed, _, count = where.partition(":")
    if armed not in POINTS:
        raise ValueError(f"{VARIABLE}={where}: no such kill point")
    left = int(count or 1)

    def at(name: str) -> None:
        nonlocal left
        if name == armed:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


kill_point: Callable[[str], None] = _armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _pass
