"""ipc.reader: by seq, by topic, by time; never a torn record; deletion under a reader is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipc import reader as reading
from ipc.journal import Journal
from ipc.reader import Damage, JournalReader
from ipc.segment import pack
from router.messages import Message
from tests.ipc.helpers import Tape, frame_of, link, pnl, sent, taped

NS = 1_000_000_000


class Clock:
    """A wall clock that the test sets."""

    def __init__(self, seconds: float = 1_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        return int(self.seconds * NS)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of 3,000 messages in several segments, searched in small steps: trade, trade, portfolio, and so on."""
    monkeypatch.setattr(reading, "LINEAR", 1 << 12)
    monkeypatch.setattr(reading, "PROBE", 1 << 10)
    directory = tmp_path / "gateway"
    journal = Journal(directory, segment_bytes=50_000)
    publisher = taped(journal, Tape())
    for number in range(1_000):
        publisher.publish(sent(number), sent(number))
        publisher.publish(pnl(number))
    publisher.close()
    return directory


def seqs(directory: Path, **where: object) -> list[int]:
    """The seqs that a reader finds."""
    return [envelope.seq for envelope in JournalReader(directory).read(**where)]  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize("after", [0, 1, 2, 1_499, 2_998, 2_999, 3_000, 3_001])
def test_reads_after_a_seq(directory: Path, after: int) -> None:
    """The messages after a seq are found by halving, in segments large and small."""
    assert seqs(directory, after=after) == list(range(after + 1, 3_001))


def test_search_does_not_read_the_journal_through(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding the last message costs a few small reads, whatever the journal's size."""
    read = []
    original = reading._Open.read

    def counted(self: reading._Open, offset: int, size: int) -> bytes:
        read.append(size)
        return original(self, offset, size)

    monkeypatch.setattr(reading._Open, "read", counted)
    assert seqs(directory, after=2_999) == [3_000]
    total = sum(path.stat().st_size for path in JournalReader(directory).segments())
    assert sum(read) < total / 4


def test_reads_one_topic(directory: Path) -> None:
    """Only the messages of the topic come."""
    assert {envelope.topic for envelope in JournalReader(directory).read(topic="portfolio")} == {"portfolio"}


@pytest.mark.parametrize("after", [0, 1, 2, 3, 1_499, 2_999, 3_000])
def test_steps(directory: Path, after: int) -> None:
    """Record by record, with the place after each; of a topic that was not asked for only the place."""
    steps = list(JournalReader(directory).steps(after=after, topic="trade"))
    reached = [
        seq for seq in range(1, 3_001) if seq % 3 != 1 and seq > after
    ]  # two of trade in a record, then one
    assert [step.position.seq for step in steps] == reached
    assert len({step.position.epoch for step in steps}) <= 1
    assert [one.seq for step in steps for one in step.envelopes] == [
        envelope.seq for envelope in JournalReader(directory).read(after=after, topic="trade")
    ]
    every = JournalReader(directory).steps(after=after)
    assert [one.seq for step in every for one in step.envelopes] == list(range(after + 1, 3_001))


def test_reads_since_an_instant(tmp_path: Path) -> None:
    """Messages written at an instant or later come, also when the clock went back in between."""
    clock, directory = Clock(), tmp_path / "gateway"
    journal = Journal(directory, wall_ns=clock)
    publisher = taped(journal, Tape(), wall_ns=clock)
    for number, seconds in enumerate((1_000.0, 1_010.0, 1_005.0, 1_020.0)):
        clock.seconds = seconds
        publisher.publish(sent(number))
    publisher.close()
    assert seqs(directory, since_ns=1_006 * NS) == [2, 4]
    assert seqs(directory, since_ns=0, after=3) == [4]


def test_skips_segments_written_before(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment last written before the instant is not even opened."""
    opened: list[Path] = []
    original = reading._Open.__enter__

    def counted(self: reading._Open) -> reading._Open:
        opened.append(self._segment)
        return original(self)

    monkeypatch.setattr(reading._Open, "__enter__", counted)
    last = JournalReader(directory).segments()[-1]
    assert seqs(directory, since_ns=last.stat().st_mtime_ns + NS) == []
    assert opened == []


def test_record_under_way_is_not_seen_and_no_damage(directory: Path) -> None:
    """What is torn at the very end may still be written on."""
    last = JournalReader(directory).segments()[-1]
    with last.open("ab") as file:
        file.write(pack(frame_of(sent(1), seq=3_001))[:-1])
    reader = JournalReader(directory)
    assert list(reader.read(after=2_999))[-1].seq == 3_000
    assert not reader.damage


def test_damage_in_between_is_noted_and_passed(directory: Path) -> None:
    """Every record around a damaged one is read, and the damage is reported once, with its place."""
    first = JournalReader(directory).segments()[0]
    content = bytearray(first.read_bytes())
    content[1_000] ^= 0xFF
    first.write_bytes(content)
    reader = JournalReader(directory)
    found = [envelope.seq for _ in range(2) for envelope in reader.read()]
    missing = set(range(1, 3_001)) - set(found)
    assert 1 <= len(missing) <= 2
    (damage,) = reader.damage
    assert damage.segment == first
    assert damage.offset <= 1_000 < damage.offset + damage.size


def test_end_of_an_older_segment_is_damage(directory: Path) -> None:
    """Only the last segment may end within a record."""
    first = JournalReader(directory).segments()[0]
    size = first.stat().st_size
    with first.open("ab") as file:
        file.write(b"\x00" * 10)
    reader = JournalReader(directory)
    list(reader.read())
    assert reader.damage == {Damage(first, size, 10)}


def test_intact_record_that_is_no_frame_is_damage(directory: Path) -> None:
    """A right checksum round something else is noted too, by reading and by searching."""
    segments = JournalReader(directory).segments()
    segments[1].write_bytes(pack(b"\xc1") * 20_000)
    reader = JournalReader(directory)
    found = [envelope.seq for envelope in reader.read(after=2_990)]
    assert found == list(range(2_991, 3_001))
    missing_from = int(segments[1].stem)
    after_it = int(segments[2].stem)
    found = [envelope.seq for envelope in reader.read(after=missing_from)]
    assert found == list(range(after_it, 3_001))
    assert len(reader.damage) == 20_000


def test_segment_that_vanishes_is_not_retained(directory: Path) -> None:
    """Retention may delete a segment between the listing and the reading."""
    reader = JournalReader(directory)
    listed = reader.segments()
    reader.segments = lambda: listed  # type: ignore[method-assign]  # the listing of a moment ago
    listed[0].unlink()
    assert next(reader.read()).seq == int(listed[1].stem)
    assert next(reader.read(since_ns=1)).seq == int(listed[1].stem)
    oldest = reader.oldest()
    assert oldest is not None
    assert oldest.seq == int(listed[1].stem)


def test_nothing_there(tmp_path: Path) -> None:
    """An empty or absent directory reads as empty."""
    reader = JournalReader(tmp_path / "absent", "gateway")
    assert (list(reader.read()), reader.oldest(), reader.segments()) == ([], None, [])


def test_message_that_no_longer_decodes_is_kept_apart(tmp_path: Path) -> None:
    """A message of a type that is gone costs nothing but itself."""
    unknown = ("GoneMessage", 1)
    messages: tuple[Message, ...] = (sent(1), unknown, sent(3))  # type: ignore[assignment]  # of another version
    path = tmp_path / "00000000000000000001.journal"
    path.write_bytes(pack(frame_of(*messages)) + pack(frame_of(link(4), topic="link", seq=4)))
    reader = JournalReader(tmp_path)
    assert [envelope.seq for envelope in reader.read()] == [1, 3, 4]
    (bad,) = reader.undecodable
    assert b"GoneMessage" in bad.raw
