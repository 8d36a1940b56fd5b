"""An error proves nothing about an order: IB is asked."""

from __future__ import annotations

from router.messages import BrokerError
from tests.router.factory import order_event
from workers.gateway.doubts import Doubts

REF = "9bbeedc541dd1c7a-mfqwpfk0-E"


def error(policy: str = "query", ref: str = REF) -> BrokerError:
    """Error 387 about an order."""
    return BrokerError(7, 387, "Unsupported order type", ref, 1, policy)  # type: ignore[arg-type] # any policy


def test_only_a_query_about_an_order_is_a_doubt() -> None:
    """Warnings, link messages and errors of data requests ask nothing; a message refused for its pace asks."""
    doubts = Doubts()
    for policy in ("informational", "modify-only", "link", "terminal"):
        doubts.observe(error(policy), heard=False)
    doubts.observe(error(ref=""), heard=False)
    assert not doubts
    doubts.observe(error("pacing"), heard=False)
    assert doubts
    doubts = Doubts()
    doubts.observe(error(), heard=False)
    assert doubts


def test_any_word_of_ib_on_the_order_settles_it() -> None:
    """It lives, or it is over: either way IB has said so itself."""
    doubts = Doubts()
    doubts.observe(error(), heard=False)
    doubts.observe(order_event("other-mfqwpfk0-E"), heard=True)
    assert doubts
    doubts.observe(order_event(REF), heard=True)
    assert not doubts
    assert doubts.conclude(9) == ([], [])


def test_an_order_that_ib_never_took_ends() -> None:
    """No word but the error, and twice not in IB's lists: said once, as an error that ends the order."""
    doubts = Doubts()
    doubts.observe(error(), heard=False)
    (end,) = doubts.conclude(9).never
    assert (end.ref, end.code, end.policy, end.received_ns) == (REF, 387, "terminal", 9)
    assert end.text == "Unsupported order type (IB, asked 2 times, knows no such order)"
    assert doubts.conclude(10) == ([], [])


def test_an_order_that_ib_knew_and_lists_no_longer_is_over() -> None:
    """Not "never taken": IB had told of it before."""
    doubts = Doubts()
    doubts.observe(error(), heard=True)
    assert doubts.conclude(9) == ([], [error()])
    assert not doubts


def test_a_terminal_error_needs_no_question() -> None:
    """Rejected after all, by IB's own word."""
    doubts = Doubts()
    doubts.observe(error(), heard=False)
    doubts.observe(error("terminal"), heard=False)
    assert not doubts


def test_a_terminal_error_about_an_order_that_works_is_a_doubt() -> None:
    """It may have been a modification that was rejected; and if not, its last word has not come."""
    doubts = Doubts()
    doubts.observe(error("terminal"), heard=True, works=True)
    assert doubts.conclude(9) == ([], [error("terminal")])
    doubts.observe(error("terminal"), heard=True, works=True)
    doubts.observe(order_event(REF), heard=True)
    assert not doubts
