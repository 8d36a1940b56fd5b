"""Corrections, busts and late rejections, without a socket."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.account import Account
from paper.book import Book
from paper.contracts import Catalog, ContractQuery
from paper.orders import Charged, Executed, Execution, Order, OrderTerms, PositionChanged, Refused, Status
from paper.revisions import correct, next_revision, reject

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
(AAPL,) = Catalog({}).find(ContractQuery(symbol="AAPL", sec_type="STK"), date(2026, 11, 23))


def traded(action: str = "BUY", shares: int = 10) -> tuple[Book, Account, Execution]:
    """A book and an account after one fill at 100."""
    quantity, price = Decimal(shares), Decimal(100)
    query = ContractQuery(con_id=AAPL.con_id)
    terms = OrderTerms(query, action, quantity, "MKT", None, None, "DAY", "", 0, "DU1", "r", True, 0, False)
    order = Order(1, 7, 99, AAPL, terms, quantity, Status.FILLED, filled=quantity, average_price=price)
    execution = Execution("aa.bb.01.01", order, quantity, price, NOW, "ISLAND", Decimal(1), None)
    book, account = Book(), Account("DU1")
    book.put(order)
    book.executions.append(execution)
    account.apply(AAPL, quantity if order.terms.buys else -quantity, price, Decimal(1))
    return book, account, execution


@pytest.mark.parametrize(("before", "after"), [("a.b.01.01", "a.b.01.02"), ("a.b.c.d.09", "a.b.c.d.10")])
def test_only_the_last_segment_counts_on(before: str, after: str) -> None:
    """Four segments or five, the last one is the revision."""
    assert next_revision(before) == after


@given(st.sampled_from(["BUY", "SELL"]), st.integers(1, 20), st.integers(1, 500))
def test_a_correction_leaves_the_account_as_if_it_had_been_so(action: str, shares: int, price: int) -> None:
    """Cash and position are those of a fill at the corrected price and size with the same commission."""
    book, account, execution = traded(action)
    events = correct(book, account, execution, Decimal(price), Decimal(shares))
    assert [type(event) for event in events] == [Executed, Charged, PositionChanged]
    signed = shares if action == "BUY" else -shares
    assert account.positions[AAPL.con_id].quantity == signed
    assert account.cash == account.starting_cash - signed * price - 1
    order = book.orders[1, 7]
    assert order.filled == shares
    assert order.average_price == price
    assert [one.exec_id for one in book.executions] == ["aa.bb.01.01", "aa.bb.01.02"]


def test_a_bust_takes_everything_back() -> None:
    """Nothing is held afterwards, only the commission is gone; price and average are 0 shares' worth."""
    book, account, execution = traded()
    correct(book, account, execution, None, Decimal(0))
    assert account.positions[AAPL.con_id].quantity == 0
    assert account.cash == account.starting_cash - 1
    assert book.orders[1, 7].filled == 0
    assert book.orders[1, 7].average_price == 0


def test_what_is_not_given_stays() -> None:
    """A correction of nothing repeats everything but the id."""
    book, account, execution = traded()
    cash = account.cash
    correct(book, account, execution, None, None)
    again = book.executions[-1]
    assert (again.shares, again.price, again.time) == (execution.shares, execution.price, execution.time)
    assert account.cash == cash


def test_a_rejected_order_is_over() -> None:
    """It is Inactive, no longer live, and its owner is told the code."""
    book, _, execution = traded()
    events = reject(book, execution.order, 201, "no", NOW)
    assert Refused(1, 7, 201, "no") in events
    assert book.orders[1, 7].status is Status.INACTIVE
    assert book.live_orders() == []
