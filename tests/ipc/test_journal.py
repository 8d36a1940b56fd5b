"""ipc.journal: what was appended is read back, across rotation, restarts, a full disk and a torn end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc.errors import InsecurePath, JournalError, JournalFull, JournalInUse
from ipc.journal import Journal
from ipc.reader import JournalReader
from ipc.segment import pack
from router.messages import Message
from tests.ipc.helpers import Tape, frame_of, link, pnl, sent, taped
from tests.ipc.test_appender import file_size_limit

NS = 1_000_000_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the journal of this test is."""
    return tmp_path / "gateway"


def write(directory: Path, *calls: tuple[Message, ...], **options: object) -> Journal:
    """A journal with these messages, one publish per tuple, closed again."""
    journal = Journal(directory, **options)  # type: ignore[arg-type]  # passed through
    publisher = taped(journal, Tape())
    for messages in calls:
        publisher.publish(*messages)
    publisher.close()
    return journal


def messages_in(journal: Journal | JournalReader, **where: object) -> list[Message]:
    """Every message that can be read."""
    return [envelope.message for envelope in journal.read(**where)]  # type: ignore[arg-type]  # passed through


def one_each(numbers: range) -> list[tuple[Message, ...]]:
    """Publish calls of one message each."""
    return [(sent(number),) for number in numbers]


def test_begins_at_the_beginning(directory: Path) -> None:
    """A new journal stands at seq 0, its epoch is the wall clock in ms, and its files are private."""
    journal = Journal(directory, wall_ns=lambda: 5 * NS)
    assert (journal.seq, dict(journal.tails), journal.epoch, journal.error) == (0, {}, 5_000, None)
    journal.close()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_continues_where_it_ended(directory: Path) -> None:
    """seq and every topic's own count go on over a restart; the epoch grows even when the clock does not."""
    first = write(directory, (sent(1), sent(2), pnl(1)), wall_ns=lambda: 5 * NS)
    second = write(directory, (link(1), sent(3)), wall_ns=lambda: 4 * NS)
    assert second.epoch == first.epoch + 1
    envelopes = list(JournalReader(directory).read())
    assert [envelope.seq for envelope in envelopes] == [1, 2, 3, 4, 5]
    assert [(envelope.topic, envelope.topic_seq) for envelope in envelopes] == [
        ("trade", 1), ("trade", 2), ("portfolio", 1), ("link", 1), ("trade", 3),
    ]  # fmt: skip
    assert {envelope.publisher for envelope in envelopes} == {"gateway"}


def test_one_writer_only(directory: Path) -> None:
    """A second writer is refused while the first has it, and welcome afterwards."""
    first = Journal(directory)
    with pytest.raises(JournalInUse, match="stop that one first"):
        Journal(directory)
    first.close()
    Journal(directory).close()


def test_directory_must_be_private(directory: Path) -> None:
    """Account data does not go where others may read it."""
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    with pytest.raises(InsecurePath, match="chmod 700"):
        Journal(directory)


def test_directory_that_cannot_be_made_is_typed(tmp_path: Path) -> None:
    """A path through a file is the journal's error and names the directory."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="file/gateway"):
        Journal(tmp_path / "file" / "gateway")


def test_rotates_by_size(directory: Path) -> None:
    """Segments begin with the seq in their name, and reading goes over their borders."""
    write(directory, *one_each(range(100)), segment_bytes=1_000)
    reader = JournalReader(directory)
    assert len(reader.segments()) > 5
    assert all(path.stat().st_size <= 1_000 for path in reader.segments())
    for path in reader.segments():
        first = next(iter(JournalReader(directory).read(after=int(path.stem) - 1)))
        assert first.seq == int(path.stem)
    assert messages_in(reader) == [sent(number) for number in range(100)]
    assert not reader.damage


def test_batch_larger_than_a_segment_is_one_segment(directory: Path) -> None:
    """A publish call is never torn apart by rotation, nor does an empty segment remain."""
    write(directory, tuple(sent(number) for number in range(50)), (sent(50),), segment_bytes=300)
    assert [int(path.stem) for path in JournalReader(directory).segments()] == [1, 51]


def test_keeps_by_size(directory: Path) -> None:
    """The oldest segments go when there is too much, the newest stays whatever its size."""
    write(directory, *one_each(range(200)), segment_bytes=1_000, keep_bytes=3_000)
    reader = JournalReader(directory)
    assert 2_000 < sum(path.stat().st_size for path in reader.segments()) <= 4_000
    kept = messages_in(reader)
    assert kept == [sent(number) for number in range(200 - len(kept), 200)]


def test_keeps_by_age(directory: Path) -> None:
    """Segments last written too long ago go at the next start, and what was set aside with them."""
    write(directory, *one_each(range(30)), segment_bytes=1_000)
    old = JournalReader(directory).segments()[:-1]
    aside = directory / "00000000000000000001.journal.torn"
    aside.touch()
    for path in (*old, aside):
        os.utime(path, ns=(0, 0))
    journal = Journal(directory, keep_s=60)
    assert JournalReader(directory).segments() == [journal.segment]
    assert not aside.exists()
    journal.close()


def test_age_does_not_touch_what_is_young(directory: Path) -> None:
    """Within the time to keep, nothing is deleted."""
    write(directory, *one_each(range(30)), segment_bytes=1_000)
    journal = Journal(directory, keep_s=3_600)
    assert journal.prune() == []
    journal.close()
    assert len(messages_in(JournalReader(directory))) == 30


def test_full_disk_holds_records_in_memory_until_there_is_room(directory: Path) -> None:
    """Without sync a full disk stops nothing: the records wait, can be replayed, and are written in order later."""
    journal = Journal(directory)
    publisher = taped(journal, Tape())
    publisher.publish(sent(1))
    with file_size_limit(journal.size + 10):
        publisher.publish(sent(2))
        publisher.publish(sent(3), link(1))
        assert isinstance(journal.error, JournalFull)
        assert (journal.pending, journal.seq) == (3, 4)
        assert [entry.head.seq for entry in journal.entries(after=1)] == [2, 3, 4]
        assert [entry.head.seq for entry in journal.entries(after=3)] == [4]
        assert messages_in(JournalReader(directory)) == [sent(1)]
        journal.retry()
        assert journal.pending == 3
    publisher.publish(sent(4))
    assert not any((journal.pending, journal.error))
    publisher.close()
    assert messages_in(JournalReader(directory)) == [sent(1), sent(2), sent(3), link(1), sent(4)]


def test_steps_end_with_what_is_on_the_disk(directory: Path) -> None:
    """Neither what waits in memory is stepped over, nor what a failed write could not take back."""
    journal = Journal(directory)
    publisher = taped(journal, Tape())

    def reached(after: int = 0) -> list[int]:
        return [step.position.seq for step in journal.steps(after=after, topic="trade")]

    publisher.publish(sent(1), sent(2))
    publisher.publish(link(1), sent(3))
    with file_size_limit(journal.size + 10):
        publisher.publish(sent(4))
        assert (journal.seq, reached()) == (5, [2, 3, 4])
    publisher.publish(sent(5))
    assert reached(2) == [3, 4, 5, 6]
    with journal.segment.open("ab") as file:
        file.write(pack(frame_of(sent(6), seq=7)))
    assert reached(4) == [5, 6]
    with file_size_limit(journal.size):
        publisher.publish(sent(6))  # waits as number 7
    with journal.segment.open("ab") as file:
        file.write(pack(frame_of(sent(0), seq=7)))
    assert (journal.seq, reached(4)) == (7, [5, 6])
    publisher.close()


def test_full_disk_does_not_keep_a_publisher_from_starting(directory: Path) -> None:
    """Its first record waits like the others; when there is room the journal is whole and says that it restarted."""
    write(directory, (link(1),))
    with file_size_limit(next(directory.glob("*.journal")).stat().st_size):
        journal = Journal(directory)
        assert isinstance(journal.error, JournalFull)
        publisher = taped(journal, Tape())
        publisher.publish(link(2))
        with pytest.raises(JournalFull):
            publisher.publish(sent(3), sync=True)
        assert [entry.head.seq for entry in journal.entries()] == [1, 2]
    publisher.publish(sent(3), sync=True)
    assert journal.pending == 0
    assert messages_in(journal) == [link(1), link(2), sent(3)]
    epoch = journal.epoch
    publisher.close()
    again = Journal(directory)
    assert (again.seq, again.epoch > epoch) == (3, True)
    again.close()


def test_full_disk_refuses_what_must_be_on_it(directory: Path) -> None:
    """With sync a full disk is an error, nothing of the record remains, and its seq is used by the next one."""
    journal = Journal(directory)
    publisher = taped(journal, Tape())
    with file_size_limit(journal.size + 10):
        with pytest.raises(JournalFull):
            publisher.publish(sent(1), sync=True)
        publisher.publish(sent(2))
        with pytest.raises(JournalFull):  # what waits must be written first, to keep the order
            publisher.publish(sent(3), sync=True)
    publisher.publish(sent(4), sync=True)
    publisher.close()
    read = list(JournalReader(directory).read())
    assert [(envelope.seq, envelope.message) for envelope in read] == [(1, sent(2)), (2, sent(4))]


def test_close_writes_what_waits(directory: Path) -> None:
    """A process that ends in good order after the disk has room again loses nothing."""
    journal = Journal(directory)
    publisher = taped(journal, Tape())
    with file_size_limit(journal.size):
        publisher.publish(sent(1))
    publisher.close()
    assert messages_in(JournalReader(directory)) == [sent(1)]


def test_memory_for_a_full_disk_is_bounded(directory: Path) -> None:
    """Beyond the backlog the oldest records are dropped, and counted."""
    journal = Journal(directory, backlog_bytes=500)
    publisher = taped(journal, Tape())
    with file_size_limit(journal.size):
        for number in range(20):
            publisher.publish(sent(number))
    assert 0 < journal.pending < 20
    assert journal.dropped == 20 - journal.pending
    publisher.close()


def test_disk_full_at_rotation_leaves_no_empty_segment(directory: Path) -> None:
    """A segment that cannot be begun is not there, and the present one stays in use."""
    journal = Journal(directory, segment_bytes=250)
    publisher = taped(journal, Tape())
    publisher.publish(*(sent(number) for number in range(5)))
    with file_size_limit(20):
        publisher.publish(sent(5))
        assert journal.pending == 1
        assert JournalReader(directory).segments() == [journal.segment]
    publisher.publish(sent(6))
    publisher.close()
    assert len(JournalReader(directory).segments()) == 2
    assert messages_in(JournalReader(directory)) == [sent(number) for number in range(7)]


def test_directory_that_cannot_be_synced_refuses(directory: Path) -> None:
    """An intent whose directory entry may not reach the disk is not taken for durable."""
    journal = Journal(directory)
    publisher = taped(journal, Tape())
    moved = directory.with_name("moved")
    directory.rename(moved)
    with pytest.raises(JournalError, match="cannot be written"):
        publisher.publish(sent(1), sync=True)
    moved.rename(directory)
    publisher.publish(sent(2), sync=True)
    publisher.close()
    assert messages_in(JournalReader(directory)) == [sent(2)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Message]]:
    """A journal of a few segments, and what is in it."""
    directory = tmp_path_factory.mktemp("sample") / "gateway"
    calls = [(sent(number), pnl(number)) for number in range(40)]
    write(directory, *calls, segment_bytes=2_000)
    return directory, [message for call in calls for message in call]


@settings(max_examples=60)
@given(data=st.data())
def test_damage_never_makes_a_wrong_message(
    data: st.DataObject, sample: tuple[Path, list[Message]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With any segment cut and any bits turned, a writer opens it, goes on, and what is read was written, in order."""
    original, written = sample
    directory = tmp_path_factory.mktemp("damaged") / "gateway"
    shutil.copytree(original, directory)
    directory.chmod(0o700)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(JournalReader(directory).segments()))
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content))) :]
        for bit in (
            data.draw(st.sets(st.integers(0, max(0, len(content) * 8 - 1)), max_size=4)) if content else ()
        ):
            content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
    journal = Journal(directory)
    before, stands_at = list(journal.read()), journal.seq
    publisher = taped(journal, Tape())
    publisher.publish(link(99))
    publisher.close()
    for envelope in before:
        assert envelope.message == written[envelope.seq - 1]
    assert [envelope.seq for envelope in before] == sorted({envelope.seq for envelope in before})
    after = list(JournalReader(directory).read())
    assert [envelope.seq for envelope in after] == [*(envelope.seq for envelope in before), stands_at + 1]
    assert after[-1].message == link(99)


@given(
    calls=st.lists(st.lists(st.sampled_from([sent, pnl, link]), min_size=1, max_size=5), max_size=20),
    data=st.data(),
)
def test_reads_from_any_seq(
    calls: list[list[object]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the cuts into frames and segments, reading after any seq gives exactly the messages after it."""
    directory = tmp_path_factory.mktemp("any") / "gateway"
    made = [tuple(kind(index) for index, kind in enumerate(call)) for call in calls]  # type: ignore[operator]
    write(directory, *made, segment_bytes=data.draw(st.integers(200, 2_000)))
    written = [message for call in made for message in call]
    after = data.draw(st.integers(0, len(written) + 1))
    assert messages_in(JournalReader(directory), after=after) == written[after:]
