"""ipc.codec: what goes in comes out, and what does not decode costs nothing but itself."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.codec import (
    DecodeError,
    Undecodable,
    decode_message,
    decode_reply,
    decode_request,
    encode,
    envelopes,
    read_frame,
    subscription,
    to_document,
    to_json,
    undecodable,
)
from ipc.frame import Frame
from ipc.protocol import Sync
from ipc.topics import TOPICS
from router.messages import FindDelivery, Heartbeat, Message, PlaceReply
from tests.ipc.helpers import SPY, fill, frame_of, link, messages_in, opened, quote, sent
from tests.ipc.samples import SAMPLES


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_every_message_survives_the_bus(message: Message) -> None:
    """Each message of a topic, with its parts, is the same after a frame."""
    assert messages_in(read_frame(frame_of(message))) == [message]
    assert decode_message(encode(message)) == message


def test_commands_and_replies_have_decoders_of_their_own() -> None:
    """A command is no reply, a reply is no command, and the bus's own requests come with the commands."""
    command, reply = FindDelivery("x"), PlaceReply("x", "unknown")
    assert decode_request(encode(command)) == command
    assert decode_request(encode(Sync(("trade",), 1, 2))) == Sync(("trade",), 1, 2)
    assert decode_reply(encode(reply)) == reply
    with pytest.raises(DecodeError):
        decode_reply(encode(command))
    with pytest.raises(DecodeError):
        decode_request(encode(reply))


@given(st.sampled_from(sorted(TOPICS)), st.sampled_from(sorted(TOPICS)))
def test_subscription_matches_its_topic_only(topic: str, other: str) -> None:
    """The prefix of a topic begins each of its frames and no other topic's, whichever names there are."""
    frame = encode(Frame(other, 1, 1, 1, 0, 0, 0, {}))
    assert frame.startswith(subscription(topic)) is (topic == other)


def test_fields_that_a_newer_sender_appended_are_ignored() -> None:
    """Messages grow at the end; an older reader understands them."""
    newer = msgspec.msgpack.encode(["OrderSent", "x", [1, 2], "a new field"])
    assert decode_message(newer) == sent(0).__class__("x", (1, 2))


def with_strangers() -> bytes:
    """A frame in which the second message is of a type that nobody knows, and the third has a wrong field."""
    messages = [sent(1), ["Stranger", 5], ["OrderSent", 5, []], sent(4)]
    head: list[object] = ["trade", 1, 10, 10, len(messages), 0, 0, {"trade": 9}]
    return msgspec.msgpack.encode([*head, encode(messages)])


def test_bad_message_costs_only_itself() -> None:
    """Its neighbours come with their own numbers, and it is kept with its bytes and the reason."""
    frame = read_frame(with_strangers())
    aside: list[Undecodable] = []
    found = envelopes("gateway", frame, aside=aside.append)
    assert [(one.seq, one.message) for one in found] == [(10, sent(1)), (13, sent(4))]
    first, second = aside
    assert undecodable(frame) == aside
    assert first.raw == msgspec.msgpack.encode(["Stranger", 5])
    assert "Stranger" in first.problem
    assert "Expected `str`" in second.problem


def test_message_that_is_skipped_is_not_put_aside() -> None:
    """What was delivered before, or put aside before, is neither again."""
    aside: list[Undecodable] = []
    found = envelopes("gateway", read_frame(with_strangers()), skip=2, aside=aside.append)
    assert [one.seq for one in found] == [13]
    assert len(aside) == 1
    assert "Expected `str`" in aside[0].problem


def test_good_frame_has_nothing_undecodable() -> None:
    """All of its messages decode."""
    assert undecodable(read_frame(frame_of(sent(1)))) == []


@pytest.mark.parametrize("torn", [encode([sent(1), sent(2)])[:-3], encode([sent(1), sent(2)]) + b"\x01"])
def test_messages_that_cannot_be_told_apart_are_put_aside_together(torn: bytes) -> None:
    """The head reads well and the count agrees, but the array does not end where its bin does."""
    frame = read_frame(encode(Frame("trade", 1, 1, 1, 2, 0, 0, {}, torn)))
    aside: list[Undecodable] = []
    assert envelopes("gateway", frame, aside=aside.append) == []
    assert [bad.raw for bad in aside] == [torn]
    assert undecodable(frame) == aside


@given(st.integers(0, 600))
def test_frame_of_an_old_journal_is_read(size: int) -> None:
    """Its messages stand in the frame without a bin around them; one message less is noticed there, too."""
    head: list[object] = ["trade", 1, 1, 1]
    messages = [sent(number) for number in range(size)]
    old = msgspec.msgpack.encode([*head, size, 0, 0, {}, messages])
    assert messages_in(read_frame(old)) == messages
    with pytest.raises(DecodeError, match="and holds"):
        read_frame(msgspec.msgpack.encode([*head, size + 1, 0, 0, {}, messages]))


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x90", frame_of(sent(1))[:-1]])
def test_frame_without_a_head_is_an_error(raw: bytes) -> None:
    """Bytes that are no frame at all raise, for the caller to keep them."""
    with pytest.raises(DecodeError):
        read_frame(raw)


@pytest.mark.parametrize("said", [-1, 0, 2, 15, 16, 257, 1 << 40])
@pytest.mark.parametrize("messages", [(sent(1),), (["Stranger", 1],)])
def test_frame_that_miscounts_is_an_error(messages: tuple[Message, ...], said: int) -> None:
    """A frame whose count is not that of its messages cannot be numbered."""
    with pytest.raises(DecodeError, match=f"says {said} messages and holds 1"):
        read_frame(frame_of(*messages, count=said))


@given(st.integers(0, 600))
def test_frame_of_any_length_is_counted_right(size: int) -> None:
    """Whatever head msgpack gives an array of that length, the frame is read, and one message less is noticed."""
    assert len(messages_in(read_frame(frame_of(*[sent(1)] * size)))) == size
    with pytest.raises(DecodeError, match="and holds"):
        read_frame(frame_of(*[sent(1)] * size, count=size + 1))


@pytest.mark.parametrize("value", [None, 5, "text", {}, b"", encode(5), encode({})])
def test_frame_without_an_array_of_messages_is_an_error(value: object) -> None:
    """Where the messages belong stands something else: unreadable, whatever the count says."""
    with pytest.raises(DecodeError):
        read_frame(msgspec.msgpack.encode(["trade", 1, 1, 1, 0, 0, 0, {}, value]))


def test_frame_that_grew_at_its_end_is_read() -> None:
    """A newer publisher may say more after the messages; an older subscriber reads what it knows."""
    grown = msgspec.msgpack.encode(["trade", 1, 1, 1, 1, 0, 0, {}, encode([sent(1)]), "a new field"])
    assert messages_in(read_frame(grown)) == [sent(1)]


def test_envelopes_number_their_messages() -> None:
    """Journalled: seq and topic_seq go up. Ephemeral: only topic_seq. Snapshot: neither."""
    trade = read_frame(frame_of(sent(1), sent(2), sent(3), seq=5, topic_seq=3, published_ns=7, at_ns=8))
    assert [(one.seq, one.topic_seq) for one in opened(trade)] == [(5, 3), (6, 4), (7, 5)]
    assert [(one.seq, one.topic_seq) for one in opened(trade, skip=2)] == [(7, 5)]
    (one, *_) = opened(trade)
    assert (one.publisher, one.epoch, one.topic, one.published_ns, one.at_ns) == ("gateway", 1, "trade", 7, 8)
    quotes = read_frame(frame_of(quote(1), quote(2), topic="quote", seq=5, topic_seq=3))
    assert [(one.seq, one.topic_seq) for one in opened(quotes)] == [(5, 3), (5, 4)]
    snapshot = opened(trade, snapshot=True)
    assert {(one.seq, one.topic_seq, one.snapshot) for one in snapshot} == {(5, 3, True)}


def test_json_has_names_nested_parts_and_utc() -> None:
    """People and Redis get an object with field names all the way down, and instants that end in Z."""
    document = json.loads(to_json(fill(1)))
    assert document["exec_id"] == "0000e0d5.00000001.01.01"
    assert document["contract"]["symbol"] == SPY.symbol
    assert document["executed_at"] == "2026-01-02T15:30:00Z"
    assert to_document(fill(1)) == document
    assert to_document(link(1))["phase"] == "READY"
    assert to_document(Heartbeat("x", 1, "ready", "", {"n": 2}))["progress"] == {"n": 2}


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_json_has_every_field(message: Message) -> None:
    """No field of any message is lost for people."""
    assert list(to_document(message)) == list(type(message).__struct_fields__)


def test_samples_are_of_every_kind() -> None:
    """The samples above leave no message of the bus out."""
    assert {type(message) for message in SAMPLES} == {
        kind for topic in TOPICS.values() for kind in topic.kinds
    }
