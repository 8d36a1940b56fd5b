"""Records of a journal segment: how they are framed, and how they are found again, after damage too. Pure.

A segment is a stream of msgpack values, two per record: the CRC-32 (uint32) of the body, and the body (bin32),
which is a frame. Any msgpack tool can read it. Nothing that fails its checksum is ever returned.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple
from zlib import crc32

from ipc.codec import MAX_FRAME

_HEAD = struct.Struct(">BIBI")  # 0xce crc, 0xc6 length
_UINT32, _BIN32 = 0xCE, 0xC6
HEAD_SIZE = _HEAD.size
BLOCK = 1 << 18

Read = Callable[[int, int], bytes]  # (offset, size) -> at most so many bytes


class Record(NamedTuple):
    """One intact record. `skipped` is the number of unreadable bytes between it and the one before."""

    offset: int
    end: int
    body: bytes
    skipped: int


def pack(body: bytes) -> bytes:
    """A record around a frame."""
    return _HEAD.pack(_UINT32, crc32(body), _BIN32, len(body)) + body


def scan(read: Read, offset: int, end: int, *, block: int = BLOCK) -> Iterator[Record]:
    """Every intact record that begins at `offset` or later and ends at `end` or earlier, in order.

    `offset` need not be the beginning of a record. What follows the last record yielded is torn or damaged.
    """
    window = _Window(read, end, block)
    skipped = 0
    while offset + HEAD_SIZE <= end:
        body = _body_at(window, offset)
        if body is None:
            following = window.find_candidate(offset + 1)
            skipped += following - offset
            offset = following
            continue
        after = offset + HEAD_SIZE + len(body)
        yield Record(offset, after, body, skipped)
        offset, skipped = after, 0


def _body_at(window: _Window, offset: int) -> bytes | None:
    head = window.get(offset, HEAD_SIZE)
    if len(head) < HEAD_SIZE:
        return None
    first, crc, second, length = _HEAD.unpack(head)
    if first != _UINT32 or second != _BIN32 or length > MAX_FRAME:
        return None
    body = window.get(offset + HEAD_SIZE, length)
    if len(body) < length or crc32(body) != crc:
        return None
    return body


class _Window:
    """Bytes of a segment up to `end`, read in blocks."""

    def __init__(self, read: Read, end: int, block: int) -> None:
        self._read = read
        self._end = end
        self._block = block
        self._base = 0
        self._bytes = b""

    def get(self, offset: int, size: int) -> bytes:
        size = min(size, self._end - offset)
        start = offset - self._base
        if start < 0 or start + size > len(self._bytes):
            self._base, start = offset, 0
            self._bytes = self._read(offset, min(max(size, self._block), self._end - offset))
        return self._bytes[start : start + size]

    def find_candidate(self, offset: int) -> int:
        """Offset of the next byte that may begin a record, `end` when there is none."""
        while offset < self._end:
            if not self.get(offset, 1):
                break  # the file is shorter than it was said to be
            found = self._bytes.find(_UINT32, offset - self._base)
            if found >= 0:
                return self._base + found
            offset = self._base + len(self._bytes)
        return self._end
