"""What the platform is told, whatever the order in which IB says it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from router.messages import (
    Message,
    OrderTimedOut,
    Target,
)
from tests.router.history import NOON, POSITION_ID, WAIT_MS, Desk, Story, won


def shuffled(messages: list[Message]) -> st.SearchStrategy[list[Message]]:
    """The messages after the intent in any order, any of them repeated, positions in their own order."""
    head, rest = messages[:2], messages[2:]
    repeats = st.lists(st.sampled_from(rest), max_size=8)
    return repeats.flatmap(lambda more: st.permutations(rest + more)).map(lambda order: head + list(order))


def total(desk: Desk) -> tuple[object, ...]:
    """The last word on the trade, however often it was adjusted."""
    ends = [doc for kind, doc in desk.platform.told if kind == "EXIT" or doc.get("adjusts") == "EXIT"]
    life = ends[-1]["lifecycle"]
    return life["realized_pnl"], life["commission"], life["reason"], life["result"], life["return_pct"]


@settings(max_examples=300, deadline=None)
@given(messages=shuffled(won(Story())))
def test_any_order_ends_the_same(messages: list[Message]) -> None:
    """One ENTRY, one EXIT, one ack and the same totals, however IB's messages are swapped and repeated."""
    desk = Desk().hear(*messages).wait()
    kinds = desk.platform.kinds()
    assert (kinds["ENTRY"], kinds["EXIT"], kinds["ADJUSTMENT"]) == (1, 1, 0)
    assert [ack.document["status"] for ack in desk.platform.acks] == ["FILLED"]
    assert total(desk) == (815.90, 9.10, "TARGET", "WIN", round(815.90 / 1750, 6))
    assert desk.platform.pending == {}
    scaled = sum(document["lifecycle"]["quantity"] for document in desk.platform.of("SCALE_OUT"))
    assert scaled + desk.platform.of("EXIT")[0]["lifecycle"]["quantity"] == 7
    tokens = [document["dedupe_token"] for _, document in desk.platform.told]
    assert len(set(tokens)) == len(tokens)


CORRECTED = [*won(Story()), Story().fill("T2", 4, 3.90, exec_id="h.02", supersedes="h.01", at_s=1202)]


@settings(max_examples=300, deadline=None)
@given(messages=shuffled(CORRECTED), gap_ms=st.sampled_from([1, WAIT_MS]))
def test_any_order_of_corrections_ends_the_same(messages: list[Message], gap_ms: int) -> None:
    """With a correction in it, early or late, with or without time running out: the last totals agree."""
    desk = Desk()
    for message in messages:
        desk.hear(message).wait(gap_ms)
    desk.wait()
    kinds = desk.platform.kinds()
    assert (kinds["ENTRY"], kinds["EXIT"], len(desk.platform.acks)) == (1, 1, 1)
    corrected = round(221.10 + (3.90 - 2.50) * 400 - 2.60, 2)
    assert total(desk)[0] == corrected
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["realized_pnl"] == corrected


@settings(max_examples=200, deadline=None)
@given(
    messages=shuffled(
        [
            Story().received(),
            Story().intent(),
            Story().status("E", "Submitted"),
            Story().fill("E", 2, 2.50, exec_id="e.01"),
            Story().commission("e.01", 1.30),
            Story().status("E", "Submitted", 2),
            Story().status("E", "Cancelled", 2),
            OrderTimedOut(Story().name, "", 60.0),
        ]
    )
)
def test_any_order_of_a_dying_entry_ends_the_same(messages: list[Message]) -> None:
    """Partly filled, then cancelled: one ENTRY of what filled, one ack, no order left working."""
    desk = Desk().hear(*messages).wait()
    assert desk.platform.kinds() == {"ENTRY": 1}
    assert desk.platform.of("ENTRY")[0]["order_size"] == 2
    assert [(ack.document["status"], ack.document["filled"]) for ack in desk.platform.acks] == [
        ("FILLED", 2.0)
    ]
    assert desk.platform.pending == {}
    assert desk.platform.open[POSITION_ID]["quantity"] == 2


def test_times_that_run_backwards_give_no_holding_period() -> None:
    """An exit that IB dates before its entry has no minutes rather than negative ones (contract 7)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01", at_s=60))
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.01", at_s=0)).wait()
    end = desk.platform.of("EXIT")[0]["lifecycle"]
    assert "holding_period_minutes" not in end
    assert end["executed_at"] == NOON.isoformat()
