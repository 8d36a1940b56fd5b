"""ipc.quarantine: undecodable bytes are kept, within bounds, and keeping them never fails the caller."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import pytest

from ipc.quarantine import Quarantine


def test_keeps_bytes_source_and_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file says when, from where, why, and what; the log says that it happened; only the owner may read it."""
    path = tmp_path / "q.jsonl"
    quarantine = Quarantine(path, wall_ns=lambda: 7)
    quarantine.keep("gateway.trade", "bad tag", b"\x00\xff")
    quarantine.keep("gateway.trade", "bad tag", b"again")
    first, _ = (json.loads(line) for line in path.read_text().splitlines())
    assert base64.b64decode(first.pop("base64")) == b"\x00\xff"
    assert first == {"at_ns": 7, "source": "gateway.trade", "problem": "bad tag"}
    assert quarantine.count == 2
    assert "gateway.trade: bad tag (2 bytes)" in caplog.text
    assert path.stat().st_mode & 0o777 == 0o600


def test_is_bounded(tmp_path: Path) -> None:
    """Two files of the given size hold the latest; older ones go."""
    path = tmp_path / "q.jsonl"
    quarantine = Quarantine(path, max_bytes=2_000)
    for number in range(100):
        quarantine.keep("x", f"problem {number}", b"y" * 100)
    old = path.with_name("q.jsonl.1")
    assert old.stat().st_size <= 2_000
    assert path.stat().st_size <= 2_000
    assert "problem 99" in path.read_text().splitlines()[-1]


def test_counts_without_a_file(caplog: pytest.LogCaptureFixture) -> None:
    """Without a path it still counts and logs."""
    quarantine = Quarantine()
    quarantine.keep("x", "y", b"")
    assert quarantine.count == 1
    assert caplog.records[0].levelno == logging.ERROR


def test_disk_that_refuses_is_counted(tmp_path: Path) -> None:
    """That the quarantine cannot be written does not stop the bus."""
    quarantine = Quarantine(tmp_path / "absent" / "q.jsonl")
    quarantine.keep("x", "y", b"")
    assert (quarantine.count, quarantine.unwritten) == (1, 1)
