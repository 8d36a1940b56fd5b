"""One question to the gateway, as the command line asks it."""

from __future__ import annotations

import time
from typing import TypeVar

from conf.settings import Settings
from ipc.bus import NoReply, Requester
from router.errors import Recoverable
from router.messages import CommandRefused, Message
from workers.cli.bus import check_running, context
from workers.cli.stack import Unreachable

ANSWER_S = 10.0
RETRY_S = 0.2  # before a command that was refused for now is sent again

M = TypeVar("M", bound=Message)


class Refused(Recoverable):
    """The gateway did not act; its text says why."""


def ask(settings: Settings, command: Message, kind: type[M], *, timeout_s: float = ANSWER_S) -> M:
    """The answer. Raises Down when nothing runs, Unreachable without one in time, Refused when the gateway would not."""
    check_running(settings)
    deadline = time.monotonic() + timeout_s
    with context(settings) as joined:
        requester = Requester(joined, settings.cmd("gateway"), resend_s=settings.bus.resend_s)
        try:
            while True:
                reply = requester.call(command, timeout_s=max(0.1, deadline - time.monotonic()))
                if isinstance(reply, kind):
                    return reply
                if not isinstance(reply, CommandRefused):
                    raise TypeError(f"the gateway answered with {type(reply).__name__}")
                if not reply.retry or time.monotonic() > deadline:
                    raise Refused(reply.text)
                time.sleep(RETRY_S)
        except NoReply:
            raise Unreachable("the gateway does not answer: see `router status`") from None
        finally:
            requester.close()
