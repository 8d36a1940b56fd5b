"""Quotes: when they price an order, and that contracts never share one."""

from __future__ import annotations

import pytest

from router.messages import Quote
from router.quote import QuoteBook, mid, no_quote, priced
from tests.router.factory import quote


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [(2.48, 2.52, 2.50), (None, 2.52, None), (2.48, None, None), (None, None, None)],
)
def test_mid(bid: float | None, ask: float | None, expected: float | None) -> None:
    """Halfway between both sides, or none."""
    found = mid(quote(bid, ask))
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("given_quote", "expected"),
    [
        (None, False),
        (no_quote(1, "SPY"), False),
        (quote(), True),
        (quote(last=None), True),
        (quote(ask=None), False),
        (quote(None, None, 2.5), False),
    ],
)
def test_priced_at_once(given_quote: Quote | None, expected: bool) -> None:
    """Both sides price an order at once; a last trade alone may be of yesterday, so it waits for the sides."""
    assert priced(given_quote) is expected


def test_book_by_contract() -> None:
    """Two options of one symbol never share a price (contract 8); the newest quote of each counts."""
    book = QuoteBook()
    book.update(quote(2.0, 2.1))
    book.update(quote(9.0, 9.1, con_id=1002))
    book.update(quote(2.2, 2.3))
    assert book.get(1001) == quote(2.2, 2.3)
    assert book.get(1002) == quote(9.0, 9.1, con_id=1002)
    assert book.get(1003) is None


def test_book_not_before() -> None:
    """A quote older than asked for does not count."""
    book = QuoteBook()
    book.update(quote(received_ns=50))
    assert book.get(1001, not_before_ns=50) is not None
    assert book.get(1001, not_before_ns=51) is None
