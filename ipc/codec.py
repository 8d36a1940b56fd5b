"""The one encoder and decoder: msgpack on the bus and in the journal, JSON for people and Redis.

Decoding is strict: unknown tags, missing fields and wrong types are errors (`msgspec.DecodeError` and its
child `ValidationError`). Fields that a newer sender appended to a message are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec
import orjson

from ipc.frame import Envelope, Frame, RawFrame
from ipc.protocol import BusReply, BusRequest
from ipc.topics import JOURNALLED, BusMessage, Command, Reply
from router.messages import Message

DecodeError = msgspec.DecodeError
MAX_FRAME = 1 << 20  # bytes of one frame; below the sockets' MAXMSGSIZE
MAX_COUNT = 256  # messages of one frame

T = TypeVar("T")


class Undecodable(NamedTuple):
    """A message that did not decode."""

    problem: str
    raw: bytes


_encoder = msgspec.msgpack.Encoder()
_raw_frame = msgspec.msgpack.Decoder(RawFrame)
_raw_list = msgspec.msgpack.Decoder(list[msgspec.Raw])
_messages: msgspec.msgpack.Decoder[list[Message]] = msgspec.msgpack.Decoder(list[BusMessage])
_message: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(BusMessage)
_request: msgspec.msgpack.Decoder[Message | BusRequest] = msgspec.msgpack.Decoder(Command | BusRequest)
_reply: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Reply)
_bus_reply: msgspec.msgpack.Decoder[BusReply] = msgspec.msgpack.Decoder(BusReply)

_ARRAYS = tuple(_encoder.encode((None,) * count)[: -count or None] for count in range(MAX_COUNT + 1))
_BIN_HEADS = {b"\xc4": 2, b"\xc5": 3, b"\xc6": 5}  # first byte of a msgpack bin -> bytes before what it holds

encode = _encoder.encode  # any Struct -> msgpack bytes
decode_raw_frame = _raw_frame.decode  # bytes -> RawFrame
decode_message = _message.decode  # bytes -> one message of a topic
decode_request = _request.decode  # bytes -> a command, or a request of the bus itself
decode_reply = _reply.decode  # bytes -> the reply to a command
decode_bus_reply = _bus_reply.decode  # bytes -> the reply to a request of the bus itself


def subscription(topic: str) -> bytes:
    """The first bytes of every frame of this topic, and of no other: the array's head and the topic's name."""
    return bytes([0x90 | len(Frame.__struct_fields__)]) + _encoder.encode(topic)


def read_frame(raw: bytes) -> RawFrame:
    """A frame, its messages still bytes. Raises DecodeError when it is none, or miscounts its messages."""
    return counted(decode_raw_frame(raw), raw)


def counted(frame: RawFrame, raw: bytes) -> RawFrame:
    """The same frame, as decoded from `raw`. Raises DecodeError when it miscounts its messages."""
    count = frame.count
    begin = len(raw) - len(frame.messages)
    begin += _BIN_HEADS.get(raw[begin : begin + 1], 0)
    if not (0 <= count <= MAX_COUNT and raw.startswith(_ARRAYS[count], begin)):
        held = len(
            _raw_list.decode(_array(frame))
        )  # slower, and right for a frame that has grown at its end, too
        if count != held:
            raise DecodeError(f"the frame says {count} messages and holds {held}")
    return frame


def envelopes(
    publisher: str,
    frame: RawFrame,
    *,
    skip: int = 0,
    snapshot: bool = False,
    aside: Callable[[Undecodable], object],
) -> list[Envelope]:
    """One envelope per message, without the first `skip`; one that does not decode is put `aside` instead."""
    epoch, topic, seq, topic_seq = frame.epoch, frame.topic, frame.seq, frame.topic_seq
    published_ns, at_ns = frame.published_ns, frame.at_ns
    topic_step = 0 if snapshot else 1
    step = topic_step if topic in JOURNALLED else 0
    try:
        messages = _messages.decode(_array(frame))
    except DecodeError:
        numbered = _salvage(frame, skip, aside)
    else:
        numbered = enumerate(messages[skip:] if skip else messages, skip)
    return [
        Envelope(
            publisher, epoch, seq + step * index, topic, topic_seq + topic_step * index,
            published_ns, at_ns, message, snapshot,
        )
        for index, message in numbered
    ]  # fmt: skip


def _array(frame: RawFrame) -> memoryview:
    """The msgpack array of a frame's messages, in the bin or, in journals of old, without one."""
    view = memoryview(frame.messages)
    return view[_BIN_HEADS.get(bytes(view[:1]), 0) :]


def undecodable(frame: RawFrame) -> list[Undecodable]:
    """The messages of a frame that do not decode."""
    found: list[Undecodable] = []
    _salvage(frame, 0, found.append)
    return found


def _salvage(
    frame: RawFrame, skip: int, aside: Callable[[Undecodable], object]
) -> Iterable[tuple[int, Message]]:
    good: list[tuple[int, Message]] = []
    array = _array(frame)
    try:
        pieces = _raw_list.decode(array)
    except DecodeError as error:
        aside(Undecodable(str(error), bytes(array)))  # not even its messages can be told apart
        return good
    for index, piece in enumerate(pieces):
        if index >= skip:
            try:
                good.append((index, decode_message(piece)))
            except DecodeError as error:
                aside(Undecodable(str(error), bytes(piece)))
    return good


def to_json(message: Message) -> bytes:
    """A JSON object with the message's field names, nested parts included; instants in ISO 8601 with Z."""
    return orjson.dumps(message, default=msgspec.structs.asdict, option=orjson.OPT_UTC_Z)


def to_document(message: Message) -> dict[str, Any]:
    """The same as Python values: what `to_json` says, read back."""
    document: dict[str, Any] = orjson.loads(to_json(message))
    return document
