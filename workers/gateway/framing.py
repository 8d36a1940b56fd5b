"""Bytes of the socket -> payloads of the TWS protocol. Pure.

Each frame is a 4-byte big-endian length and as many bytes. What one read brought is cut in one pass over it, and
only the unfinished end is kept: re-slicing the buffer for every message costs the square of a burst.
"""

from __future__ import annotations

from struct import Struct

HEADER = Struct(">I")
MAX_PAYLOAD = 0xFFFFFF  # IB's own clients refuse anything longer


class Frames:
    """The inbound bytes of one connection.

    `lost` says that a length came which no message has: nothing after it can be read, only a new connection helps.
    """

    def __init__(self) -> None:
        self.rest = b""  # the unfinished end of what came, or what cannot be read
        self.lost = ""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now, in order."""
        buffer = self.rest + data if self.rest else data
        payloads: list[bytes] = []
        begin = HEADER.size  # of a payload
        size = 0 if self.lost else len(buffer)
        unpack, keep = HEADER.unpack_from, payloads.append
        while begin <= size:
            (length,) = unpack(buffer, begin - HEADER.size)
            end = begin + length
            if end > size or length > MAX_PAYLOAD:
                if length > MAX_PAYLOAD:
                    self.lost = f"a message of {length} bytes: this is no TWS, or the stream is out of step"
                break
            keep(buffer[begin:end])
            begin = end + HEADER.size
        self.rest = buffer[begin - HEADER.size :]
        return payloads

    def reset(self) -> None:
        """A new connection starts with a length."""
        self.rest = b""
        self.lost = ""


def fields_of(payload: bytes) -> list[str]:
    """The fields of one payload; each ends with a NUL. Bytes that are no UTF-8 are shown as escapes."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload.decode(errors="backslashreplace")
    fields = text.split("\0")
    fields.pop()
    return fields
