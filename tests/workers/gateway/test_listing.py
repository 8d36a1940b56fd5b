"""What is held, said once for each time that IB has listed it."""

from __future__ import annotations

import msgspec

from router.messages import ContractSpec, ExecutionFill, PositionSnapshot
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


def test_a_list_is_taken_once() -> None:
    """After IB has answered, not before, and not a second time for one answer."""
    listing = Listing()
    assert listing.take([position(1)]) is None
    listing.begin()
    assert listing.take([position(1)]) is None
    listing.complete()
    assert listing.take([position(2), position(1)]) == (1, 2)
    assert listing.take([position(1)]) is None
    listing.begin()
    listing.complete()
    assert listing.take([]) == ()


def test_what_trades_meanwhile_is_held_too() -> None:
    """IB tells a position after the executions that made it; those of before it was asked are in its answer."""
    listing = Listing()
    tell(listing.hears, trade(3, replayed=False))
    listing.begin()
    tell(listing.hears, trade(1, replayed=False))
    tell(listing.hears, trade(2, replayed=True))
    tell(listing.hears, position(4))
    listing.complete()
    assert listing.take([]) == (1,)
