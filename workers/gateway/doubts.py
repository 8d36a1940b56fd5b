"""Orders that an error of IB left in doubt, until IB has said what is true of them. Pure.

An error with policy `query` or `pacing` proves nothing: the order may live, be over, or never have been taken. IB is asked for
all open and completed orders; any word on the order settles it. An order that IB has never said anything about but
that error, and does not list in two rounds after it, was never taken: that is said as an error with policy
`terminal`, because asking is evidence where a code is not.
"""

from __future__ import annotations

import msgspec

from router.messages import BrokerError, ExecutionFill, OrderLifecycleEvent
from router.messages import Message as BusMessage
from router.recovery import ROUNDS
from workers.gateway.hearing import Hears, tell


class DoubtsState(msgspec.Struct, frozen=True):
    """What is in doubt, as plain values."""

    errors: list[BrokerError] = []  # oldest first
    heard: list[str] = []  # refs of them of which IB had told before, sorted


class Doubts:
    """The errors whose orders IB is to be asked about, by orderRef."""

    def __init__(self, state: DoubtsState | None = None) -> None:
        state = state or DoubtsState()
        self._errors = {error.ref: error for error in state.errors}
        self._heard = set(state.heard)  # refs in doubt of which IB had told before
        # errors are told by `observe`, as IB's word alone does not say whether it had told of their orders
        self.hears: Hears = {OrderLifecycleEvent: self._on_word, ExecutionFill: self._on_word}

    def __bool__(self) -> bool:
        return bool(self._errors)

    def state(self) -> DoubtsState:
        """What another process needs to be in the same doubts."""
        return DoubtsState(list(self._errors.values()), sorted(self._heard))

    def observe(self, message: BusMessage, *, heard: bool) -> None:
        """`heard`: IB had told of this error's order before it."""
        match message:
            case BrokerError(policy="query" | "pacing") if message.ref:
                self._errors[message.ref] = message
                if heard:
                    self._heard.add(message.ref)
            case BrokerError(policy="terminal"):
                self._settle(message.ref)
            case _:
                tell(self.hears, message)

    def conclude(self, now_ns: int) -> list[BrokerError]:
        """After the rounds: orders that were never taken. Those that IB had told of before stay as they are."""
        never = [error for ref, error in self._errors.items() if ref not in self._heard]
        self._errors.clear()
        self._heard.clear()
        return [
            msgspec.structs.replace(
                error,
                policy="terminal",
                text=f"{error.text} (IB, asked {ROUNDS} times, knows no such order)",
                received_ns=now_ns,
            )
            for error in never
        ]

    def _on_word(self, word: OrderLifecycleEvent | ExecutionFill) -> None:
        if self._errors:
            self._settle(word.ref)

    def _settle(self, ref: str) -> None:
        self._errors.pop(ref, None)
        self._heard.discard(ref)
