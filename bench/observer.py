"""A subscriber that remembers what it heard of orders and executions, as a thread or as a process.

As a process (`python -m bench.observer ROOT FILE`), which can be stopped and killed, it writes JSON lines to FILE: one
for each thing heard, in its order.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from conf.settings import load
from ipc.bus import BEGINNING, Context, Options, Position, Reset, Source, Subscriber
from router.messages import ExecutionFill, Message, OrderLifecycleEvent

TURN_S = 2.0  # after which an observer begins again from its positions


class Fill(NamedTuple):
    """An execution as it was heard."""

    exec_id: str
    perm_id: int
    replayed: bool


class Heard:
    """What was heard so far."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.statuses: dict[int, str] = {}  # the last of each permId
        self.resets = 0

    def take(self, message: Message) -> None:
        """Remember what counts."""
        match message:
            case ExecutionFill():
                self.fills.append(Fill(message.exec_id, message.perm_id, message.replayed))
            case OrderLifecycleEvent():
                self.statuses[message.perm_id] = message.status
            case _:
                pass

    @classmethod
    def read(cls, path: Path) -> Heard:
        """What an observer that is a process has written so far."""
        heard = cls()
        for line in path.read_bytes().split(b"\n")[:-1]:
            match json.loads(line):
                case ["fill", exec_id, perm_id, replayed]:
                    heard.fills.append(Fill(exec_id, perm_id, replayed))
                case ["status", perm_id, status]:
                    heard.statuses[perm_id] = status
                case _:
                    heard.resets += 1
        return heard


def follow(
    source: Source,
    take: Callable[[Message], None],
    reset: Callable[[Reset], None],
    ended: threading.Event,
    *,
    from_: Position = BEGINNING,
    turn_s: float = TURN_S,
) -> None:
    """Hear trade messages until `ended`, beginning again from the position reached every `turn_s`."""
    positions: Mapping[str, Position] = {source.name: from_}
    with Context(Options(linger_ms=0)) as context:
        while not ended.is_set():
            subscriber = Subscriber(context, [source], ("trade",), positions, on_reset=reset)
            until = time.monotonic() + turn_s
            while time.monotonic() < until and not ended.wait(0.005):
                for envelope in subscriber.receive():
                    take(envelope.message)
            positions = subscriber.positions
            subscriber.close()


class Observer(threading.Thread):
    """Follows from the beginning, in this process; `heard` grows until `end`."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self.heard = Heard()
        self._source = source
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Until `end`."""
        follow(self._source, self.heard.take, self._reset, self._ended)

    def end(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        self.join(10)

    def _reset(self, _: Reset) -> None:
        self.heard.resets += 1


def main(root: Path, path: Path) -> None:
    """Follow from the beginning until killed; one subscriber for all the time."""
    settings = load(root)
    source = Source("gateway", settings.pub("gateway"), settings.cmd("gateway"))
    with path.open("w", encoding="ascii", buffering=1) as out:

        def tell(*what: object) -> None:
            out.write(json.dumps(what) + "\n")

        def take(message: Message) -> None:
            match message:
                case ExecutionFill():
                    tell("fill", message.exec_id, message.perm_id, message.replayed)
                case OrderLifecycleEvent():
                    tell("status", message.perm_id, message.status)
                case _:
                    pass

        follow(source, take, lambda one: tell("reset", one.reason), threading.Event(), turn_s=float("inf"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
