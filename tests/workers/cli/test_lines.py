"""One message, one line."""

from __future__ import annotations

import json

import msgspec
import pytest

from ipc.bus import Envelope
from ipc.codec import decode_message, encode
from router.messages import BrokerError, LinkPhase, LinkState, Message
from workers.cli.bus import for_machines, for_people
from workers.cli.lines import delays_us, formatter, printable, wants_colour

ERROR = BrokerError(3, 201, "rejected", "a-b-E", received_ns=1_000)
LINK = LinkState(LinkPhase.READY, "up")


def envelope(message: Message, topic: str = "trade") -> Envelope:
    """Published 2.5 µs after the error was received."""
    return Envelope("gateway", 7, 3, topic, 2, 3_500, 1_758_290_400_123_000_000, message)


@pytest.mark.parametrize(
    ("environment", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], terminal: bool, wanted: bool
) -> None:
    """An empty NO_COLOR means nothing."""
    assert wants_colour(environment, terminal=terminal) is wanted


def test_people_get_the_short_line() -> None:
    """Coloured by topic, alarms red, with delays in words."""
    plain = for_people(envelope(ERROR))
    assert formatter("pretty")(envelope(ERROR), 0) == plain
    assert formatter("pretty", colour=True)(envelope(ERROR), 0) == f"\x1b[31m{plain}\x1b[0m"
    assert formatter("pretty", colour=True)(envelope(LINK, "link"), 0).startswith("\x1b[33m")
    timed = formatter("pretty", latency=True)
    assert timed(envelope(ERROR), 13_500).endswith("  [received to published 2 µs, published to heard 10 µs]")
    assert timed(envelope(LINK, "link"), 0).endswith("  [received to published -, published to heard -]")


def test_machines_get_json() -> None:
    """The document, with delays if wanted."""
    assert formatter("json")(envelope(ERROR), 0) == for_machines(envelope(ERROR))
    line = json.loads(formatter("json", latency=True)(envelope(ERROR), 4_500))
    assert line["latency_us"] == {"received_to_published": 2.5, "published_to_heard": 1.0}


def test_raw_is_the_message_as_the_bus_has_it() -> None:
    """Its array, decodable as such, between the fields of the envelope and the delays."""
    fields = json.loads(formatter("raw")(envelope(ERROR), 0))
    assert fields[:7] == ["gateway", 7, 3, "trade", 2, 3_500, 1_758_290_400_123_000_000]
    assert decode_message(msgspec.msgpack.encode(fields[7])) == ERROR
    assert encode(ERROR) == msgspec.msgpack.encode(fields[7])
    assert json.loads(formatter("raw", latency=True)(envelope(ERROR), 0))[8]["received_to_published"] == 2.5


def test_delays_are_only_told_where_they_are_known() -> None:
    """Out of a journal nothing was heard; a clock that began anew gives no negative delay."""
    assert delays_us(envelope(ERROR), 0) == {"received_to_published": 2.5, "published_to_heard": None}
    assert delays_us(envelope(ERROR), 3_000)["published_to_heard"] is None
    assert delays_us(envelope(LINK, "link"), 4_500)["received_to_published"] is None


def test_nothing_in_a_line_is_obeyed_by_a_terminal() -> None:
    """Escapes and line ends of foreign texts are written out; letters of any language stay."""
    assert printable("naïve 価格") == "naïve 価格"
    assert printable("a\x1b[2Jb\nc") == r"a\x1b[2Jb\nc"
