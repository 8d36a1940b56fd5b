"""Orders that an error of IB left in doubt, until IB has said what is true of them. Pure.

An error with policy `query` or `pacing` proves nothing: the order may live, be over, or never have been taken. Nor does
a `terminal` one about an order that works: it may be a modification that was rejected, and where the order's own last
word is missing nobody else would hear of its end. IB is asked for all open and completed orders; any word on the
order settles it. What it does not list in two rounds is over, or was never taken if IB has never said anything about
it but that error: that is said as an error with policy `terminal`, because asking is evidence where a code is not.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from router.messages import BrokerError, ExecutionFill, OrderLifecycleEvent
from router.messages import Message as BusMessage
from router.recovery import ROUNDS
from workers.gateway.hearing import Hears, tell


class DoubtsState(msgspec.Struct, frozen=True):
    """What is in doubt, as plain values."""

    errors: list[BrokerError] = []  # oldest first
    heard: list[str] = []  # refs of them of which IB had told before, sorted


class Verdict(NamedTuple):
    """What two rounds have shown: the errors of orders that IB never took, and those of orders that are over."""

    never: list[BrokerError]
    over: list[BrokerError]


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

    def observe(self, message: BusMessage, *, heard: bool, works: bool = False) -> None:
        """`heard`: IB had told of this error's order before it; `works`: and not of its end."""
        match message:
            case BrokerError(policy="query" | "pacing") if message.ref:
                self._doubt(message, heard=heard)
            case BrokerError(policy="terminal") if works:
                self._doubt(message, heard=True)
            case BrokerError(policy="terminal"):
                self._settle(message.ref)
            case _:
                tell(self.hears, message)

    def conclude(self, now_ns: int) -> Verdict:
        """After the rounds: what IB has not said a word on."""
        never = [error for ref, error in self._errors.items() if ref not in self._heard]
        over = [error for ref, error in self._errors.items() if ref in self._heard]
        self._errors.clear()
        self._heard.clear()
        taken_back = [
            msgspec.structs.replace(
                error,
                policy="terminal",
                text=f"{error.text} (IB, asked {ROUNDS} times, knows no such order)",
                received_ns=now_ns,
            )
            for error in never
        ]
        return Verdict(taken_back, over)

    def _doubt(self, error: BrokerError, *, heard: bool) -> None:
        self._errors[error.ref] = error
        if heard:
            self._heard.add(error.ref)

    def _on_word(self, word: OrderLifecycleEvent | ExecutionFill) -> None:
        if self._errors:
            self._settle(word.ref)

    def _settle(self, ref: str) -> None:
        self._errors.pop(ref, None)
        self._heard.discard(ref)
