"""What is held, said once for each time that IB has listed it."""

from __future__ import annotations

import msgspec

from router.messages import ContractSpec, ExecutionFill, LinkPhase, LinkState, PositionSnapshot
from tests.router.factory import order_event
from tests.router.test_exposure import fill
from workers.gateway.hearing import tell
from workers.gateway.listing import Listing


def position(con_id: int) -> PositionSnapshot:
    """A position."""
    contract = ContractSpec("STK", "AAPL", con_id=con_id)
    return PositionSnapshot("DU1", contract, 7.0, 1.0, replayed=True, received_ns=1)


def trade(con_id: int, *, replayed: bool) -> ExecutionFill:
    """An execution."""
    one = fill()
    contract = msgspec.structs.replace(one.contract, con_id=con_id)
    return msgspec.structs.replace(one, contract=contract, replayed=replayed)


READY = LinkState(LinkPhase.READY, "rebuilt from IB")


def places(listing: Listing, *positions: PositionSnapshot) -> list[tuple[str, int]] | None:
    """What the list says is held."""
    link = listing.take(READY, positions, [])
    return None if link.held is None else list(zip(link.holders, link.held, strict=True))


def test_a_list_is_taken_once() -> None:
    """After IB has answered, not before, and not a second time for one answer."""
    listing = Listing()
    assert places(listing, position(1)) is None
    listing.begin()
    assert listing.take(READY, [position(1)], []) == READY
    listing.complete()
    other = msgspec.structs.replace(position(1), account="DU0")
    assert places(listing, position(2), position(1), other) == [("DU0", 1), ("DU1", 1), ("DU1", 2)]
    assert places(listing, position(1)) is None
    listing.begin()
    listing.complete()
    assert places(listing) == []


def test_what_trades_meanwhile_is_held_too() -> None:
    """IB tells a position after the executions that made it; those of before it was asked are in its answer."""
    listing = Listing()
    tell(listing.hears, trade(3, replayed=False))
    listing.begin()
    tell(listing.hears, trade(1, replayed=False))
    tell(listing.hears, trade(2, replayed=True))
    tell(listing.hears, position(4))
    listing.complete()
    assert places(listing) == [(fill().account, 1)]


def test_the_entries_that_work_are_listed() -> None:
    """By orderRef; stops, targets and other people's orders are not."""
    listing = Listing()
    listing.begin()
    listing.complete()
    stem = "9bbeedc541dd1c7a-mfqwpfk0"
    orders = [order_event(ref) for ref in (f"{stem}-S1", f"{stem}-E", "by hand", "hand-E")]
    assert listing.take(READY, [], orders).working == (f"{stem}-E",)
