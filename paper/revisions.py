"""What happens to orders and executions after the fact: a correction, a bust, a rejection of what was accepted."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from paper.account import Account
from paper.book import Book
from paper.orders import Charged, Event, Executed, Execution, Order, PositionChanged, Status
from paper.sequences import rejected


def correct(
    book: Book, account: Account, execution: Execution, price: Decimal | None, shares: Decimal | None
) -> list[Event]:
    """Send an execution again with the next revision in its id's last segment; no shares is a bust.

    IB documents the id's change and that every other field is repeated; that a bust comes as a correction to
    no shares is assumed. The commission stays as it was charged.
    """
    order = book.orders[execution.order.key]
    price = execution.price if price is None else price
    shares = execution.shares if shares is None else shares
    signed = 1 if order.terms.buys else -1
    account.apply(order.instrument, -signed * execution.shares, execution.price, Decimal(0))
    realized = account.apply(order.instrument, signed * shares, price, Decimal(0)) if shares else None
    filled = order.filled - execution.shares + shares
    paid = order.average_price * order.filled - execution.price * execution.shares + price * shares
    order = replace(order, filled=filled, average_price=paid / filled if filled else Decimal(0))
    book.put(order)
    revised = replace(
        execution,
        exec_id=next_revision(execution.exec_id),
        order=order,
        price=price,
        shares=shares,
        realized=realized,
    )
    book.executions.append(revised)
    return [Executed(revised), Charged(revised), PositionChanged(order.instrument)]


def next_revision(exec_id: str) -> str:
    """The execution id a correction bears: `….01.01` becomes `….01.02`."""
    head, _, last = exec_id.rpartition(".")
    return f"{head}.{int(last) + 1:02d}"


def reject(book: Book, order: Order, code: int, text: str, now: datetime) -> list[Event]:
    """End an order that had been accepted, with an error."""
    reason = f"Cancelled by System:{text}"
    ended = replace(order, status=Status.INACTIVE, why_held="", completed_at=now, completed_status=reason)
    book.put(ended)
    return rejected(ended, code, text)
