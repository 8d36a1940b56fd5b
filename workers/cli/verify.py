"""Is one journal whole? Every record's checksum, every number in its place, from the files alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ipc.codec import DecodeError, decode_raw_frame, read_frame, undecodable
from ipc.frame import Head
from ipc.reader import SUFFIX
from ipc.segment import Record, scan

SETTLE_S = 0.1  # a record at the very end that is still incomplete after this was torn


@dataclass
class Found:
    """What is in a journal. `problems` in words, `aside` the files that a recovery put aside."""

    process: str
    segments: int = 0
    records: int = 0
    messages: int = 0
    size: int = 0  # bytes
    first_seq: int = 0
    last_seq: int = 0
    epochs: int = 0
    problems: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)


class Verifier:
    """Judges the heads of one journal's records in their order."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._epoch = 0
        self._tails: Mapping[str, int] | None = None

    def take(self, head: Head) -> str:
        """What is wrong with the next record; empty when it follows its predecessor."""
        found, tails, epoch = self._found, self._tails, self._epoch
        expected = found.last_seq + 1
        found.epochs += head.epoch != epoch
        self._epoch, self._tails = head.epoch, head.tails_after
        found.last_seq = head.last
        if tails is None:
            found.first_seq = head.seq
            return ""
        if head.epoch < epoch:
            return f"epoch {head.epoch} follows epoch {epoch}"
        if head.seq != expected:
            return f"seq {head.seq} follows seq {expected - 1}"
        if dict(head.tails) != dict(tails):
            return f"seq {head.seq} says the topics had come to {dict(head.tails)}, not {dict(tails)}"
        if head.count and head.topic_seq != tails.get(head.topic, 0) + 1:
            return f"{head.topic}#{head.topic_seq} follows {head.topic}#{tails.get(head.topic, 0)}"
        return ""


def verify(directory: Path, process: str) -> Found:
    """Read all of a journal. It may be written meanwhile."""
    found = Found(process)
    verifier = Verifier(found)
    segments = sorted(directory.glob(f"*{SUFFIX}"))
    for segment in segments:
        try:
            with segment.open("rb") as file:
                _segment(file, segment, verifier, found, last=segment == segments[-1])
        except FileNotFoundError:
            continue  # retention has deleted it meanwhile
    found.aside = [
        f"{path.name} ({path.stat().st_size} bytes)" for path in sorted(directory.glob(f"*{SUFFIX}.*"))
    ]
    return found


def _segment(file: BinaryIO, segment: Path, verifier: Verifier, found: Found, *, last: bool) -> None:
    found.segments += 1
    size, end = _size(file), 0
    for record in _records(file, size, last=last):
        where = f"{segment.name} at {record.offset}"
        if record.skipped:
            start = record.offset - record.skipped
            found.problems.append(f"{segment.name} at {start}: {record.skipped} bytes hold no intact record")
        end = record.end
        found.records += 1
        found.size += record.end - record.offset
        try:
            problem = verifier.take(decode_raw_frame(record.body))
            found.problems += [f"{where}: {problem}"] if problem else []
            frame = read_frame(record.body)
        except DecodeError as error:
            found.problems.append(f"{where}: {error}")
            continue
        found.messages += frame.count
        found.problems += [f"{where}: {bad.problem}" for bad in undecodable(frame)]
    if end < size:
        what = "torn end of {} bytes" if last else "{} bytes hold no intact record"
        found.problems.append(f"{segment.name} at {end}: {what.format(size - end)}")


def _records(file: BinaryIO, size: int, *, last: bool) -> Iterator[Record]:
    """The intact records in `size` bytes; in the last segment also one that was under way, and those after it."""

    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    end = 0
    for record in scan(read, 0, size):
        yield record
        end = record.end
    if last and end < size:
        time.sleep(SETTLE_S)
        yield from scan(read, end, _size(file))


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
