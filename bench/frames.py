"""The bytes of a fill storm as a Gateway writes them at server version 176 (docs: TWS text protocol).

Each fill is three messages: execDetails (11), orderStatus (3), commissionReport (59), in that order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MESSAGES_PER_FILL = 3
FIRST_ORDER_ID = 1000
ACCOUNT = "DU1000001"
CONTRACT = ("265598", "AAPL", "STK", "", "0", "", "", "SMART", "USD", "AAPL", "NMS")


@dataclass(frozen=True)
class Shape:
    """A storm: so many orders, each filled in so many parts, one share each."""

    orders: int
    partials: int

    @property
    def fills(self) -> int:
        """Executions in the whole storm."""
        return self.orders * self.partials

    @property
    def messages(self) -> int:
        """Messages in the whole storm."""
        return self.fills * MESSAGES_PER_FILL


def frame(*fields: object) -> bytes:
    """One frame: big-endian length, then NUL-terminated fields."""
    payload = "".join(f"{field}\0" for field in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def fill(order: int, part: int, partials: int) -> bytes:
    """The three messages of the `part`-th (from 1) fill of an order."""
    order_id, perm_id = FIRST_ORDER_ID + order, 500_000 + order
    exec_id = f"{order:08x}.{part:08x}.01.01"
    execution = frame(
        11, -1, order_id, *CONTRACT, exec_id, "20260415 15:37:35 US/Eastern", ACCOUNT, "NASDAQ", "BOT",
        1, "263.5", perm_id, 1, 0, part, "263.5", f"bench-{order}-E", "", "", "", 1,
    )  # fmt: skip
    status = "Filled" if part == partials else "Submitted"
    after = frame(3, order_id, status, part, partials - part, "263.5", perm_id, 0, "263.5", 1, "", "0")
    commission = frame(59, 1, exec_id, "1.0", "USD", "1.7976931348623157E308", "1.7976931348623157E308", "")
    return execution + after + commission


def storm(shape: Shape) -> bytes:
    """All fills, the orders taking turns: part 1 of every order, then part 2, and so on."""
    return b"".join(fills(shape))


def fills(shape: Shape) -> Iterator[bytes]:
    """The fills of `storm`, one after the other."""
    for part in range(1, shape.partials + 1):
        for order in range(shape.orders):
            yield fill(order, part, shape.partials)
