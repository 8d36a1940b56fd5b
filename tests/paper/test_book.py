"""Ids over restarts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from paper.book import Book, Ids
from tests.paper.desk import Desk, terms

_START = datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_ids_go_on_after_a_restart_in_the_same_second() -> None:
    """permIds and execution ids of a book from an earlier start are never given out again."""
    desk = Desk(start=_START)
    for order_id in (1, 2):
        desk.place(order_id, terms())
    book = desk.engine.book
    again = Ids(_START)
    again.continue_after(book)
    assert again.perm_id() > max(order.perm_id for order in book.orders.values())
    assert again.exec_id().split(".")[0] > max(one.exec_id.split(".")[0] for one in book.executions)


def test_ids_of_an_empty_book_start_from_the_clock() -> None:
    """Nothing to stay above: as without a book."""
    fresh = Ids(_START)
    fresh.continue_after(Book())
    assert (fresh.perm_id(), fresh.exec_id()) == (Ids(_START).perm_id(), Ids(_START).exec_id())


def test_parent_is_found_by_the_childs_client() -> None:
    """The parent of an order is the order of that id of the same client; none for an order without."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100"))
    parent = desk.order(1)
    child = replace(parent, order_id=2, terms=replace(parent.terms, parent_id=1), quantity=Decimal(1))
    assert desk.engine.book.parent_of(child) == parent
    assert desk.engine.book.parent_of(replace(child, client_id=2)) is None
    assert desk.engine.book.parent_of(parent) is None
