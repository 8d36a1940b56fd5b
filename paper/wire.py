"""Frames and fields of the TWS socket. Pure: bytes in, fields out, and back.

A frame is a big-endian u32 length and that many bytes; a message is text fields, each ended by a NUL. Clients
spell "unset" in several ways; all of them read as None here and no unset marker or infinity gets further in.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

PREAMBLE = b"API\0"
MAX_FRAME = 1 << 20  # bytes; the longest request a client library builds is a few kB
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INTEGER = "2147483647"
UNSET_LONG = "9223372036854775807"
_UNSET_FROM = Decimal("1E300")  # anything above is one of the spellings of "unset"
_LARGEST_NUMBER = Decimal("1E15")  # prices and quantities; products of two stay exact enough
_FINEST = 12  # decimal places
_PLACES = 8
_ROUNDED = Decimal(10) ** 18  # what is larger has no room for decimals
_LENGTH = struct.Struct(">I")

Field = str | int | bool | Decimal | float | None


class WireError(ValueError):
    """The bytes are not the TWS protocol; the connection cannot go on."""


class FieldError(ValueError):
    """One field of one message cannot be read; the message is refused, the connection goes on."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"field {name} {problem}")
        self.name = name


class FrameBuffer:
    """Cuts a byte stream into payloads; the stream starts with the client's preamble."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._data = bytearray()
        self._limit = limit
        self._greeted = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each payload that is complete. Raises WireError on a foreign preamble or an oversized frame."""
        self._data += data
        if not self._greeted and not self._greet():
            return
        start = 0
        try:
            while len(self._data) - start >= 4:
                (length,) = _LENGTH.unpack_from(self._data, start)
                if length > self._limit:
                    raise WireError(f"frame of {length} bytes, the limit is {self._limit}")
                if len(self._data) - start - 4 < length:
                    return
                start += 4 + length
                yield bytes(self._data[start - length : start])
        finally:
            del self._data[:start]

    def _greet(self) -> bool:
        if not PREAMBLE.startswith(self._data[:4]):
            raise WireError(f"stream starts with {bytes(self._data[:4])!r}, not {PREAMBLE!r}")
        if len(self._data) < 4:
            return False
        del self._data[:4]
        self._greeted = True
        return True


def client_versions(payload: bytes) -> tuple[int, int]:
    """The version range of a client's greeting, `v157..176` or `v157..176 options`. Raises WireError."""
    text = payload.decode("ascii", "replace").split(" ", 1)[0].rstrip("\0")
    low, _, high = text.removeprefix("v").partition("..")
    if not text.startswith("v") or not low.isdecimal() or not (high or low).isdecimal():
        raise WireError(f"greeting {payload[:40]!r} is not v<min>..<max>")
    return int(low), int(high or low)


def number(value: Decimal | float) -> str:
    """A number as TWS writes it: plain notation, at most eight places, no superfluous zeros."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if abs(exact) < _ROUNDED:
        exact = round(exact, _PLACES)
    text = format(exact, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def text_of(value: Field) -> str:
    """One field as text; None is the empty field."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case str():
            return value.replace("\0", "")
        case int():
            return str(value)
        case _:
            return number(value)


def frame(*fields: Field) -> bytes:
    """One message, ready for the socket."""
    payload = "".join(text_of(field) + "\0" for field in fields).encode(errors="backslashreplace")
    return _LENGTH.pack(len(payload)) + payload


class Fields:
    """A cursor over one message's fields. Left-over fields are tolerated: newer encoders send more."""

    def __init__(self, payload: bytes) -> None:
        self._items = payload.decode(errors="backslashreplace").split("\0")
        if self._items[-1] == "":
            self._items.pop()
        self._next = 0

    def text(self, name: str) -> str:
        """The next field as it stands. Raises FieldError when the message ends before it."""
        if self._next >= len(self._items):
            raise FieldError(name, "is missing")
        self._next += 1
        return self._items[self._next - 1]

    def integer(self, name: str) -> int:
        """The next field as a whole number; unset reads as 0."""
        return to_integer(name, self.text(name))

    def decimal(self, name: str) -> Decimal | None:
        """The next field as a number; every spelling of unset reads as None."""
        return to_decimal(name, self.text(name))

    def flag(self, name: str) -> bool:
        """The next field as a truth value."""
        return self.text(name) in ("1", "true", "True")


def to_integer(name: str, text: str) -> int:
    """A field's text as a whole number; unset reads as 0. Raises FieldError."""
    if text in ("", UNSET_INTEGER):
        return 0
    try:
        value = int(text)
    except ValueError:
        raise FieldError(name, f"is {text[:40]!r}, not a whole number") from None
    if abs(value) >= 1 << 63:
        raise FieldError(name, f"is {text[:40]!r}, out of range")
    return value


def to_decimal(name: str, text: str) -> Decimal | None:
    """A field's text as a number; None when unset or infinite. Raises FieldError."""
    if text in ("", UNSET_INTEGER, "Infinite", "Infinity"):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise FieldError(name, f"is {text[:40]!r}, not a number") from None
    if not value.is_finite() or abs(value) > _UNSET_FROM:
        return None
    if abs(value) > _LARGEST_NUMBER or int(value.normalize().as_tuple().exponent) < -_FINEST:
        raise FieldError(name, f"is {text[:40]!r}, out of range")
    return value
