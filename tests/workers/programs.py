"""Small workers that the tests of the runner start as processes of their own: `python -m tests.workers.programs NAME`.

They run under the name `monitor`, because a publisher must be one that the topics table knows.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

from conf.settings import load
from router.messages import Message, ProcessStatus, StatusQuery, StatusReply
from workers import runner
from workers.logs import configure
from workers.role import LoopShell, Shell
from workers.runner import run, run_async

ROLE = "monitor"


def answer(note: str) -> StatusReply:
    """A reply that carries a note."""
    return StatusReply((ProcessStatus(note, 0, "", "", 0.0, {}),), None, None)


class Answering:
    """What every sample has: it answers StatusQuery and counts."""

    waiting_for = ""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.queries = 0

    @property
    def progress(self) -> dict[str, int]:
        return {"queries": self.queries}

    def handle(self, request_id: str, message: Message) -> Message | None:
        assert isinstance(message, StatusQuery)
        self.queries += 1
        return answer(self.shell.role)

    def snapshot(self) -> Iterable[Message]:
        return ()


class Steady(Answering):
    """Drains at once."""

    def start(self) -> None:
        self.shell.log.info("started to work")

    def drain(self) -> bool:
        return True

    def close(self) -> None:
        self.shell.log.info("closed")


class Slow(Steady):
    """Needs three looks to drain."""

    looks = 0

    def drain(self) -> bool:
        self.looks += 1
        return self.looks == 3


class Endless(Steady):
    """Never drains."""

    def drain(self) -> bool:
        return False


class Hanging(Steady):
    """Hangs in its drain."""

    def drain(self) -> bool:
        time.sleep(60)
        return True


class Waiting(Steady):
    """Lacks something."""

    waiting_for = "a miracle"


class Stopping(Steady):
    """Cannot go on, and says so when it is asked anything."""

    def handle(self, request_id: str, message: Message) -> Message | None:
        self.shell.stop("cannot go on")
        return answer("stopping")


class Failing(Steady):
    """Has a defect that a query brings out."""

    def handle(self, request_id: str, message: Message) -> Message | None:
        raise ZeroDivisionError("defect")


class AsyncSteady(Answering):
    """Answers on asyncio."""

    async def start(self) -> None:
        self.shell.log.info("started to work")

    async def drain(self) -> None:
        self.shell.log.info("closed")


class AsyncEndless(AsyncSteady):
    """Never drains."""

    async def drain(self) -> None:
        await asyncio.Event().wait()


class AsyncStopping(AsyncSteady):
    """Cannot go on, and says so when it is asked anything."""

    def handle(self, request_id: str, message: Message) -> Message | None:
        self.shell.stop("cannot go on")
        return answer("stopping")


class AsyncFailing(AsyncSteady):
    """Has a defect that a query brings out."""

    def handle(self, request_id: str, message: Message) -> Message | None:
        raise ZeroDivisionError("defect")


LOOP = {kind.__name__: kind for kind in (Steady, Slow, Endless, Hanging, Waiting, Stopping, Failing)}
ASYNC = {kind.__name__: kind for kind in (AsyncSteady, AsyncEndless, AsyncStopping, AsyncFailing)}


def build(shell: LoopShell) -> Steady:
    """The sample named on the command line."""
    return LOOP[sys.argv[1]](shell)


def build_async(shell: Shell) -> AsyncSteady:
    """The same, on asyncio."""
    return ASYNC[sys.argv[1]](shell)


if __name__ == "__main__":
    settings = load()
    configure(settings.log, ROLE)
    settings.paths.make()
    if len(sys.argv) > 2:  # patience for tests of drains that do not end
        runner.DRAIN_S = float(sys.argv[2])
        runner.KILL_S = runner.DRAIN_S + 0.5
    sys.exit(run(settings, ROLE, build) if sys.argv[1] in LOOP else run_async(settings, ROLE, build_async))
