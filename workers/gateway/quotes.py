"""Ticks of one market data line -> the newest Quote, once per socket read."""

from __future__ import annotations

from dataclasses import dataclass

from router.messages import ContractSpec, Quote

# IB tick types, live and delayed (TWS API, "Available Tick Types")
_PRICES = {1: "bid", 2: "ask", 4: "last", 66: "bid", 67: "ask", 68: "last"}
_SIZES = {0: "bid_size", 3: "ask_size", 69: "bid_size", 70: "ask_size"}


@dataclass(slots=True)
class Line:
    """One subscription. `None` means IB has not said, or says there is none."""

    contract: ContractSpec
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    heard_ns: int = 0  # monotonic: when it was opened, or ticked last


class Lines:
    """Every market data line by request id, and those that changed since the last flush."""

    def __init__(self) -> None:
        self._lines: dict[int, Line] = {}
        self._changed: set[int] = set()

    def open(self, request_id: int, contract: ContractSpec, now_ns: int) -> None:
        """Start keeping the ticks of this request."""
        self._lines[request_id] = Line(contract, heard_ns=now_ns)

    def close(self, request_id: int) -> None:
        """Forget a line that nobody uses any more."""
        self._lines.pop(request_id, None)
        self._changed.discard(request_id)

    def close_all(self) -> None:
        """Forget every line: the connection is gone, and with it what the ticks meant."""
        self._lines.clear()
        self._changed.clear()

    def request_of(self, con_id: int) -> int | None:
        """The request id that streams this contract, or None."""
        return next((rid for rid, line in self._lines.items() if line.contract.con_id == con_id), None)

    def silence_ns(self, con_id: int, now_ns: int) -> int:
        """For how long a contract's line has not ticked; 0 where there is no line."""
        line = self._lines.get(self.request_of(con_id) or 0)
        return now_ns - line.heard_ns if line else 0

    def contracts(self) -> tuple[ContractSpec, ...]:
        """What is being streamed."""
        return tuple(line.contract for line in self._lines.values())

    def price(self, request_id: int, tick_type: int, price: float | None) -> None:
        """A price tick; a price that is not positive means that there is none (IB sends -1)."""
        name = _PRICES.get(tick_type)
        if name and request_id in self._lines:
            setattr(self._lines[request_id], name, price if price is not None and price > 0 else None)
            self._changed.add(request_id)

    def size(self, request_id: int, tick_type: int, size: float | None) -> None:
        """A size tick, in shares or contracts."""
        name = _SIZES.get(tick_type)
        if name and request_id in self._lines:
            setattr(self._lines[request_id], name, size)
            self._changed.add(request_id)

    def flush(self, now_ns: int) -> list[Quote]:
        """One Quote per line that changed since the last call."""
        changed, self._changed = self._changed, set()
        return [self._quote(self._lines[request_id], now_ns) for request_id in sorted(changed)]

    @staticmethod
    def _quote(line: Line, now_ns: int) -> Quote:
        line.heard_ns = now_ns
        return Quote(
            con_id=line.contract.con_id,
            symbol=line.contract.symbol,
            bid=line.bid,
            ask=line.ask,
            last=line.last,
            bid_size=line.bid_size,
            ask_size=line.ask_size,
            received_ns=now_ns,
        )
