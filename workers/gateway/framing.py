"""Bytes of the socket -> payloads of the TWS protocol. Pure.

Each frame is a 4-byte big-endian length and as many bytes. What one read brought is cut in one pass over it, and
only the unfinished end is kept: re-slicing the buffer for every message costs the square of a burst.
"""

from __future__ import annotations

from struct import Struct

HEADER = Struct(">I")
MAX_PAYLOAD = 0xFFFFFF  # IB's own clients refuse anything longer


class FramingLostError(ValueError):
    """A length that no message has: what follows cannot be read. Reconnect."""


class Frames:
    """The inbound bytes of one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now, in order. Raises FramingLostError, after which only `reset` helps."""
        buffer = self._rest + data if self._rest else data
        payloads = []
        start, size = 0, len(buffer)
        while size - start >= HEADER.size:
            (length,) = HEADER.unpack_from(buffer, start)
            if length > MAX_PAYLOAD:
                self._rest = buffer[start:]
                raise FramingLostError(f"a frame of {length} bytes, more than {MAX_PAYLOAD}")
            end = start + HEADER.size + length
            if end > size:
                break
            payloads.append(buffer[start + HEADER.size : end])
            start = end
        self._rest = buffer[start:]
        return payloads

    @property
    def rest(self) -> bytes:
        """The unfinished end of what came."""
        return self._rest

    def reset(self) -> None:
        """A new connection starts with a length."""
        self._rest = b""


def fields_of(payload: bytes) -> list[str]:
    """The fields of one payload; each ends with a NUL. Bytes that are no UTF-8 are shown as escapes."""
    fields = payload.decode(errors="backslashreplace").split("\0")
    fields.pop()
    return fields
