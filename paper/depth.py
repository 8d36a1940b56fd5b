"""The order book that is shown as market depth: the levels that large orders trade through. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from paper.contracts import Instrument
from paper.quotes import Quote
from paper.wire import frame

LEVELS = 5  # as many as there is anything at
_INSERT, _UPDATE = 0, 1
_ASK, _BID = 0, 1


@dataclass(frozen=True, slots=True)
class DepthRow:
    """One level of one side: position from the best price on, USD, size in shares or contracts."""

    side: int
    position: int
    price: Decimal
    size: int


def depth_of(instrument: Instrument, quote: Quote, rows: int) -> tuple[DepthRow, ...]:
    """The first rows of both sides, each level a tick further out with the size of the quote."""
    found = []
    for position in range(min(rows, LEVELS)):
        bid = quote.bid - position * instrument.tick_at(quote.bid)
        ask = quote.ask + position * instrument.tick_at(quote.ask)
        found.append(DepthRow(_ASK, position, ask, quote.ask_size))
        if bid > 0:
            found.append(DepthRow(_BID, position, bid, quote.bid_size))
    return tuple(found)


def depth_frames(
    req_id: int, sent: tuple[DepthRow, ...], rows: tuple[DepthRow, ...], maker: str, *, smart: bool
) -> Iterator[bytes]:
    """updateMktDepth for every level that changed, updateMktDepthL2 when it is smart depth."""
    before = {(row.side, row.position): row for row in sent}
    for row in rows:
        old = before.get((row.side, row.position))
        if old == row:
            continue
        operation = _INSERT if old is None else _UPDATE
        level = (operation, row.side, row.price, row.size)
        if smart:
            yield frame(13, 1, req_id, row.position, maker, *level, 1)
        else:
            yield frame(12, 1, req_id, row.position, *level)
