"""Reading a real journal back, and the file that makes it short; every way in which the file may not be what it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ipc.bus import BEGINNING, Journal, Position, Publisher
from tests.ipc.helpers import Tape, link, pnl, taped
from tests.ipc.test_appender import file_size_limit
from tests.router.factory import order_event
from tests.workers.gateway.test_known import execution, intent
from workers.cli.verify import verify
from workers.gateway import recall as recall_module
from workers.gateway.digest import Digest
from workers.gateway.recall import NAME, Recall

WAIT_S = 30.0


class Life:
    """One life of a gateway's journal: what is published, and what was recalled at its start."""

    def __init__(self, directory: Path, segment_bytes: int = 64 << 20) -> None:
        self.journal = Journal(directory, "gateway", segment_bytes=segment_bytes)
        self.publisher: Publisher = taped(self.journal, Tape())
        with capture_logs() as logs:
            self.recall = Recall(self.journal)
        self.said = [str(entry["event"]) for entry in logs if entry["log_level"] == "warning"]
        self.after = next(entry["after"] for entry in logs if entry["event"] == "journal read back")

    def publish(self, first: int, count: int = 1) -> None:
        """So many brackets, each taken by IB, and messages of other topics."""
        for number in range(first, first + count):
            delivery = f"{number:04x}-mfqwpfk0"
            self.publisher.publish(intent(delivery, 10 * number))
            self.publisher.publish(pnl(number), link(number))
            self.publisher.publish(order_event(f"{delivery}-E"), execution(f"{delivery}-E"))

    def kill(self) -> None:
        """Nothing is written any more."""
        self.publisher.close()

    def drain(self) -> None:
        """The orderly end."""
        self.recall.close()
        self.kill()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a journal will be."""
    return tmp_path / "gateway"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is made when it is ten messages behind."""
    monkeypatch.setattr(recall_module, "EVERY", 10)


def alike(life: Life) -> bool:
    """Whether what was recalled is what all of the journal says."""
    whole = Digest()
    for envelope in life.journal.read(topic="trade"):
        whole.observe(envelope.message)
    return life.recall.digest.state() == whole.state()


def test_an_empty_journal(directory: Path) -> None:
    """Nothing to read, nothing to write."""
    life = Life(directory)
    assert (life.after, life.recall.read, life.recall.position, life.said) == (0, 0, BEGINNING, [])
    life.drain()
    assert not (directory / NAME).exists()


def test_a_start_that_read_much_leaves_a_checkpoint(directory: Path) -> None:
    """The next one reads nothing but what follows it, whatever ended this one."""
    first = Life(directory)
    first.publish(1, 4)
    first.kill()
    second = Life(directory)
    assert (second.after, second.recall.read) == (0, 12)
    second.publish(5)
    second.kill()
    third = Life(directory)
    assert (third.after, third.recall.read, third.said) == (20, 3, [])
    assert third.recall.position.seq == 25
    assert alike(third)
    third.kill()


def test_a_start_that_read_little_leaves_none(directory: Path) -> None:
    """It would take longer to write than to read again."""
    first = Life(directory)
    first.publish(1)
    first.kill()
    Life(directory).kill()
    assert not (directory / NAME).exists()


def test_drained(directory: Path) -> None:
    """After an orderly end there is nothing to read, and nothing is written anew without need."""
    first = Life(directory)
    first.publish(1, 3)
    first.drain()
    written = (directory / NAME).stat()
    assert written.st_mode & 0o777 == 0o600
    second = Life(directory)
    assert (second.after, second.recall.read) == (15, 0)
    second.drain()
    assert (directory / NAME).stat() == written


def test_kept_near_the_end_while_running(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice at a time, and over the seam of two segments; what was published meanwhile comes with the next one."""
    monkeypatch.setattr(recall_module, "LOOK_S", 0.001)
    monkeypatch.setattr(recall_module, "PAUSE_S", 0.0)
    monkeypatch.setattr(recall_module, "SLICE_S", 0.0)
    life = Life(directory, segment_bytes=4_000)

    async def story() -> None:
        running = asyncio.ensure_future(life.recall.run())
        for number in range(1, 31):
            life.publish(number)
            await asyncio.sleep(0)
        while life.recall.behind >= 10:
            assert not running.done()
            await asyncio.sleep(0.001)
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), WAIT_S))
    assert len(list(directory.glob("*.journal"))) > 3
    life.kill()
    after = Life(directory)
    assert after.after > 140
    assert after.recall.read < 6
    assert alike(after)
    after.kill()


def test_a_drain_has_a_time(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it could not read in it is read at the next start."""
    monkeypatch.setattr(recall_module, "DRAIN_S", -1.0)
    monkeypatch.setattr(recall_module, "SLICE_S", 0.0)
    life = Life(directory)
    life.publish(1, 2)
    life.drain()
    after = Life(directory)
    assert (after.after, after.recall.read) == (1, 5)
    assert alike(after)
    after.kill()


# ---------------------------------------------------------------- not what it was


def truncate(path: Path) -> None:
    """Its end is missing."""
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    """As after a loss of power: the name is there, and nothing in it."""
    os.truncate(path, 0)


def flip(path: Path) -> None:
    """One bit of it."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def replace_by_a_directory(path: Path) -> None:
    """It cannot even be read, nor written."""
    path.unlink()
    path.mkdir()


def lose_the_end_of_the_journal(path: Path) -> None:
    """The journal says less than the checkpoint."""
    (segment,) = path.parent.glob("*.journal")
    os.truncate(segment, segment.stat().st_size - 10)


def lose_the_journal(path: Path) -> None:
    """The journal is another one."""
    for segment in path.parent.glob("*.journal"):
        segment.unlink()


def lose_the_journal_and_come_further(path: Path) -> None:
    """Another journal, with other records of the same numbers."""
    lose_the_journal(path)
    life = Life(path.parent)
    life.publish(101, 7)
    life.kill()


def lose_the_end_and_come_further(path: Path) -> None:
    """The journal goes on with other records of the numbers that it lost."""
    lose_the_end_of_the_journal(path)
    raw = path.read_bytes()
    life = Life(path.parent)
    life.publish(101, 1)
    life.kill()
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        empty,
        flip,
        replace_by_a_directory,
        lose_the_end_of_the_journal,
        lose_the_journal,
        lose_the_journal_and_come_further,
        lose_the_end_and_come_further,
    ],
)
def test_ignored(directory: Path, damage: Callable[[Path], None]) -> None:
    """Said once; everything is read, and the next checkpoint is good again."""
    first = Life(directory)
    first.publish(1, 6)
    first.drain()
    damage(directory / NAME)
    life = Life(directory)
    assert (life.after, life.said[0]) == (0, "checkpoint ignored")
    assert life.recall.position.seq == life.journal.seq
    assert alike(life)
    life.publish(301, 4)
    if damage is replace_by_a_directory:
        (directory / NAME).rmdir()
    life.drain()
    after = Life(directory)
    assert (after.after, after.said) == (after.journal.seq, [])
    assert alike(after)
    after.kill()


def test_the_record_it_ends_with_is_no_longer_kept(directory: Path) -> None:
    """Nobody knows whether this journal has ever had it."""
    first = Life(directory, segment_bytes=2_000)
    first.publish(1, 3)
    first.recall.close()
    first.publish(4, 10)
    first.kill()
    for segment in sorted(directory.glob("*.journal"))[:-1]:
        segment.unlink()
    life = Life(directory)
    assert (life.after, life.said) == (0, ["checkpoint ignored"])
    assert alike(life)
    life.kill()


def test_killed_between_write_and_rename(directory: Path) -> None:
    """The old one is as good as before, whatever the new one came to; the next one takes its place."""
    first = Life(directory)
    first.publish(1, 3)
    first.drain()
    fresh = directory / f"{NAME}.new"
    fresh.write_bytes((directory / NAME).read_bytes()[:100])
    second = Life(directory)
    assert (second.after, second.said) == (15, [])
    second.publish(4)
    second.drain()
    assert not fresh.exists()
    third = Life(directory)
    assert (third.after, third.recall.read) == (20, 0)
    third.kill()


# ---------------------------------------------------------------- the disk


def test_covers_nothing_that_waits_in_memory(directory: Path) -> None:
    """On a full disk the journal's end is not where the publisher stands."""
    life = Life(directory)
    life.publish(1, 3)
    with capture_logs() as logs, file_size_limit(life.journal.size + 10):
        life.publish(4, 3)
        assert life.journal.pending
        life.recall.close()
        assert life.recall.position == Position(life.journal.epoch, 15)
    assert not logs
    raw = (directory / NAME).read_bytes()
    life.kill()  # writes what waited
    (directory / NAME).write_bytes(raw)
    after = Life(directory)
    assert (after.after, after.recall.read) == (15, 9)
    assert alike(after)
    after.kill()


def test_no_room_for_it(directory: Path) -> None:
    """Said once, nothing half written remains, the old one stays, and it is written when there is room."""
    life = Life(directory)
    life.publish(1, 3)
    life.recall.close()
    old = (directory / NAME).read_bytes()
    life.publish(4, 3)
    with capture_logs() as logs, file_size_limit(100):
        life.recall.close()
        life.recall.close()
    assert [entry["event"] for entry in logs] == ["checkpoint not written"]
    assert (directory / NAME).read_bytes() == old
    assert not (directory / f"{NAME}.new").exists()
    assert life.recall.behind == 15
    life.drain()
    after = Life(directory)
    assert (after.after, after.recall.read) == (30, 0)
    after.kill()


def test_its_name_is_taken(directory: Path) -> None:
    """Neither written nor cleared away: said, and everything is read."""
    life = Life(directory)
    life.publish(1, 3)
    (directory / f"{NAME}.new").mkdir()
    with capture_logs() as logs:
        life.drain()
    assert [entry["event"] for entry in logs] == ["checkpoint not written"]
    after = Life(directory)
    assert (after.after, after.recall.read, after.said) == (0, 9, ["checkpoint not written"])
    after.kill()


def test_a_journal_that_cannot_be_read_on(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails: that neither ends the gateway nor keeps it from ending, and the checkpoint stays behind."""
    monkeypatch.setattr(recall_module, "LOOK_S", 0.001)
    life = Life(directory)
    life.publish(1, 3)
    life.journal.segment.unlink()
    life.journal.segment.mkdir()  # read() is refused

    async def story() -> None:
        running = asyncio.ensure_future(life.recall.run())
        while not logs:
            assert not running.done()
            await asyncio.sleep(0.001)
        running.cancel()

    with capture_logs() as logs:
        asyncio.run(asyncio.wait_for(story(), WAIT_S))
        said = len(logs)
        life.recall.close()
    assert {entry["event"] for entry in logs} == {"journal not read on"}
    assert len(logs) == said + 1
    life.kill()
    assert not (directory / NAME).exists()


def test_neither_audit_nor_retention_knows_the_file(directory: Path) -> None:
    """It is not in the way of `router journal verify`, is not counted, and does not go with the segments."""
    life = Life(directory, segment_bytes=2_000)
    life.publish(1, 20)
    life.recall.close()
    found = verify(directory, "gateway")
    assert (found.problems, found.aside) == ([], [])
    os.utime(directory / NAME, ns=(0, 0))
    life.kill()
    again = Journal(directory, segment_bytes=2_000, keep_bytes=1, wall_ns=lambda: 2**62)
    assert len(list(directory.glob("*.journal"))) == 1
    assert (directory / NAME).exists()
    again.close()
