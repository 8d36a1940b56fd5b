"""The publisher's journal: the audit log, and what replay reads. One writer, append only.

Files `{first seq}.journal` in a private directory, each a run of records (`ipc.segment`). What a record says
was true before anybody heard it: the journal is written first. It is never read back as execution state.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ipc.appender import Appender, typed
from ipc.clock import NS
from ipc.codec import decode_raw_frame, encode
from ipc.errors import JournalError, JournalFull, JournalInUse
from ipc.frame import START_MARK, Envelope, Frame, Head
from ipc.reader import SUFFIX, Entry, JournalReader, Step
from ipc.recovery import recover
from ipc.security import private_directory
from ipc.segment import HEAD_SIZE, pack

FLUSH = 256  # records written at once when the disk has room again


class Journal:
    """Opens a directory for writing, repairs a torn end, begins a new epoch.

    `seq` and `tails` are where the publisher stands; both continue from the last intact record. `epoch` is
    greater than every earlier one of this journal. `error` says why records are held in memory instead of
    written, None when all is written. Raises JournalInUse, InsecurePath, or JournalError when it cannot even begin.
    """

    def __init__(
        self,
        directory: Path,
        publisher: str = "",
        *,
        segment_bytes: int = 64 << 20,
        keep_bytes: int = 4 << 30,
        keep_s: float = 14 * 86_400,
        backlog_bytes: int = 64 << 20,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.directory = directory
        self.publisher = publisher or directory.name
        self.error: JournalError | None = None
        self.dropped = 0  # records that neither the disk nor the backlog could take
        self._segment_bytes = segment_bytes
        self._keep_bytes = keep_bytes
        self._keep_ns = int(keep_s * NS)
        self._backlog: deque[bytes] = deque()  # records in memory because the disk refused them, oldest first
        self._backlog_size = 0
        self._backlog_bytes = backlog_bytes
        self._wall_ns = wall_ns
        self._lock = _lock(directory)
        self._reader = JournalReader(directory, self.publisher)
        found = recover(self._reader.segments())
        self.seq = found.seq
        self.tails: Mapping[str, int] = found.tails
        self.epoch = max(found.epoch + 1, wall_ns() // 1_000_000)
        self._directory_synced = False
        self._segment = Appender(found.segment or self._path(self.seq + 1))
        self._begin(self._mark(self.seq, self.tails))
        self.prune()

    def _begin(self, mark: bytes) -> None:
        """Write the first record, or let it wait like any other: a full disk must not keep a process down."""
        try:
            self._segment.append(mark)
        except JournalFull as error:
            self.error = error
            self._hold([mark])

    # ------------------------------------------------------------ write

    def append(
        self, frames: Sequence[bytes], seq: int, tails: Mapping[str, int], *, sync: bool = False
    ) -> None:
        """Write frames that bring the publisher to `seq` and `tails`.

        With `sync` they are on the disk when this returns; if that cannot be, JournalError is raised and the
        publisher stays where it was. Without it they are in the kernel's hands, which outlive this process;
        records that the disk refuses wait in memory (`error`, `pending`) and are written as soon as it takes them.
        """
        records = [pack(frame) for frame in frames]
        try:
            if self._backlog:
                self.flush()
            self._write(records, sync=sync)
        except JournalError as error:
            if sync:
                raise
            self.error = error
            self._hold(records)
        self.seq = seq
        self.tails = tails

    def flush(self) -> None:
        """Write what waits in memory. Raises JournalError if the disk still refuses it."""
        while self._backlog:
            records = list(islice(self._backlog, FLUSH))
            self._write(records, sync=False)
            for record in records:
                self._backlog.popleft()
                self._backlog_size -= len(record)
        self.error = None

    def retry(self) -> None:
        """The same, but leave it waiting, and `error` set, if the disk still refuses it."""
        try:
            self.flush()
        except JournalError as error:
            self.error = error

    @property
    def pending(self) -> int:
        """Records that wait in memory for room on the disk."""
        return len(self._backlog)

    @property
    def segment(self) -> Path:
        """The segment that is written."""
        return self._segment.path

    @property
    def size(self) -> int:
        """Bytes of the segment that is written."""
        return self._segment.size

    def prune(self) -> list[Path]:
        """Delete closed segments beyond the size or age to keep, oldest first; returns what was deleted.

        What recovery set aside is kept as long, whatever its size.
        """
        closed = [(path, path.stat()) for path in self._reader.segments() if path != self._segment.path]
        size = self._segment.size + sum(stat.st_size for _, stat in closed)
        oldest_ns = self._wall_ns() - self._keep_ns
        deleted = []
        for path, stat in closed:
            if size <= self._keep_bytes and stat.st_mtime_ns >= oldest_ns:
                break
            path.unlink()
            size -= stat.st_size
            deleted.append(path)
        for path in self.directory.glob(f"*{SUFFIX}.*"):  # what `recover` set aside
            if path.stat().st_mtime_ns < oldest_ns:
                path.unlink()
                deleted.append(path)
        return deleted

    def close(self) -> None:
        """Try once more to write what waits, close the files, let another writer in."""
        self.retry()
        self._segment.close()
        os.close(self._lock)

    def _write(self, records: Sequence[bytes], *, sync: bool) -> None:
        data = records[0] if len(records) == 1 else b"".join(records)
        if self._segment.size + len(data) > self._segment_bytes:
            self._rotate(decode_raw_frame(records[0][HEAD_SIZE:]))
        if sync and not self._directory_synced:
            self._sync_directory()
        self._segment.append(data, sync=sync)

    def _rotate(self, following: Head) -> None:
        """Begin the segment that starts with this frame, unless the present one is still empty."""
        path = self._path(following.seq)
        if path == self._segment.path:
            return
        segment = Appender(path)
        try:
            segment.append(self._mark(following.seq - 1, following.tails))
        except JournalError:
            segment.close()
            path.unlink()
            raise
        self._segment.close()
        self._segment = segment
        self._directory_synced = False
        self.prune()

    def _mark(self, seq: int, tails: Mapping[str, int]) -> bytes:
        """A record without messages: from here on this epoch, after this seq."""
        mark = Frame(START_MARK, self.epoch, seq + 1, 0, 0, 0, self._wall_ns(), dict(tails))
        return pack(encode(mark))

    def _hold(self, records: Sequence[bytes]) -> None:
        self._backlog.extend(records)
        self._backlog_size += sum(map(len, records))
        while self._backlog_size > self._backlog_bytes:
            self._backlog_size -= len(self._backlog.popleft())
            self.dropped += 1

    def _sync_directory(self) -> None:
        try:
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise typed(error, self.directory) from error
        self._directory_synced = True

    def _path(self, seq: int) -> Path:
        return self.directory / f"{seq:020d}{SUFFIX}"

    # ------------------------------------------------------------ read

    def oldest(self) -> Head | None:
        """The first head that is retained."""
        return self._reader.oldest()

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """Records with messages after this seq, in order, those that wait in memory too."""
        yield from self._reader.entries(after=after)
        for record in tuple(self._backlog):
            body = record[HEAD_SIZE:]
            head = decode_raw_frame(body)
            if head.count and head.last > after:
                yield Entry(head, body)

    def read(self, *, after: int = 0, topic: str | None = None) -> Iterator[Envelope]:
        """Messages after a seq, of one topic or of all, in order."""
        return self._reader.read(after=after, topic=topic)

    def steps(self, *, after: int = 0, topic: str | None = None) -> Iterator[Step]:
        """Records on the disk after a seq, in order, up to what is their end now.

        That end is before what waits in memory, and before what a failed write may have left in the file.
        """
        end = decode_raw_frame(self._backlog[0][HEAD_SIZE:]).seq - 1 if self._backlog else self.seq
        for step in self._reader.steps(after=after, topic=topic):
            if step.position.seq > end:
                return
            yield step


def _lock(directory: Path) -> int:
    """Take the directory for one writer; the descriptor holds the lock."""
    try:
        private_directory(directory)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise typed(error, directory) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalInUse(
            f"journal {directory} is written by another process: stop that one first"
        ) from None
    return descriptor
