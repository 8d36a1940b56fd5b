"""The one encoder and decoder: msgpack on the bus and in the journal, JSON for people and Redis.

Decoding is strict: unknown tags, missing fields and wrong types are errors (`msgspec.DecodeError` and its
child `ValidationError`). Fields that a newer sender appended to a message are ignored.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec
import orjson

from ipc.frame import Envelope, Frame, Head, RawFrame
from ipc.protocol import BusReply, BusRequest
from ipc.topics import JOURNALLED, BusMessage, Command, Reply
from router.messages import Message

DecodeError = msgspec.DecodeError
MAX_FRAME = 1 << 20  # bytes of one frame; below the sockets' MAXMSGSIZE

T = TypeVar("T")


class DecodedFrame(Frame, frozen=True):
    """A frame as it is decoded: only messages that the topics table knows."""

    messages: tuple[BusMessage, ...] = ()


class Undecodable(NamedTuple):
    """A message that did not decode, in its place among those that did."""

    problem: str
    raw: bytes


class PartialFrame(Head, frozen=True):
    """A frame of which some message does not decode."""

    messages: tuple[Message | Undecodable, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_frame = msgspec.msgpack.Decoder(DecodedFrame)
_raw_frame = msgspec.msgpack.Decoder(RawFrame)
_raw_list = msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
_message: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(BusMessage)
_request: msgspec.msgpack.Decoder[Message | BusRequest] = msgspec.msgpack.Decoder(Command | BusRequest)
_reply: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Reply)
_bus_reply: msgspec.msgpack.Decoder[BusReply] = msgspec.msgpack.Decoder(BusReply)

encode = _encoder.encode  # any Struct -> msgpack bytes
decode_frame = _frame.decode  # bytes -> DecodedFrame
decode_raw_frame = _raw_frame.decode  # bytes -> RawFrame
decode_message = _message.decode  # bytes -> one message of a topic
decode_request = _request.decode  # bytes -> a command, or a request of the bus itself
decode_reply = _reply.decode  # bytes -> the reply to a command
decode_bus_reply = _bus_reply.decode  # bytes -> the reply to a request of the bus itself


def subscription(topic: str) -> bytes:
    """The first bytes of every frame of this topic, and of no other: the array's head and the topic's name."""
    return bytes([0x90 | len(Frame.__struct_fields__)]) + _encoder.encode(topic)


def read_frame(raw: bytes) -> DecodedFrame | PartialFrame:
    """A frame with every message that decodes. Raises DecodeError when not even its head can be read."""
    try:
        frame = decode_frame(raw)
    except DecodeError:
        return _salvage(decode_raw_frame(raw))
    if frame.count != len(frame.messages):
        raise DecodeError(f"the frame says {frame.count} messages and holds {len(frame.messages)}")
    return frame


def _salvage(frame: RawFrame) -> PartialFrame:
    pieces = _raw_list.decode(frame.messages)
    if frame.count != len(pieces):
        raise DecodeError(f"the frame says {frame.count} messages and holds {len(pieces)}")
    messages = tuple(_message_or_problem(piece) for piece in pieces)
    head = {name: getattr(frame, name) for name in Head.__struct_fields__}
    return PartialFrame(**head, messages=messages)


def _message_or_problem(piece: msgspec.Raw) -> Message | Undecodable:
    try:
        return decode_message(piece)
    except DecodeError as error:
        return Undecodable(str(error), bytes(piece))


def envelopes(
    publisher: str, frame: DecodedFrame | PartialFrame, *, skip: int = 0, snapshot: bool = False
) -> list[Envelope]:
    """One envelope per message that decoded, without the first `skip` messages of the frame."""
    topic, epoch, seq, topic_seq = frame.topic, frame.epoch, frame.seq, frame.topic_seq
    published_ns, at_ns = frame.published_ns, frame.at_ns
    topic_step = 0 if snapshot else 1
    step = topic_step if topic in JOURNALLED else 0
    out: list[Envelope] = []
    for message in frame.messages:
        if skip:
            skip -= 1
        elif not isinstance(message, Undecodable):
            out.append(
                Envelope(publisher, epoch, seq, topic, topic_seq, published_ns, at_ns, message, snapshot)
            )
        seq += step
        topic_seq += topic_step
    return out


def undecodable(frame: DecodedFrame | PartialFrame, *, skip: int = 0) -> list[Undecodable]:
    """The messages of a frame that did not decode."""
    if isinstance(frame, DecodedFrame):
        return []
    return [message for message in frame.messages[skip:] if isinstance(message, Undecodable)]


def to_json(message: Message) -> bytes:
    """A JSON object with the message's field names, nested parts included; instants in ISO 8601 with Z."""
    return orjson.dumps(message, default=msgspec.structs.asdict, option=orjson.OPT_UTC_Z)


def to_document(message: Message) -> dict[str, Any]:
    """The same as Python values: what `to_json` says, read back."""
    document: dict[str, Any] = orjson.loads(to_json(message))
    return document
