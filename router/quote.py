"""Last-value quotes, keyed by conId: two options of one symbol never share a price (platform contract 8)."""

from __future__ import annotations

from router.messages import Quote


def mid(quote: Quote) -> float | None:
    """Halfway between bid and ask, or None unless both are there."""
    if quote.bid is None or quote.ask is None:
        return None
    return (quote.bid + quote.ask) / 2


def priced(quote: Quote | None) -> bool:
    """Whether this quote prices an order at once: both sides are there.

    A last trade alone does not: the sides of a line that was just opened may be a moment away, and the trade
    may be of yesterday. It counts only once the wait for a quote is over (platform contract 6).
    """
    return quote is not None and mid(quote) is not None


def no_quote(con_id: int, symbol: str) -> Quote:
    """A quote that says nothing, for a contract that has none."""
    return Quote(
        con_id=con_id,
        symbol=symbol,
        bid=None,
        ask=None,
        last=None,
        bid_size=None,
        ask_size=None,
        received_ns=0,
    )


class QuoteBook:
    """The newest quote of each contract."""

    def __init__(self) -> None:
        self._by_con_id: dict[int, Quote] = {}

    def update(self, quote: Quote) -> None:
        """Keep this quote as the newest of its contract."""
        self._by_con_id[quote.con_id] = quote

    def clear(self) -> None:
        """Forget everything: quotes of a connection that is gone price nothing."""
        self._by_con_id.clear()

    def get(self, con_id: int, *, not_before_ns: int = 0) -> Quote | None:
        """The newest quote received at or after `not_before_ns` (monotonic), or None."""
        quote = self._by_con_id.get(con_id)
        return quote if quote is not None and quote.received_ns >= not_before_ns else None
