"""What a message is about."""

from __future__ import annotations

import msgspec
import pytest

from router.messages import BrokerError, CommissionReport, Message, OrderIntent, OrderSent, Quote
from tests.workers.cli.test_life import DELIVERY, SENT, SIGNAL, fill, status
from workers.cli.subject import Subject, What, deliveries_of, refs_of, signals_of

ENTRY = f"{DELIVERY}-E"
OTHER = "ffff-zzz"
FILL = fill("E", 7, "x.01")
COMMISSION = CommissionReport("x.01", "", 1.0, "USD", None, replayed=False, received_ns=0)
NAMELESS = msgspec.structs.replace(status("E", "Filled"), ref="")
QUOTE = Quote(1, "SPY", 1.0, 1.1, 1.0, 1, 1, 0)
(INTENT,) = [message for message in SENT if isinstance(message, OrderIntent)]
ABOUT: tuple[tuple[What, str], ...] = (("signal", SIGNAL.id), ("delivery", DELIVERY), ("order", ENTRY))


@pytest.mark.parametrize(("what", "name"), ABOUT)
def test_executions_and_perm_ids_tie_messages_to_an_order(what: What, name: str) -> None:
    """A commission without orderRef belongs where its execution does, a status where its permId does."""
    subject = Subject(what, name)
    assert subject.concerns(FILL)
    assert not subject.concerns(COMMISSION)
    assert not subject.concerns(NAMELESS)
    for message in (QUOTE, NAMELESS, status("E", "Submitted", perm_id=0), FILL):
        subject.learn(message)
    assert subject.concerns(COMMISSION)
    assert subject.concerns(NAMELESS)
    assert not subject.concerns(QUOTE)
    assert not subject.concerns(msgspec.structs.replace(COMMISSION, exec_id="y.01"))
    assert not subject.concerns(msgspec.structs.replace(NAMELESS, perm_id=0))


def test_a_delivery_and_its_signal_concern_the_same() -> None:
    """All that was sent about the signal, and nothing about another one."""
    for what, name in ABOUT[:2]:
        subject = Subject(what, name)
        assert all(subject.concerns(message) for message in SENT)
    assert not any(Subject("signal", "ffff").concerns(message) for message in SENT)
    assert not any(Subject("delivery", OTHER).concerns(message) for message in SENT)


def test_an_order_concerns_its_leg_alone() -> None:
    """The intent with it, its sending, its own statuses; not those of the stop beside it."""
    subject = Subject("order", ENTRY)
    assert subject.concerns(INTENT)
    assert subject.concerns(OrderSent(DELIVERY, (1, 2, 3)))
    assert not subject.concerns(OrderSent(OTHER, (4, 5, 6)))
    assert not Subject("delivery", OTHER).concerns(OrderSent(DELIVERY, (1, 2, 3)))
    assert subject.concerns(BrokerError(1, 201, "no", ENTRY, 0))
    assert not subject.concerns(status("S1", "Submitted", perm_id=78))


@pytest.mark.parametrize("message", [*SENT, FILL, COMMISSION, QUOTE])
def test_names_are_never_empty(message: Message) -> None:
    """An empty field names nothing: it would tie everything together."""
    assert "" not in refs_of(message) | deliveries_of(message) | signals_of(message)
