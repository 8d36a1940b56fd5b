"""Which messages to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.bus import Envelope
from ipc.topics import TOPICS
from router.messages import LinkPhase, LinkState, Message, OrderIntent, PositionSnapshot
from tests.workers.cli.test_bus import OPTION
from tests.workers.cli.test_life import DELIVERY, SENT
from workers.cli.bus import KINDS, document
from workers.cli.choice import Choice, choose, condition, holds
from workers.cli.misuse import Misused

POSITION = PositionSnapshot("DU1", OPTION, 2.0, 2.5, replayed=False, received_ns=5)
(INTENT,) = [message for message in SENT if isinstance(message, OrderIntent)]


def envelope(message: Message) -> Envelope:
    """A message as it comes from the gateway."""
    return Envelope("gateway", 7, 3, KINDS[type(message).__name__], 2, 1_000, 1_000_000, message)


def test_without_names_quotes_and_heartbeats_stay_out() -> None:
    """The default is what happens rarely enough to be read; `all` and `*` are all."""
    assert choose([]).topics == set(TOPICS) - {"quote", "heartbeat"}
    assert choose(["all"]).topics == choose(["*"]).topics == set(TOPICS)
    assert choose(["all"]).kinds == set(KINDS)


def test_topics_and_messages_can_be_asked_for() -> None:
    """A message brings its topic along and hides its neighbours; a topic shows all of its messages."""
    assert choose(["link"]) == Choice(frozenset({"link"}), frozenset({"LinkState"}))
    assert choose(["ExecutionFill"]) == Choice(frozenset({"trade"}), frozenset({"ExecutionFill"}))
    both = choose(["link", "ExecutionFill"])
    assert both == Choice(frozenset({"link", "trade"}), frozenset({"ExecutionFill", "LinkState"}))


def test_globs_match_topics_and_messages() -> None:
    """`Order*` are messages of two topics, `*t*` are topics too."""
    assert choose(["Order*"]).topics == {"trade", "decision"}
    assert choose(["Order*"]).kinds == {kind for kind in KINDS if kind.startswith("Order")}
    assert choose(["li*", "egr?ss"]).topics == {"link", "egress"}


def test_only_what_was_chosen_is_wanted() -> None:
    """By message, and by every condition."""
    link = envelope(LinkState(LinkPhase.READY, "up"))
    assert choose([]).wants(link)
    assert not choose(["trade"]).wants(link)
    assert choose([], ["phase=READY", "topic=link"]).wants(link)
    assert not choose([], ["phase=READY", "reason=down"]).wants(link)


def test_what_is_in_no_journal_says_so() -> None:
    """Quotes alone are only heard live; with anything else some of it is in a journal."""
    assert not choose(["Quote", "heartbeat"]).journalled
    assert choose(["Quote", "link"]).journalled


@pytest.mark.parametrize("name", ["trades", "", "order*", "TRADE"])
def test_a_name_that_matches_nothing_is_named(name: str) -> None:
    """With the names there are."""
    with pytest.raises(Misused, match="topics are trade, portfolio, quote"):
        choose([name])


@pytest.mark.parametrize("text", ["", "a", "=1", ".a=1", "a.=1", "a..b=1"])
def test_a_condition_has_a_field_and_a_value(text: str) -> None:
    """Anything else is named."""
    with pytest.raises(Misused, match="not of the form field=value"):
        condition(text)


def test_a_field_that_no_chosen_message_has_is_named() -> None:
    """A typing error must not look like silence."""
    with pytest.raises(
        Misused, match=r"--where quantty: no chosen message has it; there are account, action"
    ):
        choose(["trade"], ["quantty=1"])
    choose(["trade"], ["quantity=1"])
    with pytest.raises(Misused):
        choose(["link"], ["quantity=1"])


@pytest.mark.parametrize(
    ("message", "text", "is_so"),
    [
        (POSITION, "account=DU1", True),
        (POSITION, "account=DU2", False),
        (POSITION, "account=DU*", True),
        (POSITION, "contract.symbol=SPY", True),
        (POSITION, "data.contract.symbol=SPY", True),
        (POSITION, "contract.nothing=SPY", False),
        (POSITION, "account.symbol=SPY", False),
        (POSITION, "contract=SPY", False),
        (POSITION, "contract.strike=451.50", True),
        (POSITION, "quantity=2", True),
        (POSITION, "quantity=3", False),
        (POSITION, "quantity=two", False),
        (POSITION, "replayed=false", True),
        (POSITION, "replayed=0", False),
        (POSITION, "topic_seq=2", True),
        (POSITION, "publisher=gate*", True),
        (INTENT, "legs.limit_price=null", True),
        (INTENT, f"legs.ref={DELIVERY}-T1", True),
        (INTENT, f"legs.ref={DELIVERY}-T9", False),
        (INTENT, "type=OrderIntent", True),
        (LinkState(LinkPhase.READY, "a=[b]"), "reason=a=[b]", True),
    ],
)
def test_fields_are_compared_by_worth(message: Message, text: str, is_so: bool) -> None:
    """Texts as globs, numbers by value, lists by any item, in the message or its envelope."""
    assert holds(condition(text), document(envelope(message))) is is_so


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()))
def test_a_value_equals_what_json_writes_of_it(value: object) -> None:
    """Whatever a line shows can be pasted into --where."""
    text = (
        {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else repr(value)
    )
    assert holds(condition(f"x={text}"), {"data": {"x": value}})
