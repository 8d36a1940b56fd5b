"""Reading a journal: by seq, by topic, by wall time; in the publisher's process or in any other.

A reader never sees a torn or damaged record: it notes the damage and goes on with the next intact one. A
segment that retention deletes meanwhile counts as not retained.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ipc.codec import DecodeError, Undecodable, counted, decode_raw_frame, envelopes
from ipc.frame import Envelope, Head, Position, RawFrame
from ipc.segment import scan

SUFFIX = ".journal"
LINEAR = 1 << 16  # bytes below which a search reads on instead of halving
PROBE = 1 << 13  # bytes read at once while searching


class Entry(NamedTuple):
    """One intact record: its frame, the messages not decoded, and the frame as bytes."""

    head: RawFrame
    body: bytes


class Step(NamedTuple):
    """One record as it is read on: the position after it, and those of its messages that were asked for."""

    position: Position
    envelopes: list[Envelope]


class Damage(NamedTuple):
    """Bytes of a segment that hold no intact record although intact records follow them."""

    segment: Path
    offset: int
    size: int


Predicate = Callable[[Head], bool]


class JournalReader:
    """Reads the segments in a directory. Holds nothing open between calls."""

    def __init__(self, directory: Path, publisher: str = "") -> None:
        self.directory = directory
        self.publisher = publisher or directory.name
        self.damage: set[Damage] = set()  # met by the reads so far
        self.undecodable: deque[Undecodable] = deque(maxlen=1_000)  # left out by `read` so far

    def segments(self) -> list[Path]:
        """The retained segments, oldest first."""
        return sorted(self.directory.glob(f"*{SUFFIX}"))

    def oldest(self) -> Head | None:
        """The first head that is retained, a start mark as a rule."""
        heads = (_first_head(segment) for segment in self.segments())
        return next((head for head in heads if head is not None), None)

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """Records with messages after this seq, in order; the first may begin before it."""
        for entry in self._from(lambda head: head.last > after):
            if entry.head.count:
                yield entry

    def entries_since(self, since_ns: int) -> Iterator[Entry]:
        """Records written at this instant (epoch ns) or later, in order.

        Exact whatever the clock did, but for a segment whose file was last written before `since_ns`: it is
        skipped unread.
        """
        segments = self.segments()
        for segment in segments:
            if _written_ns(segment) >= since_ns:
                for entry in self._scan(segment, 0, last=segment == segments[-1]):
                    if entry.head.count and entry.head.at_ns >= since_ns:
                        yield entry

    def read(
        self, *, after: int = 0, topic: str | None = None, since_ns: int | None = None
    ) -> Iterator[Envelope]:
        """Messages after a seq, of one topic or of all, written at an instant (epoch ns) or later, in order.

        A message that does not decode is left out and kept in `undecodable`.
        """
        entries = self.entries(after=after) if since_ns is None else self.entries_since(since_ns)
        for entry in entries:
            if topic is None or entry.head.topic == topic:
                yield from self._messages(entry, after)

    def steps(self, *, after: int = 0, topic: str | None = None) -> Iterator[Step]:
        """The same, record by record, for a reader that keeps its place; also records of other topics, unread."""
        for entry in self.entries(after=after):
            head = entry.head
            wanted = topic is None or head.topic == topic
            yield Step(Position(head.epoch, head.last), self._messages(entry, after) if wanted else [])

    def _messages(self, entry: Entry, after: int) -> list[Envelope]:
        frame = counted(entry.head, entry.body)
        skip = max(0, after + 1 - frame.seq)
        return envelopes(self.publisher, frame, skip=skip, aside=self.undecodable.append)

    # ------------------------------------------------------------ search

    def _from(self, reached: Predicate) -> Iterator[Entry]:
        """Records from the first for which `reached` holds; it must hold for every later one too."""
        segments = self.segments()
        first = self._segment_before(segments, reached)
        for index in range(first, len(segments)):
            offset = _search(segments[index], reached) if index == first else 0
            for entry in self._scan(segments[index], offset, last=index == len(segments) - 1):
                if reached(entry.head):
                    yield entry

    def _segment_before(self, segments: list[Path], reached: Predicate) -> int:
        for index in range(len(segments) - 1, 0, -1):
            head = _first_head(segments[index])
            if head is not None and not reached(head):
                return index
        return 0

    def _scan(self, segment: Path, offset: int, *, last: bool) -> Iterator[Entry]:
        with _Open(segment) as file:
            end = offset
            for record in scan(file.read, offset, file.size):
                if record.skipped:
                    self.damage.add(Damage(segment, record.offset - record.skipped, record.skipped))
                end = record.end
                try:
                    head = decode_raw_frame(record.body)
                except DecodeError:
                    self.damage.add(Damage(segment, record.offset, record.end - record.offset))
                else:
                    yield Entry(head, record.body)
            if end < file.size and not last:  # at the end of the last one a record may be under way
                self.damage.add(Damage(segment, end, file.size - end))


def _search(segment: Path, reached: Predicate) -> int:
    """Offset of a record at or before the first for which `reached` holds."""
    with _Open(segment) as file:
        low, high = 0, file.size
        while high - low > LINEAR:
            middle = (low + high) // 2
            record = next(scan(file.read, middle, high, block=PROBE), None)
            head = _head_of(record.body) if record else None
            if record is None or head is None or reached(head):
                high = middle
            else:
                low = record.end
        return low


def _first_head(segment: Path) -> Head | None:
    with _Open(segment) as file:
        record = next(scan(file.read, 0, file.size, block=PROBE), None)
        return _head_of(record.body) if record else None


def _head_of(body: bytes) -> Head | None:
    try:
        return decode_raw_frame(body)
    except DecodeError:
        return None


def _written_ns(segment: Path) -> int:
    try:
        return segment.stat().st_mtime_ns
    except FileNotFoundError:
        return -1


class _Open:
    """A segment open for reading; one that is gone reads as empty."""

    def __init__(self, segment: Path) -> None:
        self._segment = segment
        self._descriptor = -1
        self.size = 0

    def __enter__(self) -> _Open:
        try:
            self._descriptor = os.open(self._segment, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self
        self.size = os.fstat(self._descriptor).st_size
        return self

    def __exit__(self, *exc: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)
