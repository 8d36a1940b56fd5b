"""The order in which things are told, seen from the pure functions alone."""

from dataclasses import replace
from decimal import Decimal

from paper import sequences
from paper.orders import Order, OrderOpened, Refused, Status
from paper.switches import Switches
from tests.paper.desk import Desk, lines, terms

_STOP = Order(
    1,
    1,
    1,
    Desk().instrument(),
    terms("STP", "SELL", aux="13.13"),
    Decimal(1),
    why_held="trigger",
    stop=Decimal("13.13"),
)


def test_guarding_limit_of_a_stop_as_recorded() -> None:
    """A stop at 13.13 was first shown with the limit 13.16, then with none; a buy stop's lies above it too."""
    first, _, second, _ = sequences.acknowledged(_STOP, Switches(stop_limit_shown=True))
    assert isinstance(first, OrderOpened)
    assert isinstance(second, OrderOpened)
    assert (first.order.limit, second.order.limit) == (Decimal("13.16"), None)
    buy = replace(_STOP, terms=terms("STP", aux="13.13"))
    (opened, *_) = sequences.acknowledged(buy, Switches(stop_limit_shown=True))
    assert isinstance(opened, OrderOpened)
    assert opened.order.limit == Decimal("13.16")


def test_stop_limit_keeps_its_own_limit() -> None:
    """A stop that has a limit shows that one, both times."""
    both = replace(_STOP, limit=Decimal("13.00"))
    told = sequences.acknowledged(both, Switches(stop_limit_shown=True))
    assert [one.order.limit for one in told if isinstance(one, OrderOpened)] == [Decimal("13.00")] * 2


def test_resting_limit_may_be_told_twice() -> None:
    """By switch, as Submitted both times, as recorded at server version 200."""
    rests = replace(_STOP, terms=terms("LMT", limit="13"), status=Status.SUBMITTED, why_held="")
    told = lines(sequences.acknowledged(rests, Switches(limit_twice=True)))
    assert told == ["open 1 LMT Submitted", "status 1 Submitted 0/1"] * 2


def test_stop_may_be_told_once() -> None:
    """By switch, when placed and when modified."""
    once = Switches(stop_twice=False, stop_limit_shown=True)
    (opened, _) = sequences.acknowledged(_STOP, once)
    assert isinstance(opened, OrderOpened)
    assert opened.order.limit == Decimal("13.16")
    assert len(sequences.acknowledged(_STOP, once)) == len(sequences.modified(_STOP, once)) == 2


def test_rejection_follows_the_status() -> None:
    """openOrder, orderStatus, error."""
    rejected = replace(_STOP, status=Status.INACTIVE, why_held="")
    told = sequences.rejected(rejected, 201, "no")
    assert lines(told) == ["open 1 STP Inactive", "status 1 Inactive 0/1", "error 1 201"]
    assert isinstance(told[-1], Refused)
