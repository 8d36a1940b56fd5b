"""One open segment: whole records are added to it, or nothing is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ipc.errors import JournalError, JournalFull

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Appender:
    """The writer's end of a segment. Raises JournalFull or another JournalError, with nothing added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise typed(error, path) from error
        self.size = os.fstat(self._descriptor).st_size
        self._torn = False  # bytes beyond `size` that could not be cut off yet

    def append(self, data: bytes, *, sync: bool = False) -> None:
        """Write all of `data`; with `sync` it is on the disk when this returns."""
        descriptor, size = self._descriptor, len(data)
        try:
            if self._torn:
                self._cut()
            written = os.write(descriptor, data)
            while written < size:
                written += os.write(descriptor, memoryview(data)[written:])
            if sync:
                os.fdatasync(descriptor)
        except OSError as error:
            try:
                self._cut()
            except OSError:
                pass  # tried again before the next record; until then a reader stops at the torn one
            raise typed(error, self.path) from error
        self.size += size

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _cut(self) -> None:
        self._torn = True
        os.ftruncate(self._descriptor, self.size)
        self._torn = False


def typed(error: OSError, path: Path) -> JournalError:
    """The journal's own error for one of the system."""
    if error.errno in NO_SPACE:
        return JournalFull(f"journal {path.parent} is full ({error.strerror}): make room on its file system")
    return JournalError(f"journal {path} cannot be written ({error.strerror}): check the disk and its mount")
