"""How one message becomes one line: for people, as JSON, or as the bus has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from ipc.bus import Envelope
from workers.cli.bus import document, for_people

Format = Literal["pretty", "json", "raw"]
Show = Callable[[Envelope, int], str]  # (message, monotonic ns at which it was heard, 0: read from a journal)

RESET: Final = "\x1b[0m"
LOUD: Final = "\x1b[31m"  # what somebody has to look at
ALARMS: Final = frozenset({"BrokerError", "OrderParked", "OrderTimedOut", "SignalRefused"})
COLOURS: Final = {
    "trade": "\x1b[32m",
    "portfolio": "\x1b[36m",
    "quote": "\x1b[2m",
    "link": "\x1b[33m",
    "decision": "\x1b[34m",
    "egress": "\x1b[35m",
    "heartbeat": "\x1b[2m",
}


def wants_colour(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Colour on a terminal that has it, unless NO_COLOR says no (https://no-color.org)."""
    return terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def formatter(how: Format, *, latency: bool = False, colour: bool = False) -> Show:
    """What makes the lines. `colour` is for people only."""

    def pretty(envelope: Envelope, heard_ns: int) -> str:
        line = printable(for_people(envelope))
        if latency:
            line += f"  [{_in_words(delays_us(envelope, heard_ns))}]"
        return f"{_colour(envelope)}{line}{RESET}" if colour else line

    def as_json(envelope: Envelope, heard_ns: int) -> str:
        shown = document(envelope)
        if latency:
            shown["latency_us"] = delays_us(envelope, heard_ns)
        return msgspec.json.encode(shown).decode()

    def raw(envelope: Envelope, heard_ns: int) -> str:
        """`[publisher, epoch, seq, topic, topic_seq, published_ns, at_ns, [type, field, ...]]`, delays last."""
        fields: list[object] = [getattr(envelope, name) for name in Envelope.__struct_fields__[:-1]]
        if latency:
            fields.append(delays_us(envelope, heard_ns))
        return msgspec.json.encode(fields).decode()

    return {"pretty": pretty, "json": as_json, "raw": raw}[how]


def delays_us(envelope: Envelope, heard_ns: int) -> dict[str, float | None]:
    """From the broker's socket to the bus, and from there to this process, in µs; None where it is not known.

    Both are differences of this host's monotonic clock. What was written before the host's last start and is
    heard now has none.
    """
    received_ns = getattr(envelope.message, "received_ns", 0)
    published_ns = envelope.published_ns
    return {
        "received_to_published": _us(received_ns, published_ns),
        "published_to_heard": _us(published_ns, heard_ns),
    }


def printable(text: str) -> str:
    """The same on one line, with nothing in it that a terminal would obey: texts come from outside."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _us(before_ns: int, after_ns: int) -> float | None:
    return (after_ns - before_ns) / 1_000 if 0 < before_ns <= after_ns else None


def _in_words(delays: Mapping[str, float | None]) -> str:
    names = ("received to published", "published to heard")
    return ", ".join(
        f"{name} {'-' if delay is None else f'{delay:.0f} µs'}"
        for name, delay in zip(names, delays.values(), strict=True)
    )


def _colour(envelope: Envelope) -> str:
    return LOUD if type(envelope.message).__name__ in ALARMS else COLOURS[envelope.topic]
