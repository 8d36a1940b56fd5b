"""What the journals hold: read from their files, whether or not anybody still writes them."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator

from conf.settings import Settings
from ipc.bus import BEGINNING, Envelope, JournalReader, Position
from ipc.clock import NS
from ipc.codec import DecodeError, Undecodable, envelopes, read_frame
from workers.cli.bus import EVERYBODY

WINDOWS_S = (60, 3_600, 86_400)  # looked through, newest first, for the last few messages; then everything
FOREVER_NS = 1 << 63

Wanted = Callable[[Envelope], bool]


class Past:
    """The journals of all processes that may publish `topics`.

    After a read that came to its end, `positions` says where each publisher's journal was left: a Subscriber
    that begins there brings what followed, without gap or repetition.
    """

    def __init__(self, settings: Settings, topics: Collection[str]) -> None:
        self.positions: dict[str, Position] = {}
        self.unreadable = 0  # messages of the last read that did not decode
        self._topics = topics
        self._readers = {name: JournalReader(settings.journal(name), name) for name in EVERYBODY}

    @property
    def damage(self) -> list[str]:
        """What the reads met that no reader can make sense of, in words."""
        return [
            f"{damage.segment}: {damage.size} bytes at {damage.offset} hold no intact record"
            for reader in self._readers.values()
            for damage in sorted(reader.damage)
        ]

    def read(self, wanted: Wanted, *, since_ns: int = 0, until_ns: int = FOREVER_NS) -> Iterator[Envelope]:
        """Messages written from `since_ns` to `until_ns` (epoch), in order of time, each publisher's in its own."""
        self.unreadable = 0
        streams = [self._of(name, reader, since_ns) for name, reader in self._readers.items()]
        for envelope in heapq.merge(*streams, key=lambda envelope: envelope.at_ns):
            if envelope.at_ns <= until_ns and wanted(envelope):
                yield envelope

    def last(
        self, count: int, wanted: Wanted, *, since_ns: int | None, until_ns: int = FOREVER_NS, now_ns: int
    ) -> list[Envelope]:
        """The last so many of them; `since_ns` None looks back as far as it takes."""
        windows = [now_ns - seconds * NS for seconds in WINDOWS_S] + [0] if since_ns is None else [since_ns]
        found: deque[Envelope] = deque(maxlen=count)
        for window_ns in windows:
            found = deque(self.read(wanted, since_ns=window_ns, until_ns=until_ns), maxlen=count)
            if len(found) == count:
                break
        return list(found)

    def _of(self, name: str, reader: JournalReader, since_ns: int) -> Iterator[Envelope]:
        self.positions.pop(name, None)
        for entry in reader.entries_since(since_ns):
            self.positions[name] = Position(entry.head.epoch, entry.head.last)
            if entry.head.topic not in self._topics:
                continue
            try:
                frame = read_frame(entry.body)
            except DecodeError:
                self.unreadable += 1
                continue
            bad: list[Undecodable] = []
            yield from envelopes(name, frame, aside=bad.append)
            self.unreadable += len(bad)
        if name not in self.positions:
            self.positions[name] = position_before(reader, since_ns)


def position_before(reader: JournalReader, since_ns: int) -> Position:
    """Where everything that was written before an instant has been read, and nothing that was written then."""
    for segment in reversed(reader.segments()):
        found = None
        for entry in reader.entries(after=int(segment.stem) - 1):
            if entry.head.at_ns >= since_ns:
                break
            found = Position(entry.head.epoch, entry.head.last)
        if found is not None:
            return found
    return BEGINNING
