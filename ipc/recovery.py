"""Where a journal ends: found at open, by its only writer, which may then cut off a torn end.

What is cut off is kept beside the segment (`.torn`, `.damaged`): it may be evidence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ipc.appender import NO_SPACE
from ipc.codec import MAX_FRAME, DecodeError, decode_raw_frame
from ipc.frame import Head
from ipc.segment import HEAD_SIZE, Record, scan

TAIL = 4 * (MAX_FRAME + HEAD_SIZE)  # bytes at the end of a segment that are sure to hold a whole record
NEAR = 1 << 16  # bytes that hold one as a rule, and are read in a moment


class Recovered(NamedTuple):
    """The state after the last intact record, and the segment to go on with (None: begin one)."""

    epoch: int
    seq: int
    tails: Mapping[str, int]
    segment: Path | None


def recover(segments: list[Path]) -> Recovered:
    """Find the end of the last of these segments, cut off what is torn there, set aside segments without records."""
    floor = 0
    for segment in reversed(segments):
        found = _last_record(segment)
        if found is not None:
            record, head = found
            _cut(segment, record.end)
            seq = max(head.last, floor)  # of a mark too: its count is 0
            return Recovered(head.epoch, seq, head.tails_after, segment)
        floor = max(floor, int(segment.stem) - 1)
        segment.rename(segment.with_suffix(segment.suffix + ".damaged"))
    return Recovered(0, floor, {}, None)


def _last_record(segment: Path) -> tuple[Record, Head] | None:
    size = segment.stat().st_size
    with segment.open("rb", buffering=0) as file:

        def read(offset: int, length: int) -> bytes:
            return os.pread(file.fileno(), length, offset)

        for start in (max(0, size - NEAR), max(0, size - TAIL), 0):
            last: tuple[Record, Head] | None = None
            for record in scan(read, start, size):
                try:
                    last = record, decode_raw_frame(record.body)
                except DecodeError:
                    continue  # intact, but not of this program: neither read nor overwritten
            if last is not None:
                return last
    return None


def _cut(segment: Path, end: int) -> None:
    size = segment.stat().st_size
    if size == end:
        return
    with segment.open("rb+", buffering=0) as file:
        torn = os.pread(file.fileno(), size - end, end)
        _set_aside(segment.with_suffix(segment.suffix + ".torn"), torn)
        file.truncate(end)
        os.fsync(file.fileno())


def _set_aside(path: Path, torn: bytes) -> None:
    """Keep it, as far as there is room: a full disk must not keep a process down."""
    try:
        with path.open("ab", buffering=0) as aside:
            aside.write(torn)
            os.fsync(aside.fileno())
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
