"""A subscriber that remembers what it heard of orders and executions, as a thread or as a process.

As a process (`python -m bench.observer ROOT FILE`), which can be stopped and killed, it writes JSON lines to FILE: one
for each thing heard, in its order.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from conf.settings import load
from ipc.bus import BEGINNING, Context, Options, Position, Source, Subscriber
from router.messages import CommissionReport, ExecutionFill, Message, OrderLifecycleEvent

PAUSE_S = 0.005  # between two looks at the bus
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
        self.paid: set[str] = set()  # execIds whose commission was told
        self.messages = 0  # of the trade topic, whatever they say
        self.resets = 0
        self.gaps = 0  # frames that showed something missing; repaired before anything later was heard

    def take(self, message: Message) -> None:
        """Remember what counts."""
        self.messages += 1
        match message:
            case ExecutionFill():
                self.fills.append(Fill(message.exec_id, message.perm_id, message.replayed))
            case OrderLifecycleEvent():
                self.statuses[message.perm_id] = message.status
            case CommissionReport():
                self.paid.add(message.exec_id)
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
                case ["paid", exec_id]:
                    heard.paid.add(exec_id)
                case ["gaps", gaps]:
                    heard.gaps = gaps
                case _:
                    heard.resets += 1
        return heard


class Observer(threading.Thread):
    """Follows from the beginning, in this process, and begins again from its positions every TURN_S until `end`."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self.heard = Heard()
        self._source = source
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Until `end`."""
        positions: Mapping[str, Position] = {self._source.name: BEGINNING}
        with Context(Options(linger_ms=0)) as context:
            while not self._ended.is_set():
                subscriber = Subscriber(
                    context, [self._source], ("trade",), positions, on_reset=lambda _: self._reset()
                )
                until = time.monotonic() + TURN_S
                while time.monotonic() < until and not self._ended.wait(PAUSE_S):
                    for envelope in subscriber.receive():
                        self.heard.take(envelope.message)
                positions = subscriber.positions
                subscriber.close()

    def end(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        self.join(10)

    def _reset(self) -> None:
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
                case CommissionReport():
                    tell("paid", message.exec_id)
                case _:
                    pass

        with Context(Options(linger_ms=0)) as context:
            subscriber = Subscriber(
                context,
                [source],
                ("trade",),
                {source.name: BEGINNING},
                on_reset=lambda one: tell("reset", one),
            )
            gaps = 0
            while True:
                for envelope in subscriber.receive():
                    take(envelope.message)
                if (now := subscriber.stats[source.name].gaps) != gaps:
                    tell("gaps", gaps := now)
                time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
