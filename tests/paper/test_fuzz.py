"""Bytes no client would send: TWS-like error or close, never a crash, a leak or harm to others."""

import os
import socket
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper.clock import VirtualClock
from paper.dialogue import receive
from paper.gateway import Gateway
from paper.ledger import NoLedger
from paper.market import Mood
from paper.names import MESSAGES
from paper.session import Session
from paper.settings import Settings
from paper.wire import WireError
from tests.helpers import wait_for
from tests.paper.announce import announce
from tests.paper.conftest import RunningGateway
from tests.paper.raw import AAPL, RawClient, encode, place_order

EXAMPLES = int(os.environ.get("FUZZ", "150"))  # FUZZ=1000000 for a long run
GREETING = b"API\0" + struct.pack(">I", 9) + b"v157..176"
NASTY = [
    "",
    "-1",
    "0",
    "1e400",
    "1e25",
    "nan",
    "-inf",
    "2147483648",
    "9" * 30,
    "x",
    "\ud800",
    "1.7976931348623157E308",
    "½",
]
REAL: list[list[object]] = [
    place_order(176, 1),
    place_order(176, 2, orderType="LMT", lmtPrice=100, algoStrategy="Adaptive"),
    place_order(176, 3, AAPL, conditions="1"),
    [1, 11, 7, *AAPL, 0, "", 0, 0, ""],
    [2, 2, 7],
    [4, 1, 1, ""],
    [5, 1],
    [6, 2, 1, "DU1234567"],
    [7, 3, 9, 0, "", "", "", "", "", ""],
    [9, 8, 31, *AAPL, 0, "", "", ""],
    [15, 1, 1],
    [16, 1],
    [58, 1],
    [61, 1],
    [62, 1, 22, "All", "NetLiquidation,$LEDGER:ALL"],
    [71, 2, 5, ""],
    [74, 1, 23, "DU1234567", ""],
    [76, 1, 21, "DU1234567", "", 0],
    [78, 5, "SPY", "", "STK", 756733],
    [81, 6, "AA"],
    [91, 26],
    [92, 24, "DU1234567", ""],
    [94, 25, "DU1234567", "", 265598],
    [97, 8, *AAPL, "BidAsk", 0, 0],
    [98, 8],
    [99, 0],
    [104, 3],
    [10, 5, 40, *AAPL, 5, 1, ""],
    [20, 41, *AAPL, 0, "", "1 hour", "2 D", 1, "TRADES", 1, 0, ""],
    [20, 42, *AAPL, 0, "", "5 secs", "600 S", 0, "BID_ASK", 2, 1, ""],
    [22, 43, 10, "STK", "STK.US", "MOST_ACTIVE", 5, "", 100, *[""] * 16],
    [24, 1],
    [50, 3, 44, *AAPL, 5, "MIDPOINT", 0, ""],
    [52, 2, 45, *AAPL[:8], "ReportSnapshot", 0, ""],
    [55, 3, 46, *AAPL, 0.3, 260, 0, ""],
    [87, 47, *AAPL, 0, 1, "TRADES", 1],
    [88, 48, *AAPL, 0, 1, "2 days"],
    [96, 49, *AAPL, 0, "20261120 10:00:00", "", 100, "TRADES", 1, 0, ""],
    [84, 50, "BRFG", "a", ""],
    [83, 51, "9c0001"],
    [19, 1, 1, "<x/>", 7],
    [54, 3, 52, *AAPL, 12.5, 260, 0, ""],
    [86, 53, 265598, "BRFG", "", "", 10, ""],
]
REAL += [[number] for number in (80, 82, 85)]
REAL += [[number, 1, 7] for number in (11, 12, 13, 18, 21, 23, 25, 51, 53, 56, 57, 67, 68, 69, 70)]
REAL += [[number, 7] for number in (79, 89, 90, 100, 101, 102, 103)]
REAL += [[number, 1, 1] for number in (8, 14, 17, 49, 59, 63, 64, 75, 77)]
REAL += [[number, 1] for number in (93, 95)]
gateway = Gateway(
    Settings(market=Mood.STILL), VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC)), NoLedger()
)
counted = {"examples": 0, "closed": 0, "answered": 0}


def play(data: bytes) -> None:
    """Feed bytes to the shared gateway as a client of its own; it must end in a WireError or in answers."""
    session = Session(peer="fuzz")
    counted["examples"] += 1
    try:
        receive(gateway, session, GREETING + encode(71, 2, 5, ""), lambda payload: True)
        receive(gateway, session, data, lambda payload: True)
    except WireError:
        counted["closed"] += 1
    for frame in session.outbox:
        assert frame.endswith(b"\0")
        assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    counted["answered"] += len(session.outbox)
    gateway.tick()
    gateway.detach(session)
    assert 5 not in gateway.sessions
    if not counted["examples"] % 200:  # what piles up is not what is tested
        gateway.publish(gateway.engine.cancel_all(gateway.clock.now()))


@pytest.fixture(scope="module", autouse=True)
def _report(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print how many examples there were."""
    yield
    announce(request.config, f"fuzz: {counted}")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_arbitrary_payloads(payloads: list[bytes]) -> None:
    """Frames of any content, well cut."""
    play(b"".join(struct.pack(">I", len(payload)) + payload for payload in payloads))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes(data: bytes) -> None:
    """Bytes that are not even frames, lengths among them up to 4 GB."""
    play(data)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real request with some fields replaced, dropped, doubled or swapped, or with its bytes cut or flipped."""
    fields = [str(field) for field in draw(st.sampled_from(REAL))]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(fields) - 1))
        match draw(st.sampled_from(("replace", "drop", "double", "swap"))):
            case "replace":
                fields[at] = draw(st.sampled_from(NASTY) | st.text(max_size=20))
            case "drop":
                fields = fields[:at] + fields[at + 1 :] or ["0"]
            case "double":
                fields.insert(at, fields[at])
            case _:
                other = draw(st.integers(0, len(fields) - 1))
                fields[at], fields[other] = fields[other], fields[at]
    payload = bytearray("".join(field + "\0" for field in fields).encode(errors="surrogatepass"))
    if draw(st.booleans()):
        del payload[draw(st.integers(0, len(payload))) :]
    if payload and draw(st.booleans()):
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return struct.pack(">I", len(payload)) + bytes(payload)


@settings(max_examples=EXAMPLES * 4, deadline=None)
@given(st.lists(mutated(), min_size=1, max_size=4))
def test_mutated_real_frames(frames: list[bytes]) -> None:
    """Requests as clients send them, damaged."""
    play(b"".join(frames))


def test_every_request_is_among_those_that_are_damaged() -> None:
    """None that the gateway serves is left out."""
    served = {message.number for message in MESSAGES.values() if message.inbound}
    assert {request[0] for request in REAL} == served


def test_every_prefix_of_a_real_order() -> None:
    """An order that lacks its last fields, however many, is refused or taken, never half read."""
    payload = encode(*place_order(176, 1))[4:]
    for size in range(len(payload)):
        play(struct.pack(">I", size) + payload[:size])


GARBAGE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"API\0\xff\xff\xff\xff",
    b"API\0\0\0\0\x04nope",
    b"API\0\0\0\0\x0av9..v9....",
    b"API\0\0\0\0\x00",
    GREETING + encode(61, 1),
    GREETING + encode(71, 2, 1, "") + b"\x7f\xff\xff\xff",
)


def test_garbage_on_a_socket_is_hung_up_on(still_gateway: RunningGateway) -> None:
    """Whoever does not speak the protocol is cut off; others notice nothing and no descriptor is left open."""
    with RawClient(still_gateway.port) as honest:
        honest.start(client_id=9)
        descriptors = f"/proc/{still_gateway.process.pid}/fd"
        before = len(os.listdir(descriptors))
        for data in GARBAGE * 3:
            with socket.create_connection(("127.0.0.1", still_gateway.port), timeout=10) as stranger:
                stranger.sendall(data)
                while stranger.recv(65536):
                    pass
        wait_for(lambda: len(os.listdir(descriptors)) == before, "descriptors are closed")
        assert honest.ask(16, 1) == [["53", "1"]]


def test_unreadable_requests_get_errors_and_the_session_lives(still_gateway: RunningGateway) -> None:
    """320 for a field that cannot be read, naming it; 505 for an unknown message; the next request is served."""
    with RawClient(still_gateway.port) as client:
        client.start()
        (short,) = client.ask(9, 8, 31, "0", "AAPL")
        assert (short[2:4], "secType" in short[4]) == (["-1", "320"], True)
        (wrong,) = client.ask(4, 1, "one", "")
        assert (wrong[3], "orderId" in wrong[4]) == ("320", True)
        (unknown,) = client.ask(9999, 1)
        assert unknown[3] == "505"
        assert client.ask(16, 1) == [["53", "1"]]
