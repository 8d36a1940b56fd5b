"""ipc.follower, case by case. Its laws are in test_follower_laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ipc.codec import read_frame
from ipc.follower import Follower
from ipc.frame import Position
from ipc.protocol import SnapshotPart, Synced
from tests.ipc.helpers import beat, frame_of, link, quote, sent
from tests.ipc.world import MS, TIMING, World


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., World]:
    """Worlds in directories of their own."""
    return lambda **how: World(tmp_path / f"w{len(list(tmp_path.iterdir()))}" / "gateway", **how)


def test_late_joiner_with_a_snapshot(make: Callable[..., World]) -> None:
    """Subscribe, then take the snapshot: what it covers is not delivered again, what follows it is."""
    world = make(topics=("trade", "quote"), start=None)
    world.state = [sent(100), link(7), quote(3)]
    world.publish(sent(1), quote(1))
    world.ask()
    world.deliver()  # before the snapshot: held
    world.deliver()
    world.serve()
    world.publish(sent(2), quote(2))
    world.reply()
    world.settle()
    assert [(one.message, one.snapshot) for one in world.got] == [
        (sent(100), True), (quote(3), True), (sent(2), False), (quote(2), False),
    ]  # fmt: skip
    assert {one.seq for one in world.got if one.snapshot} == {1}
    assert world.resets == []


def test_large_snapshot_comes_in_parts(make: Callable[..., World]) -> None:
    """A snapshot larger than one answer is handed on when it is whole."""
    world = make(start=None)
    world.state = [sent(number) for number in range(20_000)]
    world.ask()
    world.serve()
    world.reply()
    assert world.got == []
    world.settle()
    assert [one.message for one in world.got] == world.state


def test_snapshot_that_expired_is_taken_anew(make: Callable[..., World]) -> None:
    """A publisher that was restarted between two parts is asked for a whole new snapshot."""
    world = make(start=None)
    world.state = [sent(number) for number in range(20_000)]
    world.ask()
    world.serve()
    world.reply()
    world.now_ns += MS
    world.restart()
    world.state = [sent(1)]
    world.settle()
    assert [one.message for one in world.got] == [sent(1)]


def test_silent_loss_at_the_end_is_found_by_a_heartbeat(make: Callable[..., World]) -> None:
    """The last frame is lost and nothing follows but a heartbeat, which nobody wanted: it is fetched at once."""
    world = make()
    world.settle()
    world.publish(sent(1))
    world.wire.clear()
    world.publish(beat())
    world.deliver()
    assert world.follower.stats.gaps == 1
    world.settle()
    assert world.numbers == [1]


def test_silent_loss_at_the_end_is_found_by_asking(make: Callable[..., World]) -> None:
    """Without even heartbeats, a publisher that is silent for too long is asked."""
    world = make()
    world.settle()
    world.publish(sent(1))
    world.deliver()
    world.publish(sent(2))
    world.wire.clear()
    world.ask()
    assert not world.requests
    assert world.follower.deadline_ns == world.now_ns + TIMING.probe_ns
    world.now_ns = world.follower.deadline_ns
    world.ask()
    world.serve()
    world.reply()
    assert world.numbers == [1, 2]


def test_asks_early_until_the_first_frame_comes(make: Callable[..., World]) -> None:
    """While the subscription may not be in force yet, the publisher is asked soon, then ever less often."""
    world = make()
    world.ask()
    world.serve()
    world.reply()
    waits = []
    for _ in range(9):
        waits.append((world.follower.deadline_ns - world.now_ns) // MS)
        world.now_ns = world.follower.deadline_ns
        world.ask()
        world.serve()
        world.reply()
    assert waits == [25, 50, 100, 200, 400, 800, 1_500, 1_500, 1_500]


def test_request_is_sent_again_and_late_replies_are_counted(make: Callable[..., World]) -> None:
    """An unanswered request goes out again with the same number; a second answer to it is dropped."""
    world = make()
    world.publish(sent(1))
    world.ask()
    world.now_ns += TIMING.resend_ns
    world.ask()
    assert world.requests[0] == world.requests[1]
    world.serve()
    world.serve()
    world.reply()
    world.reply()
    assert world.follower.stats.late_replies == 1
    assert world.numbers == [1]


def test_request_that_could_not_be_sent_is_offered_soon(make: Callable[..., World]) -> None:
    """A publisher that is not there yet is tried again after a moment, not after the time of a resend."""
    world = make()
    assert world.follower.due(world.now_ns) is not None
    world.follower.unsent(world.now_ns)
    assert world.follower.deadline_ns == world.now_ns + TIMING.unsent_ns


def test_answer_to_something_else_is_no_answer(make: Callable[..., World]) -> None:
    """A reply of the wrong kind leaves the request open."""
    world = make()
    world.ask()
    number = world.requests[0].number
    world.answer(number, SnapshotPart("gateway", 1, 0, {}, 0, 1))
    world.settle()
    assert world.follower.following


def test_position_of_a_journal_that_is_no_more(make: Callable[..., World]) -> None:
    """A position beyond the journal's end is not continued from: a snapshot, and a reset with both positions."""
    world = make(start=Position(3, 77))
    world.state = [sent(9)]
    world.publish(sent(1))
    world.settle()
    ((reset, _),) = world.resets
    assert "of another journal" in reset.reason
    assert (reset.publisher, reset.before) == ("gateway", Position(3, 77))
    assert reset.after == Position(world.journal.epoch, 1)
    assert [(one.message, one.snapshot) for one in world.got] == [(sent(9), True)]
    assert world.follower.stats.resets == 1


def test_position_in_an_epoch_that_was_written_over(make: Callable[..., World]) -> None:
    """A message that the journal lost, and whose seq another one has now, is never taken for delivered."""
    world = make()
    world.publish(sent(1))
    world.publish(sent(2))
    world.settle()
    at = world.follower.position
    world.now_ns += MS
    world.restart(torn=50)
    world.publish(sent(3))
    world.wire.clear()
    world.follower = Follower("gateway", ("trade",), at, now_ns=world.now_ns)
    world.settle()
    ((reset, _),) = world.resets
    assert "not in the journal any more" in reset.reason
    assert reset.before == at


def test_position_older_than_the_journal(make: Callable[..., World]) -> None:
    """Far behind what is retained: a snapshot, and a reset that says so."""
    world = make(keep_bytes=1_500)
    for number in range(100):
        world.publish(sent(number))
    world.wire.clear()
    world.state = [sent(1_000)]
    world.settle()
    ((reset, _),) = world.resets
    assert "not in the journal any more" in reset.reason
    assert [one.message for one in world.got] == [sent(1_000)]
    world.publish(sent(101))
    world.settle()
    assert world.got[-1].message == sent(101)


def test_position_just_before_what_is_retained(make: Callable[..., World]) -> None:
    """With everything after the position still there, nothing needs a snapshot."""
    world = make(keep_bytes=1_500)
    for number in range(100):
        world.publish(sent(number))
    oldest = world.journal.oldest()
    assert oldest is not None
    start = Position(oldest.epoch, oldest.seq - 1)
    world.follower = Follower("gateway", ("trade",), start, now_ns=world.now_ns)
    world.wire.clear()
    world.settle()
    assert world.numbers == list(range(oldest.seq, 101))


def test_restart_without_loss_is_no_reset(make: Callable[..., World]) -> None:
    """A publisher killed and started again continues its numbers; its last unsent message comes too."""
    world = make()
    world.publish(sent(1))
    world.settle()
    world.publish(sent(2))
    world.wire.clear()  # journalled, never sent
    world.now_ns += MS
    world.restart()
    world.publish(sent(3))
    world.settle()
    assert world.numbers == [1, 2, 3]
    assert (world.follower.stats.restarts, world.follower.stats.resets) == (1, 0)


def test_frames_left_from_before_a_restart_are_stale(make: Callable[..., World]) -> None:
    """Frames of the earlier epoch that come after the restart was noticed are dropped, without asking for each."""
    world = make()
    world.settle()
    world.publish(sent(1))
    world.publish(sent(2))
    old = list(world.wire)
    world.wire.clear()
    world.now_ns += MS
    world.restart()
    world.publish(sent(3))
    world.settle()
    asked = world.follower._number
    for raw in old:
        world.frame(read_frame(raw))
    assert world.follower.stats.stale == 2
    assert world.follower._number == asked
    assert world.numbers == [1, 2, 3]


def test_frame_of_an_unknown_earlier_epoch_asks_once(make: Callable[..., World]) -> None:
    """An epoch below the present one may be a restart after the clock went back: the publisher is asked, once."""
    world = make()
    world.settle()
    strange = world.journal.epoch - 5
    raw = frame_of(sent(1), epoch=strange)
    world.frame(read_frame(raw))
    world.frame(read_frame(raw))
    world.settle()
    world.frame(read_frame(raw))
    assert world.follower.stats.stale == 3
    assert world.numbers == []


def test_publisher_with_an_earlier_epoch_is_believed(make: Callable[..., World], tmp_path: Path) -> None:
    """Journal lost and clock set back: the new publisher's own word counts, with a reset."""
    world = make()
    world.publish(sent(1))
    world.settle()
    world.publisher.close()
    world.directory = tmp_path / "fresh" / "gateway"
    world.now_ns -= 10_000 * MS
    world.up()
    world.state = [sent(50)]
    world.publish(sent(2))
    world.settle()
    assert len(world.resets) == 1
    world.publish(sent(3))
    world.settle()
    assert [one.message for one in world.got] == [sent(1), sent(50), sent(3)]


def test_reply_of_a_restarted_publisher_to_an_overtaken_request(make: Callable[..., World]) -> None:
    """Frames came between the question and the answer of the next epoch: it is asked again from where it is now."""
    world = make()
    world.settle()
    world.publish(sent(1))
    world.now_ns += TIMING.probe_ns
    world.ask()
    world.deliver()
    world.now_ns += MS
    world.restart()
    world.serve()
    world.reply()
    assert world.follower.position.seq == 1
    assert world.follower.stats.restarts == 0
    world.settle()
    assert world.numbers == [1]
    assert world.follower.stats.restarts == 1


def test_too_many_held_frames_are_let_go_and_fetched(make: Callable[..., World]) -> None:
    """What waits is bounded; what was let go comes by replay."""
    world = make(hold=5)
    for number in range(50):
        world.publish(sent(number))
    while world.wire:
        world.deliver()
    assert world.follower.stats.held_dropped == 45
    world.settle()
    assert world.numbers == list(range(1, 51))


def test_damage_in_the_journal_is_a_reset(make: Callable[..., World]) -> None:
    """What the journal cannot give back is never skipped in silence."""
    world = make(chunk=100)
    for number in range(6):
        world.publish(sent(number))
    world.wire.clear()
    path = world.journal.segment
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    world.state = [sent(77)]
    world.settle()
    ((reset, _),) = world.resets
    assert "damaged after seq" in reset.reason
    assert world.got[-1].message == sent(77)


def test_damage_at_the_end_of_the_journal_is_a_reset(make: Callable[..., World]) -> None:
    """The last message lost from the disk is missed too, although no frame follows it."""
    world = make(chunk=100)
    for number in range(6):
        world.publish(sent(number))
    world.wire.clear()
    path = world.journal.segment
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    world.settle()
    ((reset, _),) = world.resets
    assert "damaged after seq 5" in reset.reason


def test_frame_that_came_during_a_probe_is_not_delivered_again(make: Callable[..., World]) -> None:
    """The answer to a probe may repeat what arrived live in the meantime."""
    world = make()
    world.settle()
    world.now_ns += TIMING.probe_ns
    world.ask()
    world.publish(sent(1))
    world.publish(sent(2))
    world.deliver()
    world.serve()
    world.reply()
    assert world.numbers == [1, 2]


def test_late_frames_are_counted(make: Callable[..., World]) -> None:
    """A frame read long after it was published says that this subscriber is slow."""
    world = make()
    world.settle()
    world.publish(sent(1))
    world.now_ns += TIMING.late_ns + 1
    world.deliver()
    world.publish(sent(2))
    world.now_ns += 5
    world.deliver()
    assert world.follower.stats.late == 1
    assert world.follower.stats.late_by_topic == {"trade": 1}
    assert world.follower.stats.lag_ns == 5


def test_only_ephemeral_topics(make: Callable[..., World]) -> None:
    """Quotes alone need no journal: they come as they are, from a snapshot on, and over a restart."""
    world = make(topics=("quote",), start=None)
    world.state = [quote(1)]
    world.settle()
    world.publish(quote(2), sent(1), quote(3))
    world.settle()
    world.now_ns += MS
    world.restart()
    world.publish(quote(4))
    world.settle()
    assert [one.message for one in world.got] == [quote(1), quote(2), quote(3), quote(4)]


def test_synced_reply_type_is_what_a_probe_gets(make: Callable[..., World]) -> None:
    """A probe of a subscriber that has everything costs one small answer without frames."""
    world = make()
    world.publish(sent(1))
    world.settle()
    world.now_ns = world.follower.deadline_ns
    world.ask()
    world.serve()
    _, reply = world.replies[0]
    assert isinstance(reply, Synced)
    assert reply.frames == ()
