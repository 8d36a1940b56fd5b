"""The bus as the command line joins it: a subscriber to everybody that can slow nobody, and one question."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from conf.settings import Settings
from ipc.bus import LIVE, Context, Envelope, NoReply, Options, Position, Requester, Source, Subscriber
from ipc.codec import to_document
from ipc.topics import TOPIC_OF, TOPICS
from router.messages import Message, StatusQuery, StatusReply
from workers.cli.stack import Down

STATUS_S = 2.0  # for the monitor to answer
FOR_MACHINES = frozenset({"received_ns"})  # a monotonic clock's; `--latency` says what follows from it
EVERYBODY = tuple(sorted({name for topic in TOPICS.values() for name in topic.publishers}))
KINDS = {kind.__name__: topic.name for kind, topic in TOPIC_OF.items()}  # message -> its topic


def context(settings: Settings) -> Context:
    """A context whose queues are short: what it cannot read in time is dropped, and said to be."""
    hwm = settings.bus.tail_hwm
    return Context(Options(send_hwm=hwm, receive_hwm=hwm, linger_ms=0))


def listen(
    joined: Context,
    settings: Settings,
    topics: Collection[str],
    positions: Mapping[str, Position] | None = None,
) -> Subscriber:
    """Everything that is published on these topics from now on, or after `positions` where a publisher has one."""
    publishers = [name for name in EVERYBODY if any(name in TOPICS[topic].publishers for topic in topics)]
    return Subscriber(
        joined,
        [Source(name, settings.pub(name), settings.cmd(name)) for name in publishers],
        topics,
        positions={name: (positions or {}).get(name, LIVE) for name in publishers},
        receive_hwm=settings.bus.tail_hwm,
    )


def check_running(settings: Settings) -> None:
    """Raises Down when no process of the stack is there to be listened to or asked, whoever would have started it."""
    for name in EVERYBODY:
        for kind in ("pub", "cmd"):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(settings.paths.run / f"{name}.{kind}")) == 0:
                    return
    raise Down(f"nothing runs in {settings.root}: start it with `router up`")


def ask_monitor(settings: Settings) -> StatusReply | None:
    """The monitor's answer, None when it gives none in time."""
    with context(settings) as joined:
        requester = Requester(joined, settings.cmd("monitor"), resend_s=STATUS_S / 4)
        try:
            reply = requester.call(StatusQuery(), timeout_s=STATUS_S)
        except NoReply:
            return None
        finally:
            requester.close()
    return reply if isinstance(reply, StatusReply) else None


def for_people(envelope: Envelope) -> str:
    """One line: local time, publisher, topic and number, message, those of its fields that say something."""
    at = datetime.fromtimestamp(envelope.at_ns / 1e9, UTC).astimezone()
    message = envelope.message
    words = [f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {envelope.publisher:<10}"]
    words += [f"{envelope.topic}#{envelope.topic_seq}", type(message).__name__]
    fields = {name: value for name, value in to_document(message).items() if name not in FOR_MACHINES}
    words += [f"{name}={_short(value)}" for name, value in fields.items() if _tells(value)]
    return " ".join(words)


def for_machines(envelope: Envelope) -> str:
    """One JSON object: `type`, `v`, the envelope's fields, and the message under `data`."""
    return msgspec.json.encode(document(envelope)).decode()


def document(envelope: Envelope) -> dict[str, Any]:
    """The same as Python values."""
    head = msgspec.structs.asdict(envelope)
    message: Message = head.pop("message")
    return {"type": type(message).__name__, "v": message.version, **head, "data": to_document(message)}


def _tells(value: object) -> bool:
    """Whether a field says something to people: a zero does, an empty text does not."""
    return value is not None and value is not False and value not in ("", [], {})


def _short(value: object) -> str:
    """A field in few characters; of a nested part only its name, or the terms of a contract."""
    match value:
        case {"delivery": str(delivery)} | {"id": str(delivery)}:
            return delivery
        case {"sec_type": "OPT", "symbol": symbol, "expiry": expiry, "strike": float(strike), "right": right}:
            return f"{symbol}-{expiry}-{strike:g}{right}"
        case {"symbol": str(symbol)}:
            return symbol
        case list():
            return f"[{','.join(_short(item) for item in value)}]"
        case {"ref": str(ref)}:
            return ref
        case dict():
            return "{" + ",".join(f"{key}={item}" for key, item in value.items() if _tells(item)) + "}"
        case _:
            return str(value)
