"""ipc.replayer: small truthful answers. How they are used is proved in test_follower."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc.codec import read_frame
from ipc.errors import NotMyMessage
from ipc.journal import Journal
from ipc.protocol import Lost, SnapshotPart, Sync, Synced, TakeSnapshot
from ipc.publisher import Publisher
from ipc.replayer import MAX_SNAPSHOTS, PIECE_BYTES, Replayer
from router.messages import Message, Published
from tests.ipc.helpers import Tape, fill, link, messages_in, pnl, quote, sent, taped
from tests.ipc.test_publisher import large_signal

TRADE = ("trade",)


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    """A publisher of 20 messages: trade and portfolio in turn."""
    publisher = taped(Journal(tmp_path / "gateway"), Tape())
    for number in range(10):
        publisher.publish(sent(number), pnl(number))
    yield publisher
    publisher.close()


def synced(replayer: Replayer, request: Sync) -> Synced:
    """The answer, which must be a replay."""
    answer = replayer.answer(b"me", request)
    assert isinstance(answer, Synced)
    return answer


def seqs(answer: Synced) -> list[int]:
    """The seqs of the frames in an answer."""
    return [read_frame(raw).seq for raw in answer.frames]


def test_answers_in_pieces(publisher: Publisher) -> None:
    """A piece covers so many records of the journal, wanted or not, and says how far it reaches."""
    replayer = Replayer(publisher, tuple, chunk=8)
    first = synced(replayer, Sync(TRADE, publisher.epoch, 0))
    assert (first.head, first.through) == (20, 8)
    assert (first.before, first.after) == ({}, {"trade": 4, "portfolio": 4})
    assert seqs(first) == [1, 3, 5, 7]
    last = synced(replayer, Sync(TRADE, publisher.epoch, 16))
    assert (last.through, seqs(last)) == (20, [17, 19])
    assert (last.before, last.after) == ({"trade": 8, "portfolio": 8}, {"trade": 10, "portfolio": 10})


def test_piece_is_bounded_in_bytes(publisher: Publisher) -> None:
    """Large frames make a piece of fewer records."""
    for _ in range(20):
        publisher.publish(*(fill(number) for number in range(200)))
    answer = synced(Replayer(publisher, tuple), Sync(TRADE, publisher.epoch, 20))
    assert PIECE_BYTES <= sum(map(len, answer.frames)) < 2 * PIECE_BYTES
    assert answer.through < answer.head


def test_nothing_new_is_an_empty_answer(publisher: Publisher) -> None:
    """At the end there are no frames, and the tails say so."""
    answer = synced(Replayer(publisher, tuple), Sync(TRADE, publisher.epoch, 20))
    assert (answer.frames, answer.through, answer.before) == ((), 20, answer.after)


def test_live_asks_only_where_the_publisher_is(publisher: Publisher) -> None:
    """A negative seq gets the present place without a look at the journal."""
    answer = synced(Replayer(publisher, tuple), Sync(TRADE, -1, -1))
    assert (answer.frames, answer.through, answer.after) == ((), 20, {"trade": 10, "portfolio": 10})


def test_unreadable_journal_is_said(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot be read ends in a snapshot for the subscriber, not in the publisher's death."""

    def refuse(*_: object) -> bytes:
        raise OSError("input/output error")

    monkeypatch.setattr(os, "pread", refuse)  # no disk at hand fails on demand
    answer = Replayer(publisher, tuple).answer(b"me", Sync(TRADE, publisher.epoch, 3))
    assert isinstance(answer, Lost)
    assert "cannot be read" in answer.reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Sync(TRADE, 1 << 60, 5), "of another journal"),
        (Sync(TRADE, 0, 21), "of another journal"),
        (Sync(TRADE, 0, 5), "not in the journal any more"),
    ],
)
def test_position_that_is_not_of_this_journal(publisher: Publisher, request_: Sync, reason: str) -> None:
    """Ahead of it, of a later epoch than the present, or written anew since: not continued from."""
    answer = Replayer(publisher, tuple).answer(b"me", request_)
    assert isinstance(answer, Lost)
    assert reason in answer.reason


def part(replayer: Replayer, ticket: int, number: int, *, asker: bytes = b"me") -> SnapshotPart:
    """One part of a snapshot of trade and quote."""
    answer = replayer.answer(asker, TakeSnapshot(("trade", "quote"), ticket, number))
    assert isinstance(answer, SnapshotPart)
    return answer


def test_snapshot_has_the_wanted_topics_in_order(publisher: Publisher) -> None:
    """State as it was given, without other topics, at the publisher's present seq."""
    publisher.publish(quote(1))
    state: list[Message] = [sent(1), link(1), sent(2), quote(5)]
    answer = part(Replayer(publisher, lambda: state), 1, 0)
    frames = [read_frame(raw) for raw in answer.frames]
    assert [message for one in frames for message in messages_in(one)] == [sent(1), sent(2), quote(5)]
    assert {(one.epoch, one.seq) for one in frames} == {(publisher.epoch, 20)}
    assert (answer.seq, answer.part, answer.parts) == (20, 0, 1)
    assert answer.tails == {"trade": 10, "portfolio": 10, "quote": 1}


def test_empty_snapshot_is_one_empty_part(publisher: Publisher) -> None:
    """Without state there is still an answer, with the seq to go on from."""
    answer = part(Replayer(publisher, tuple), 1, 0)
    assert (answer.parts, answer.frames, answer.seq) == (1, (), 20)


def test_snapshot_is_taken_once_per_ticket(publisher: Publisher) -> None:
    """Its parts are of one moment, whatever is published in between, and may be asked for again."""
    taken = []

    def take() -> list[Message]:
        taken.append(1)
        return [fill(number) for number in range(5_000)]

    replayer = Replayer(publisher, take)
    first = part(replayer, 1, 0)
    publisher.publish(sent(99))
    again = part(replayer, 1, 0)
    rest = [part(replayer, 1, number) for number in range(1, first.parts)]
    assert first == again
    assert len(taken) == 1
    assert {one.seq for one in (first, *rest)} == {20}
    frames = [read_frame(raw) for one in (first, *rest) for raw in one.frames]
    assert [message for one in frames for message in messages_in(one)] == [
        fill(number) for number in range(5_000)
    ]
    assert all(sum(map(len, one.frames)) < 2 * PIECE_BYTES for one in (first, *rest))


def test_tickets_are_per_asker_and_expire(publisher: Publisher) -> None:
    """A ticket of somebody else, of too long ago, or a part that is not there, says that it expired."""
    replayer = Replayer(publisher, lambda: [fill(number) for number in range(5_000)])
    assert part(replayer, 1, 0).parts > 1
    expired = part(replayer, 1, 1, asker=b"other")
    assert (expired.part, expired.parts) == (-1, 0)
    assert part(replayer, 1, 999).parts == 0
    for ticket in range(2, 2 + MAX_SNAPSHOTS):
        part(replayer, ticket, 0)
    assert part(replayer, 1, 1).parts == 0
    assert part(replayer, 2, 1).parts > 1


def test_large_messages_of_a_snapshot_are_cut(tmp_path: Path) -> None:
    """A run of state too large for a frame becomes several frames."""
    publisher = taped(Journal(tmp_path / "sizing"), Tape(), "sizing")
    state = [large_signal(1), large_signal(2)]
    answer = Replayer(publisher, lambda: state).answer(b"me", TakeSnapshot(("decision",), 1))
    assert isinstance(answer, SnapshotPart)
    assert answer.parts == 2
    publisher.close()


def test_state_of_another_process_is_refused(publisher: Publisher) -> None:
    """A snapshot may hold only what its publisher publishes."""
    with pytest.raises(NotMyMessage):
        part(Replayer(publisher, lambda: [Published("ACK", "", "", "", "")]), 1, 0)
