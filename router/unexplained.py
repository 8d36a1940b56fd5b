"""Positions that moved without an execution: somebody else trades the account. Pure.

IB tells every client of every position, but of executions only the client whose order it was; others have to ask. So
a word on a position that no execution explains, and that still stands after a moment, is the reason to ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.messages import ExecutionFill, LinkPhase, LinkState, Message, PositionSnapshot
from router.quantity import EPSILON

QUIET_NS = 250_000_000  # position and executions of one trade come apart
LEARNS_FROM = frozenset({ExecutionFill, LinkState, PositionSnapshot})  # other types need not be told


@dataclass
class _Seen:
    """IB's last word on a position, what executions make of it, and when each came (monotonic ns)."""

    said: float = 0.0
    booked: float = 0.0
    said_ns: int = 0
    booked_ns: int = 0

    @property
    def odd(self) -> bool:
        """Whether IB says what no execution explains; an execution after its word only runs ahead of the next one."""
        return self.said_ns >= self.booked_ns and abs(self.said - self.booked) > EPSILON


class Unexplained:
    """By account and conId. Between a lost connection and the next READY nothing is to be explained."""

    def __init__(self) -> None:
        self._positions: dict[tuple[str, int], _Seen] = {}
        self._ready = False

    def observe(self, message: Message, now_ns: int) -> bool:
        """Learn from one message; whether it leaves something to explain."""
        match message:
            case ExecutionFill(replayed=False, supersedes=""):
                seen = self._seen(message.account, message.contract.con_id)
                seen.booked += message.quantity if message.action == "BUY" else -message.quantity
                seen.booked_ns = now_ns
            case LinkState():
                self._ready = message.phase is LinkPhase.READY
                if message.phase is LinkPhase.SYNCING:
                    self._positions.clear()
            case PositionSnapshot():
                seen = self._seen(message.account, message.contract.con_id)
                seen.said, seen.said_ns = message.quantity, now_ns
                if message.replayed:
                    seen.booked = message.quantity
                return seen.odd
            case _:
                pass
        return False

    def due(self, now_ns: int) -> bool:
        """Whether to ask for executions now; what is asked about counts as explained."""
        found = [s for s in self._positions.values() if s.odd and now_ns - s.said_ns >= QUIET_NS]
        for seen in found:
            seen.booked = seen.said
        return bool(found) and self._ready

    def _seen(self, account: str, con_id: int) -> _Seen:
        place = (account, con_id)
        seen = self._positions.get(place)
        if seen is None:
            seen = self._positions[place] = _Seen()
        return seen
