"""Which deliveries may be at the broker: only a delivery of which nothing is known may ever be sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.ib_errors import Policy
from router.messages import (
    BrokerError,
    ExecutionFill,
    Message,
    OrderChange,
    OrderIntent,
    OrderParked,
    OrderSent,
    Quote,
)
from tests.router.factory import OPTION, leg, order_event, quote, request
from workers.gateway import known as known_module
from workers.gateway.known import SILENCE_MS, Known

ONE, TWO = "a-mfqwpfk0", "b-mfqwpfk0"


def intent(delivery: str = ONE, first_id: int = 101) -> OrderIntent:
    """A bracket of three legs that was about to be sent."""
    legs = tuple(leg(f"{delivery}-{name}", first_id + i) for i, name in enumerate(("E", "T1", "S1")))
    return OrderIntent(delivery=delivery, request=request(delivery=delivery), legs=legs)


def execution(ref: str, order_id: int = 101) -> ExecutionFill:
    """An execution under an orderRef."""
    return ExecutionFill(
        exec_id="x.01",
        ref=ref,
        perm_id=1,
        order_id=order_id,
        client_id=1,
        account="DU1",
        contract=OPTION,
        action="BUY",
        quantity=1.0,
        price=2.5,
        cum_quantity=1.0,
        avg_price=2.5,
        exchange="CBOE",
        executed_at=datetime(2025, 9, 19, tzinfo=UTC),
        replayed=True,
        received_ns=1,
    )


def error(ref: str, policy: Policy = "terminal") -> BrokerError:
    """IB's refusal of an order."""
    return BrokerError(101, 201, "Order rejected", ref, 1, policy)


def parked(delivery: str = ONE) -> OrderParked:
    """An operator decides."""
    return OrderParked(delivery=delivery, request=request(delivery=delivery), reason="unknown to IB")


def known(*messages: Message, connected: int = 1) -> Known:
    """What is known after these messages, read back from the journal before the first connect."""
    made = Known()
    for message in messages:
        made.observe(message)
    for _ in range(connected):
        made.new_connection()
    return made


def test_nothing_known() -> None:
    """A delivery nobody ever spoke of may be sent."""
    assert known().verdict(ONE) == "unknown"
    assert known().doubts() == []
    assert known().highest_order_id == 0


def test_intent_of_this_connection() -> None:
    """What this connection has just written is on its way: asked again it is adopted, not sent twice."""
    made = known()
    made.observe(intent())
    assert made.verdict(ONE) == "adopted"
    assert made.doubts() == []


def test_intent_of_an_earlier_connection() -> None:
    """Without evidence nobody knows: in doubt, never a permission (design, section 6)."""
    made = known(intent())
    assert made.verdict(ONE) == "in_doubt"
    assert [one.intent.request for one in made.doubts()] == [request(delivery=ONE)]


@pytest.mark.parametrize(
    "evidence",
    [
        order_event(f"{ONE}-E"),
        order_event(f"{ONE}-S1", status="PreSubmitted"),
        order_event(f"{ONE}-E", origin="completed", status="Cancelled"),
        execution(f"{ONE}-E"),
        error(f"{ONE}-E"),
        error(f"{ONE}-E", "informational"),
        error(f"{ONE}-S1", "modify-only"),
    ],
)
def test_ib_word_is_evidence(evidence: Message) -> None:
    """An order, an execution or an error about any leg proves that IB has it, whenever the intent was written."""
    for messages in ((intent(), evidence), (evidence, intent()), (evidence,)):
        made = known(*messages, connected=3)
        assert made.verdict(ONE) == "adopted"
        assert made.doubts() == []


@pytest.mark.parametrize("policy", ["query", "pacing", "link"])
def test_an_error_that_proves_nothing(policy: Policy) -> None:
    """An error that leaves open whether IB took the order is no evidence that it did (conf/ib_errors.toml)."""
    made = known(intent(), error(f"{ONE}-E", policy))
    assert made.verdict(ONE) == "in_doubt"
    assert [one.intent.request for one in made.doubts()] == [request(delivery=ONE)]


@pytest.mark.parametrize("ref", ["", "manual", f"{TWO}-E", ONE, f"{ONE}-Entry"])
def test_other_orders_are_no_evidence(ref: str) -> None:
    """Orders of others say nothing of this delivery."""
    made = known(intent(), order_event(ref), execution(ref), error(ref))
    assert made.verdict(ONE) == "in_doubt"


def test_parked_once() -> None:
    """What is parked stays in doubt and is not parked again, not even after the intent has left the journal."""
    made = known(intent(), parked(), intent(TWO, 201))
    assert made.verdict(ONE) == "in_doubt"
    assert [one.intent.request for one in made.doubts()] == [request(delivery=TWO)]
    assert known(parked()).verdict(ONE) == "in_doubt"


def test_evidence_after_parking() -> None:
    """IB tells of a parked order after all: adopted."""
    assert known(intent(), parked(), order_event(f"{ONE}-E")).verdict(ONE) == "adopted"


def test_highest_order_id() -> None:
    """Intents, orders and executions count, in any order; nothing lowers it again."""
    made = known(intent(first_id=500), order_event(order_id=77), execution("", 900), order_event(order_id=3))
    assert made.highest_order_id == 900
    made.observe(OrderIntent(delivery=TWO, request=request(), legs=()))
    assert made.highest_order_id == 900


def test_other_messages_teach_nothing() -> None:
    """Quotes and the like pass by."""
    message: Quote = quote()
    made = known(intent(), message)
    assert made.verdict(ONE) == "in_doubt"


STEPS = st.lists(
    st.sampled_from(["intent", "order", "execution", "error", "parked", "connect", "foreign"]), max_size=12
)


@given(STEPS)
def test_law(steps: list[str]) -> None:
    """Whatever comes in whatever order: evidence is final, an intent is never forgotten, a doubt is never sent, and
    what is listed to be parked is exactly what is in doubt and not parked yet."""
    made = Known()
    messages: dict[str, Message] = {
        "intent": intent(),
        "order": order_event(f"{ONE}-E"),
        "execution": execution(f"{ONE}-T1"),
        "error": error(f"{ONE}-E"),
        "parked": parked(),
        "foreign": order_event(f"{TWO}-E"),
    }
    for step in steps:
        before = made.verdict(ONE)
        if step == "connect":
            made.new_connection()
        else:
            made.observe(messages[step])
        after = made.verdict(ONE)
        assert before == "unknown" or after != "unknown"
    told = {"order", "execution", "error"} & set(steps)
    assert made.verdict(ONE) == "adopted" or not told
    listed = [one.intent.delivery for one in made.doubts()]
    in_doubt = made.verdict(ONE) == "in_doubt" and "intent" in steps
    assert listed == ([ONE] if in_doubt and "parked" not in steps else [])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest deliveries are remembered; what is older than all of them is stale by then."""
    monkeypatch.setattr(known_module, "KEEP", 3)
    known = Known()
    for number in range(5):
        known.observe(order_event(f"s{number}-mfqwpfk0-E"))
        known.observe(order_event(f"s{number}-mfqwpfk0-E"))
    assert [known.verdict(f"s{number}-mfqwpfk0") for number in range(5)] == ["unknown"] * 2 + ["adopted"] * 3


@pytest.mark.parametrize(
    ("how", "verdict"), [("adopt", "adopted"), ("drop", "adopted"), ("resend", "unknown")]
)
def test_a_decision_on_a_parked_delivery(how: str, verdict: str) -> None:
    """It is parked no more; only after `resend` may it be sent, and only once."""
    made = Known()
    made.observe(intent())
    made.new_connection()
    made.observe(OrderParked(delivery=ONE, request=request(delivery=ONE), reason="in doubt"))
    assert [parked.delivery for parked in made.parked()] == [ONE]
    assert made.intent_of(ONE) == intent()
    made.observe(OrderChange("parked", ONE, "DU1", OPTION, (), how))
    assert made.parked() == []
    assert (made.intent_of(ONE) is None) == (how != "resend")
    assert made.verdict(ONE) == verdict
    made.observe(intent(first_id=201))
    assert made.verdict(ONE) == "adopted"


def test_killed_between_the_decision_and_the_second_intent() -> None:
    """What was to be sent again and was not is in doubt again: the next recovery decides anew, nothing is forgotten."""
    made = Known()
    made.observe(intent())
    made.observe(OrderChange("parked", ONE, "DU1", OPTION, (), "resend"))
    made.new_connection()
    assert [doubt.intent for doubt in made.doubts()] == [intent()]
    assert made.verdict(ONE) == "in_doubt"
    made.observe(intent(first_id=201))
    assert made.doubts() == []
    assert made.verdict(ONE) == "adopted"


def test_who_has_waited_too_long_for_a_word() -> None:
    """An intent of this connection, long after its signal has expired; not one in doubt, nor one that IB told of."""
    made = Known()
    made.observe(intent())
    expires_ms = intent().request.expires_ms
    assert not made.silent(expires_ms + SILENCE_MS)
    assert made.silent(expires_ms + SILENCE_MS + 1)
    made.new_connection()
    assert not made.silent(expires_ms + SILENCE_MS + 1)
    made.observe(intent(TWO))
    made.observe(order_event(f"{TWO}-E"))
    assert not made.silent(expires_ms + SILENCE_MS + 1)


def test_evidence_resolves_a_parked_delivery() -> None:
    """IB tells of the order after all: there is nothing left to decide."""
    made = Known()
    made.observe(OrderParked(delivery=ONE, request=request(delivery=ONE), reason="in doubt"))
    made.observe(order_event(f"{ONE}-E"))
    assert made.parked() == []
    assert made.verdict(ONE) == "adopted"


def test_whether_it_was_sent_is_known() -> None:
    """OrderSent marks the intention; one for a delivery with evidence changes nothing."""
    made = Known()
    made.observe(intent())
    made.observe(OrderSent(delivery=ONE, order_ids=(101,)))
    made.observe(OrderSent(delivery=TWO, order_ids=(102,)))
    made.new_connection()
    assert [doubt.sent for doubt in made.doubts()] == [True]


def test_ids_of_orders_beside_brackets_count() -> None:
    """No order id is handed out twice, whoever had it."""
    made = Known()
    made.observe(OrderChange("place", "guard", "DU1", OPTION, (leg("guard:1", 900),), "unprotected"))
    assert made.highest_order_id == 900
