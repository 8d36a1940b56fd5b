"""ipc.appender: a record is in the file whole or not at all, and the error says why. The kernel refuses for real."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipc.appender import Appender, typed
from ipc.errors import JournalError, JournalFull


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: writes fail as on a full disk, short ones included."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("sync", [False, True])
def test_appends_whole_records(tmp_path: Path, sync: bool) -> None:
    """What is appended is in the file, for its owner only."""
    path = tmp_path / "a.journal"
    appender = Appender(path)
    appender.append(b"one", sync=sync)
    appender.append(b"two", sync=sync)
    appender.close()
    assert path.read_bytes() == b"onetwo"
    assert path.stat().st_mode & 0o777 == 0o600


def test_continues_an_existing_file(tmp_path: Path) -> None:
    """A segment opened again grows at its end."""
    path = tmp_path / "a.journal"
    path.write_bytes(b"before")
    appender = Appender(path)
    assert appender.size == 6
    appender.append(b"after")
    appender.close()
    assert path.read_bytes() == b"beforeafter"


def test_half_written_record_is_taken_back(tmp_path: Path) -> None:
    """A write that the kernel cuts short and then refuses leaves nothing behind, and the next one works."""
    path = tmp_path / "a.journal"
    appender = Appender(path)
    appender.append(b"x" * 100)
    with file_size_limit(150), pytest.raises(JournalFull, match="make room"):
        appender.append(b"y" * 100)
    assert path.read_bytes() == b"x" * 100
    appender.append(b"z" * 100)
    appender.close()
    assert path.read_bytes() == b"x" * 100 + b"z" * 100


def test_end_that_cannot_be_cut_is_cut_before_the_next_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the disk refuses to take a torn record back, the next record does not follow it."""
    path = tmp_path / "a.journal"
    appender = Appender(path)
    appender.append(b"one")

    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch, file_size_limit(5):
        patch.setattr(os, "ftruncate", refuse)  # no disk at hand refuses this on demand
        with pytest.raises(JournalFull):
            appender.append(b"two")
    assert path.read_bytes() == b"onetw"
    appender.append(b"three")
    appender.close()
    assert path.read_bytes() == b"onethree"


def test_sync_that_fails_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that did not reach the disk when it had to is taken back."""
    path = tmp_path / "a.journal"
    appender = Appender(path)

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)  # no disk at hand fails on demand
        with pytest.raises(JournalError, match="check the disk"):
            appender.append(b"intent", sync=True)
    appender.close()
    assert path.read_bytes() == b""


def test_file_that_cannot_be_opened_is_typed(tmp_path: Path) -> None:
    """A directory that is not there is the journal's error, not a bare OSError."""
    with pytest.raises(JournalError, match=r"a\.journal cannot be written"):
        Appender(tmp_path / "absent" / "a.journal")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, JournalFull),
        (errno.EDQUOT, JournalFull),
        (errno.EFBIG, JournalFull),
        (errno.EROFS, JournalError),
    ],
)
def test_no_room_is_told_from_broken(tmp_path: Path, code: int, kind: type[JournalError]) -> None:
    """Out of space, quota and size limit are JournalFull; everything else is not."""
    assert type(typed(OSError(code, os.strerror(code)), tmp_path)) is kind
