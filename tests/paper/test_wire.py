"""Frames and fields, without a socket."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.wire import (
    MAX_FRAME,
    PREAMBLE,
    FieldError,
    Fields,
    FrameBuffer,
    WireError,
    client_versions,
    frame,
    number,
    text_of,
    to_decimal,
    to_integer,
)


@given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(1, 9), max_size=60))
def test_frames_survive_any_cutting(payloads: list[bytes], sizes: list[int]) -> None:
    """However the stream is cut into reads, the payloads come out whole and in order."""
    stream = PREAMBLE + b"".join(struct.pack(">I", len(one)) + one for one in payloads)
    buffer, found = FrameBuffer(), list[bytes]()
    for size in sizes:
        found += buffer.feed(stream[:size])
        stream = stream[size:]
    assert [*found, *buffer.feed(stream)] == payloads


@pytest.mark.parametrize("start", [b"G", b"API ", b"API\1", b"\0\0\0\x05"])
def test_a_foreign_stream_is_refused_at_once(start: bytes) -> None:
    """The first byte that is not the preamble's ends it."""
    with pytest.raises(WireError, match="stream starts with"):
        list(FrameBuffer().feed(start))


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    """The length alone decides; frames before it still come out."""
    buffer, found = FrameBuffer(), list[bytes]()
    stream = PREAMBLE + b"\0\0\0\x01x" + struct.pack(">I", MAX_FRAME + 1)
    with pytest.raises(WireError, match=f"frame of {MAX_FRAME + 1} bytes"):
        found.extend(buffer.feed(stream))
    assert not found or found == [b"x"]


@pytest.mark.parametrize(
    ("greeting", "versions"),
    [
        (b"v157..176", (157, 176)),
        (b"v100..157 opts", (100, 157)),
        (b"v176", (176, 176)),
        (b"v1..2\0", (1, 2)),
    ],
)
def test_greetings(greeting: bytes, versions: tuple[int, int]) -> None:
    """A range, one version, options after a space."""
    assert client_versions(greeting) == versions


@pytest.mark.parametrize("greeting", [b"", b"157..176", b"v..176", b"va..b", b"v1..b", b"\xff"])
def test_bad_greetings(greeting: bytes) -> None:
    """Anything else is refused."""
    with pytest.raises(WireError, match="greeting"):
        client_versions(greeting)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("100"), "100"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.1"),
        (Decimal("-0.000000001"), "0"),
        (Decimal("1.123456789"), "1.12345679"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (Decimal(0), "0"),
        (Decimal("1E25"), "1" + "0" * 25),
        (Decimal("-1E25") - Decimal("0.5"), "-1" + "0" * 25 + ".5"),
    ],
)
def test_numbers_are_plain(value: Decimal | float, text: str) -> None:
    """No exponent, no superfluous zeros, eight places, no minus zero."""
    assert number(value) == text


def test_fields_as_text() -> None:
    """Every kind of field, and a NUL inside a text that would end it too early."""
    assert [text_of(value) for value in (None, True, False, "a\0b", 7, Decimal("1.50"), 0.25)] == [
        "",
        "1",
        "0",
        "ab",
        "7",
        "1.5",
        "0.25",
    ]
    payload = b"4\0\0\xc3\xa9\\ud800\0"
    assert frame(4, None, "é\ud800") == struct.pack(">I", len(payload)) + payload


def test_reading_fields() -> None:
    """In order and by kind; left-over ones are tolerated, missing ones named."""
    assert Fields(b"unended").text("only") == "unended"
    fields = Fields(b"3\0text\x001.5\x001\0true\0left over")
    assert fields.integer("id") == 3
    assert fields.text("name") == "text"
    assert fields.decimal("price") == Decimal("1.5")
    assert (fields.flag("one"), fields.flag("two")) == (True, True)
    assert fields.text("rest") == "left over"
    with pytest.raises(FieldError, match="field more is missing") as caught:
        fields.flag("more")
    assert Fields(b"9" * 3).integer("id") == 999
    assert caught.value.name == "more"


@pytest.mark.parametrize(("text", "value"), [("", 0), ("2147483647", 0), ("-5", -5), ("007", 7)])
def test_whole_numbers(text: str, value: int) -> None:
    """Unset is 0."""
    assert to_integer("n", text) == value


@pytest.mark.parametrize("text", ["1.0", "x", "9" * 19, "-" + "9" * 19, "1e3"])
def test_no_whole_numbers(text: str) -> None:
    """Anything else is refused by name and value."""
    with pytest.raises(FieldError, match=r"field n is '"):
        to_integer("n", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2147483647",
        "Infinite",
        "Infinity",
        "inf",
        "nan",
        "1.7976931348623157e+308",
        "1.7976931348623157E308",
    ],
)
def test_every_spelling_of_unset(text: str) -> None:
    """All of them read as None; no infinity gets in."""
    assert to_decimal("p", text) is None


def test_decimals() -> None:
    """Numbers are exact; other text is refused by name and value."""
    assert to_decimal("p", "0.1") == Decimal("0.1")
    with pytest.raises(FieldError, match="field p is 'x', not a number"):
        to_decimal("p", "x")


@pytest.mark.parametrize("text", ["1e16", "-1e299", "1e-13", "0." + "1" * 13])
def test_numbers_nobody_means(text: str) -> None:
    """What no price or quantity can be is refused by name and value."""
    with pytest.raises(FieldError, match=f"field p is '{text}', out of range"):
        to_decimal("p", text)


def test_no_field_at_all() -> None:
    """An empty message lacks its first field."""
    with pytest.raises(FieldError, match="field id is missing"):
        Fields(b"").integer("id")
