"""Which contracts are held, said once after IB has listed all positions. Pure.

IB says nothing of a position that was closed while nobody was connected. A gateway that lived on knows it from before;
one that was started anew does not, so it says what there is, and whoever remembers more knows that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.messages import ExecutionFill, PositionSnapshot
from workers.gateway.hearing import Hears


class Listing:
    """One per session: `begin` before IB is asked, `complete` when it has answered everything.

    Told of what trades meanwhile.
    """

    def __init__(self) -> None:
        self._complete = False
        self._traded: set[int] = set()  # since IB was asked: their positions may be told later
        self.hears: Hears = {ExecutionFill: self._on_fill}

    def begin(self) -> None:
        """IB is asked for everything."""
        self._complete = False
        self._traded.clear()

    def complete(self) -> None:
        """IB has answered."""
        self._complete = True

    def take(self, positions: Iterable[PositionSnapshot]) -> tuple[int, ...] | None:
        """The conIds held, None when there is no list that was not taken yet."""
        if not self._complete:
            return None
        self._complete = False
        return tuple(sorted(self._traded.union(one.contract.con_id for one in positions)))

    def _on_fill(self, fill: ExecutionFill) -> None:
        if not fill.replayed:
            self._traded.add(fill.contract.con_id)
