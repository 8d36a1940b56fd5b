"""A message goes to those who learn from its type, and to nobody else."""

from __future__ import annotations

from router.messages import BrokerError, CommissionReport, Message
from tests.router.factory import order_event
from workers.gateway.hearing import Hears, tell, together

EVENT, ERROR = order_event(), BrokerError(7, 201, "rejected", "", 1)


def test_those_who_learn_from_a_type_are_told_in_their_order() -> None:
    """One table of all observers, without types that nobody learns from."""
    told: list[tuple[str, Message]] = []
    first: Hears = {type(EVENT): lambda one: told.append(("first", one)), BrokerError: told.append}
    second: Hears = {type(EVENT): lambda one: told.append(("second", one))}
    table = together(first, {}, second)
    for learn in table[type(EVENT)]:
        learn(EVENT)
    assert told == [("first", EVENT), ("second", EVENT)]
    assert table[BrokerError] == (told.append,)
    assert CommissionReport not in table


def test_one_observer_is_told_what_it_learns_from() -> None:
    """And not disturbed by anything else."""
    told: list[Message] = []
    tell({BrokerError: told.append}, EVENT)
    tell({BrokerError: told.append}, ERROR)
    assert told == [ERROR]
