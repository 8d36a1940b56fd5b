"""What the tests of whole gateways share: an ear on the bus, a hand on the market, the verdict of the ledger."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from bench.observer import Heard
from bench.oracle import Verdict, ends, judge, wrong_orders
from bench.stand import Stand, until
from ipc.bus import BEGINNING, Context, Envelope, Options, Subscriber
from router.messages import Message
from tests.paper.clients.desk import Hand

M = TypeVar("M", bound=Message)
STILL = ("--market", "still")
WAIT_S = 30.0


class Ear:
    """A gap-proof subscriber in this process."""

    def __init__(self, stand: Stand, *topics: str, from_beginning: bool = True) -> None:
        self._context = Context(Options(linger_ms=0))
        positions = {stand.source.name: BEGINNING} if from_beginning else None
        self._subscriber = Subscriber(self._context, [stand.source], topics, positions)
        self.envelopes: list[Envelope] = []

    def of(self, kind: type[Message]) -> list[Envelope]:
        """What was heard of this kind, up to now."""
        self.envelopes += self._subscriber.receive()
        return [envelope for envelope in self.envelopes if isinstance(envelope.message, kind)]

    def messages(self, kind: type[M]) -> list[M]:
        """The same, without envelopes."""
        return messages_of(self.of(kind), kind)

    def close(self) -> None:
        """Stop listening."""
        self._subscriber.close()
        self._context.close()


@contextmanager
def listening(stand: Stand, *topics: str, from_beginning: bool = True) -> Iterator[Ear]:
    """An ear that is closed afterwards."""
    ear = Ear(stand, *topics, from_beginning=from_beginning)
    try:
        yield ear
    finally:
        ear.close()


def do(stand: Stand, statements: str) -> None:
    """Have the paper gateway's hand do something."""
    hand = Hand(str(stand.control))
    hand(statements)
    hand.close()


def rest(stand: Stand, quantity: int = 900) -> str:
    """Have an order that rests taken by the paper gateway, so that it is the `last` one there; its ref."""
    stand.await_ready()  # until then it refuses orders
    stand.order(quantity, limit=2.0)
    until(lambda: stand.last_ref in {one.ref for one in stand.await_ready().orders}, "it rests", WAIT_S)
    return stand.last_ref


def buy(stand: Stand, *quantities: int) -> None:
    """Have so much bought in one order each, and wait for the ledger to say so."""

    def bought() -> float:
        return sum(float(record["shares"]) for record in stand.records("execution"))

    stand.await_ready()
    wanted = bought() + sum(quantities)
    for quantity in quantities:
        stand.order(quantity)
    until(lambda: bought() >= wanted, "all is executed", WAIT_S)


def settled(stand: Stand, heard: Callable[[], Heard]) -> Heard:
    """What was heard once it agrees with the ledger, or fails with what does not."""

    def findings() -> tuple[Verdict, int, int]:
        records = stand.records("order", "execution", "error")
        executions = [record for record in records if record["kind"] == "execution"]
        now = heard()
        unpaid = len(executions) - len(now.paid)
        return judge(executions, list(now.fills)), wrong_orders(ends(records), dict(now.statuses)), unpaid

    def agrees() -> bool:
        verdict, *wrong = findings()
        return verdict.sound and not any(wrong)

    try:
        until(agrees, "all is heard", WAIT_S)
    except TimeoutError:
        pytest.fail(f"not heard as it was: {findings()}")
    return heard()


def messages_of(envelopes: Iterable[Envelope], kind: type[M]) -> list[M]:
    """The messages of this kind in them, in order."""
    return [envelope.message for envelope in envelopes if isinstance(envelope.message, kind)]


def router(stand: Stand, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, on this stand."""
    command = [sys.executable, "-m", "workers.cli", *arguments]
    return subprocess.run(command, env=stand.env, capture_output=True, text=True, check=False, timeout=60)
