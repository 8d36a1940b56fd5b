"""Which positions are held and which entries work, said once after IB has listed all of them. Pure.

IB says nothing of a position that was closed while nobody was connected. A gateway that lived on knows it from before;
one that was started anew does not, so it says what there is, and whoever remembers more knows that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from router.bracket import split_ref
from router.messages import ExecutionFill, LinkState, OrderLifecycleEvent, PositionSnapshot
from workers.gateway.hearing import Hears


class Listing:
    """One per session: `begin` before IB is asked, `complete` when it has answered everything.

    Told of what trades meanwhile.
    """

    def __init__(self) -> None:
        self._complete = False
        # since IB was asked: their positions may be told later
        self._traded: set[tuple[str, int]] = set()
        self.hears: Hears = {ExecutionFill: self._on_fill}

    def begin(self) -> None:
        """IB is asked for everything."""
        self._complete = False
        self._traded.clear()

    def complete(self) -> None:
        """IB has answered."""
        self._complete = True

    def take(
        self, link: LinkState, positions: Iterable[PositionSnapshot], orders: Iterable[OrderLifecycleEvent]
    ) -> LinkState:
        """The state with the list, if there is one that was not taken yet."""
        if not self._complete:
            return link
        self._complete = False
        places = sorted(self._traded.union((one.account, one.contract.con_id) for one in positions))
        return replace(
            link,
            held=tuple(con_id for _, con_id in places),
            holders=tuple(account for account, _ in places),
            working=tuple(sorted(one.ref for one in orders if split_ref(one.ref)[1] == "E")),
        )

    def _on_fill(self, fill: ExecutionFill) -> None:
        if not fill.replayed:
            self._traded.add((fill.account, fill.contract.con_id))
