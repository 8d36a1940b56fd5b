"""Whether a journal is whole."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ipc.codec import encode
from ipc.frame import START_MARK, Frame, Head
from ipc.journal import Journal
from ipc.segment import pack
from router.messages import LinkPhase, LinkState
from workers.cli.verify import Found, Verifier, verify

LINK = LinkState(LinkPhase.READY, "up")


def record(seq: int, *, epoch: int = 1, topic_seq: int | None = None, tail: int | None = None) -> bytes:
    """A link state whose numbers can be made wrong."""
    topic_seq = seq if topic_seq is None else topic_seq
    tails = {"link": seq - 1 if tail is None else tail}
    return pack(encode(Frame("link", epoch, seq, topic_seq, 1, 0, 0, tails, encode((LINK,)))))


def write(directory: Path, *records: bytes, first: int = 1) -> Path:
    """A segment of these records."""
    directory.mkdir(exist_ok=True)
    path = directory / f"{first:020d}.journal"
    path.write_bytes(b"".join(records))
    return path


def test_what_a_journal_writes_is_whole(tmp_path: Path) -> None:
    """Over rotation and restart; a journal that begins late, after retention, too."""
    for _ in range(2):
        journal = Journal(tmp_path / "gateway", segment_bytes=300)
        for _ in range(10):
            seq = journal.seq + 1
            frame = Frame("link", journal.epoch, seq, seq, 1, 0, 0, dict(journal.tails), encode((LINK,)))
            journal.append([encode(frame)], seq, {"link": seq})
        journal.close()
    found = verify(tmp_path / "gateway", "gateway")
    assert (found.problems, found.messages, found.first_seq, found.last_seq) == ([], 20, 1, 20)
    assert found.segments > 2
    assert found.epochs == 2
    assert found.records == 20 + found.segments + 1
    oldest = min((tmp_path / "gateway").glob("*.journal"))
    oldest.unlink()
    found = verify(tmp_path / "gateway", "gateway")
    assert found.problems == []
    assert found.first_seq > 1


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    """Whatever byte of a segment changes, something is said about it."""
    path = write(tmp_path / "j", record(1), record(2), record(3))
    write(tmp_path / "j", record(4), first=4)
    whole = path.read_bytes()
    assert verify(path.parent, "j").problems == []
    for index in range(len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 0x55]) + whole[index + 1 :])
        assert verify(path.parent, "j").problems, index


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (record(3), "seq 3 follows seq 1"),
        (record(1), "seq 1 follows seq 1"),
        (record(2, epoch=0), "epoch 0 follows epoch 1"),
        (record(2, tail=0), "seq 2 says the topics had come to {'link': 0}, not {'link': 1}"),
        (record(2, topic_seq=3), "link#3 follows link#1"),
        (pack(b"\x91\x01"), "`array`"),
        (
            pack(encode(Frame("link", 1, 2, 2, 2, 0, 0, {"link": 1}, encode((LINK,))))),
            "says 2 messages and holds 1",
        ),
        (record(2).replace(b"LinkState", b"LinkStore"), "hold no intact record"),
        (pack(encode(Frame("link", 1, 2, 2, 1, 0, 0, {"link": 1}, encode((Frame(*range(8)),))))), "Expected"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, second: bytes, problem: str) -> None:
    """Numbers out of place, records that do not decode, messages that do not, failed checksums."""
    path = write(tmp_path / "j", record(1), second, record(3))
    problems = verify(path.parent, "j").problems
    assert any(problem in one for one in problems), problems
    assert all(one.startswith(path.name) for one in problems)


def test_a_torn_end_is_damage_unless_it_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is busy with its last record is waited for."""
    path = write(tmp_path / "j", record(1), record(2)[:-5])
    assert verify(path.parent, "j").problems == [
        f"{path.name} at {len(record(1))}: torn end of {len(record(2)) - 5} bytes"
    ]
    whole = record(1) + record(2) + record(3)
    monkeypatch.setattr(time, "sleep", lambda _seconds: path.write_bytes(whole))
    found = verify(path.parent, "j")
    assert (found.problems, found.last_seq) == ([], 3)


def test_a_tear_before_the_last_segment_is_never_completed(tmp_path: Path) -> None:
    """Nobody writes there any more."""
    path = write(tmp_path / "j", record(1), record(2)[:-5])
    write(tmp_path / "j", record(2), first=2)
    assert verify(path.parent, "j").problems == [
        f"{path.name} at {len(record(1))}: {len(record(2)) - 5} bytes hold no intact record"
    ]


def test_what_recovery_put_aside_is_named(tmp_path: Path) -> None:
    """It is no damage of what is left: the journal goes on after it."""
    path = write(tmp_path / "j", record(1))
    path.with_suffix(".journal.torn").write_bytes(b"xyz")
    found = verify(path.parent, "j")
    assert found.problems == []
    assert found.aside == [f"{path.name}.torn (3 bytes)"]


def test_a_segment_that_retention_deletes_meanwhile_is_no_problem(tmp_path: Path) -> None:
    """A link to nothing stands for it."""
    path = write(tmp_path / "j", record(2), first=2)
    (path.parent / f"{1:020d}.journal").symlink_to(tmp_path / "gone")
    assert verify(path.parent, "j").problems == []


def test_a_mark_has_the_numbers_of_what_follows() -> None:
    """It takes no number itself."""
    found = Found("j")
    verifier = Verifier(found)
    assert verifier.take(Head(START_MARK, 1, 5, 0, 0, 0, 0, {"link": 2})) == ""
    assert verifier.take(Head("link", 1, 5, 3, 2, 0, 0, {"link": 2})) == ""
    assert verifier.take(Head(START_MARK, 2, 7, 0, 0, 0, 0, {"link": 4})) == ""
    assert verifier.take(Head("trade", 2, 7, 1, 1, 0, 0, {"link": 4})) == ""
    assert (found.first_seq, found.last_seq, found.epochs) == (5, 7, 2)
