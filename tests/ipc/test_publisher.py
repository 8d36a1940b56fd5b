"""ipc.publisher: journal first, one write per call, frames by topic, and never a wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipc.codec import MAX_FRAME, read_frame
from ipc.errors import JournalFull, MessageTooLarge, NotMyMessage
from ipc.journal import Journal
from ipc.reader import JournalReader
from router.messages import SignalReceived
from tests.ipc.helpers import Tape, beat, link, messages_in, pnl, quote, sent, taped
from tests.ipc.samples import sample
from tests.ipc.test_appender import file_size_limit


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of the gateway."""
    return Journal(tmp_path / "gateway")


def test_numbers_and_tails(journal: Journal) -> None:
    """Each frame says where it stands; quotes and heartbeats take no seq and leave no hole."""
    tape = Tape()
    publisher = taped(journal, tape)
    publisher.publish(sent(1), sent(2), quote(1), pnl(1), beat(), quote(2), sent(3))
    frames = [read_frame(raw) for raw in tape.frames]
    assert [(one.topic, one.seq, one.topic_seq, one.count) for one in frames] == [
        ("trade", 1, 1, 2),
        ("quote", 2, 1, 1),
        ("portfolio", 3, 1, 1),
        ("heartbeat", 3, 1, 1),
        ("quote", 3, 2, 1),
        ("trade", 4, 3, 1),
    ]
    assert [one.tails for one in frames] == [
        {}, {"trade": 2}, {"trade": 2}, {"trade": 2, "portfolio": 1}, {"trade": 2, "portfolio": 1},
        {"trade": 2, "portfolio": 1},
    ]  # fmt: skip
    assert {one.epoch for one in frames} == {journal.epoch}
    assert (publisher.seq, publisher.published, publisher.frames) == (4, 7, 6)
    assert publisher.ephemeral == {"quote": 2, "heartbeat": 1}


def test_journal_has_what_was_sent(journal: Journal) -> None:
    """The journal's records are the frames of the journalled topics, byte for byte."""
    tape = Tape()
    taped(journal, tape).publish(sent(1), quote(1), link(2))
    records = [entry.body for entry in JournalReader(journal.directory).entries()]
    assert records == [tape.frames[0], tape.frames[2]]


def test_one_write_per_call(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many topics a call has, the journal is written once."""
    publisher = taped(journal, Tape())
    writes = []
    original = os.write

    def counted(descriptor: int, data: bytes) -> int:
        writes.append(len(data))
        return original(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    publisher.publish(sent(1), pnl(1), link(1), sent(2))
    assert len(writes) == 1


def test_journal_comes_first(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a frame is sent its record is in the journal already."""
    tape = Tape()
    publisher = taped(journal, tape)
    found: list[int] = []
    monkeypatch.setattr(
        Tape, "send", lambda *_: found.append(sum(1 for _ in JournalReader(journal.directory).read()))
    )
    publisher.publish(sent(1), pnl(2))
    assert found == [2, 2]


def test_nothing_is_nothing(journal: Journal) -> None:
    """A call without messages does nothing."""
    tape = Tape()
    taped(journal, tape).publish()
    assert (tape.frames, journal.seq) == ([], 0)


def test_frame_too_large_is_cut_in_two(journal: Journal) -> None:
    """Many large messages become several frames, numbered through."""
    tape = Tape()
    large = [large_signal(number) for number in range(5)]
    publisher = taped(journal, tape, "sizing")
    publisher.publish(*large)
    frames = [read_frame(raw) for raw in tape.frames]
    assert [message for one in frames for message in messages_in(one)] == large
    assert [one.seq for one in frames] == [1, 2, 3, 4, 5]
    assert all(len(raw) <= MAX_FRAME for raw in tape.frames)


def large_signal(number: int) -> SignalReceived:
    """A message of more than half a frame."""
    received: SignalReceived = sample(SignalReceived)
    return SignalReceived(f"{number}" + "x" * (MAX_FRAME * 6 // 10), received.signal, received.ticket)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [(sent(2).__class__("x" * MAX_FRAME, ()), MessageTooLarge), (large_signal(1), NotMyMessage)],
)
def test_call_with_a_wrong_message_does_nothing(
    journal: Journal, wrong: SignalReceived, kind: type[Exception]
) -> None:
    """Neither written nor sent, not even the good messages beside it; the next call goes on."""
    tape = Tape()
    publisher = taped(journal, tape)
    with pytest.raises(kind):
        publisher.publish(sent(1), quote(1), wrong)
    assert (tape.frames, publisher.seq, publisher.ephemeral) == ([], 0, {})
    publisher.publish(sent(3))
    assert read_frame(tape.frames[0]).seq == 1


def test_full_disk_stops_what_must_be_durable_only(journal: Journal) -> None:
    """With sync nothing is sent; without it the bus goes on, and a heartbeat is enough to write what waits."""
    tape = Tape()
    publisher = taped(journal, tape)
    with file_size_limit(journal.size):
        with pytest.raises(JournalFull):
            publisher.publish(sent(1), sync=True)
        assert tape.frames == []
        publisher.publish(sent(2))
        publisher.publish(beat())
        assert len(tape.frames) == 2
        assert journal.pending == 1
    publisher.publish(beat())
    assert (journal.pending, journal.error) == (0, None)


def test_sync_is_on_the_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A synchronous call asks the disk once for all its records, another call does not."""
    publisher = taped(journal, Tape())
    synced = []
    original = os.fdatasync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        original(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    publisher.publish(sent(1), link(1), sync=True)
    publisher.publish(sent(2))
    assert len(synced) == 1
