"""ipc.sequence: every gap, duplicate and restart is seen, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.frame import Head, Position
from ipc.sequence import Judgement, Tracker, Verdict

EPOCH = 7
TOPICS = ("trade", "portfolio", "link")


def heads(runs: Sequence[tuple[str, int]], *, epoch: int = EPOCH) -> list[Head]:
    """The heads of frames with so many messages of these topics, as a publisher numbers them."""
    seq, tails, made = 0, dict.fromkeys(TOPICS, 0), []
    for topic, count in runs:
        made.append(Head(topic, epoch, seq + 1, tails[topic] + 1, count, 0, 0, dict(tails)))
        seq += count
        tails[topic] += count
    return made


def tracker(topics: Sequence[str] = TOPICS) -> Tracker:
    """A tracker that stands before the first message."""
    made = Tracker(topics)
    made.start(EPOCH, 0, {})
    return made


def beat(seq: int, tails: dict[str, int], *, number: int = 1, epoch: int = EPOCH, count: int = 1) -> Head:
    """The head of a heartbeat."""
    return Head("heartbeat", epoch, seq, number, count, 0, 0, tails)


RUNS = st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(1, 4)), max_size=30)
WANTED = st.sets(st.sampled_from(TOPICS), min_size=1)


@given(RUNS, WANTED)
def test_whole_stream_is_in_order_whatever_topics_are_wanted(
    runs: list[tuple[str, int]], wanted: set[str]
) -> None:
    """Topics that are not heard leave no gaps in those that are."""
    one = tracker(tuple(wanted))
    for head in heads(runs):
        if head.topic in wanted:
            assert one.take(head) == Judgement(Verdict.IN_ORDER)


@given(RUNS, WANTED, st.data())
def test_frame_after_a_lost_one_is_a_gap(
    runs: list[tuple[str, int]], wanted: set[str], data: st.DataObject
) -> None:
    """After any loss on a wanted topic, every later frame of any wanted topic is a gap, and the tracker stays."""
    heard = [head for head in heads(runs) if head.topic in wanted]
    if not heard:
        return
    lost = data.draw(st.integers(0, len(heard) - 1))
    one = tracker(tuple(wanted))
    for head in heard[:lost]:
        one.take(head)
    before = one.position
    for head in heard[lost + 1 :]:
        assert one.take(head).verdict is Verdict.GAP
    assert one.position == before


@given(RUNS, st.data())
def test_frame_seen_before_is_a_duplicate(runs: list[tuple[str, int]], data: st.DataObject) -> None:
    """Any frame again, at any time after its first coming, is a duplicate and changes nothing."""
    one, all_heads = tracker(), heads(runs)
    for index, head in enumerate(all_heads):
        one.take(head)
        again = all_heads[data.draw(st.integers(0, index))]
        before = one.position
        assert one.take(again) == Judgement(Verdict.DUPLICATE)
        assert one.position == before


@given(RUNS.filter(bool), st.data())
def test_frame_that_overlaps_is_cut(runs: list[tuple[str, int]], data: st.DataObject) -> None:
    """A position inside a frame has exactly the messages after it delivered."""
    all_heads = heads(runs)
    total = sum(count for _, count in runs)
    at = data.draw(st.integers(0, total))
    tails = dict.fromkeys(TOPICS, 0)
    for head in all_heads:
        if head.seq <= at:
            tails[head.topic] = head.topic_seq + min(at, head.last) - head.seq
    one = Tracker(TOPICS)
    one.start(EPOCH, at, tails)
    delivered = 0
    for head in all_heads:
        verdict, skip = one.take(head)
        assert verdict in (Verdict.IN_ORDER, Verdict.DUPLICATE)
        if verdict is Verdict.IN_ORDER:
            delivered += head.count - skip
    assert delivered == total - at
    assert one.position == Position(EPOCH, total)


@given(RUNS, WANTED, st.data())
def test_heartbeat_shows_a_silent_loss(
    runs: list[tuple[str, int]], wanted: set[str], data: st.DataObject
) -> None:
    """A heartbeat after the last frame tells whether anything wanted is missing, and moves the position if not."""
    all_heads = heads(runs)
    tails, seq = dict.fromkeys(TOPICS, 0), 0
    for head in all_heads:
        tails, seq = head.tails_after, head.last
    heard = [head for head in all_heads if head.topic in wanted]
    come = data.draw(st.integers(0, len(heard)))
    one = tracker(tuple(wanted))
    for head in heard[:come]:
        one.take(head)
    before = one.position
    assert one.lacks(beat(seq, tails)) is (come < len(heard))
    assert one.position == (before if come < len(heard) else Position(EPOCH, seq))


def test_heartbeat_older_than_what_was_replayed_says_nothing() -> None:
    """A frame sent before the position was reached is no sign of a gap."""
    one = Tracker(TOPICS)
    one.start(EPOCH, 10, {"trade": 10})
    assert not one.lacks(beat(9, {"trade": 9}))
    assert one.position == Position(EPOCH, 10)


def test_other_epoch_is_never_judged() -> None:
    """Frames of a publisher's earlier or later life are told apart before anything else."""
    one = tracker()
    assert one.take(heads([("trade", 1)], epoch=EPOCH + 1)[0]).verdict is Verdict.OTHER_EPOCH
    assert one.hear(beat(0, {}, epoch=EPOCH - 1)).verdict is Verdict.OTHER_EPOCH


def test_replay_takes_frames_of_earlier_epochs() -> None:
    """The journal holds frames of every epoch; they are judged by their numbers."""
    one = tracker()
    assert one.replay(heads([("trade", 1)], epoch=EPOCH - 3)[0]).verdict is Verdict.IN_ORDER


def test_frame_whose_tails_contradict_its_seq_is_a_gap() -> None:
    """Numbers that cannot be (a topic that went back) are not delivered."""
    one = Tracker(TOPICS)
    one.start(EPOCH, 5, {"trade": 5})
    assert one.take(Head("trade", EPOCH, 6, 5, 1, 0, 0, {"trade": 4})).verdict is Verdict.GAP


def test_topic_that_is_not_wanted_moves_the_position() -> None:
    """A replayed frame of another topic is no gap, and what it covers is covered."""
    one = tracker(("link",))
    assert one.replay(heads([("trade", 3)])[0]).verdict is Verdict.IN_ORDER
    assert one.position == Position(EPOCH, 3)


@pytest.mark.parametrize(
    ("first", "count", "expected", "missed"),
    [
        (4, 1, Judgement(Verdict.IN_ORDER), 0),
        (3, 1, Judgement(Verdict.DUPLICATE), 0),
        (2, 2, Judgement(Verdict.DUPLICATE), 0),
        (3, 2, Judgement(Verdict.IN_ORDER, 1), 0),
        (7, 1, Judgement(Verdict.IN_ORDER), 3),
    ],
)
def test_ephemeral_frames_are_counted_not_repaired(
    first: int, count: int, expected: Judgement, missed: int
) -> None:
    """A missed heartbeat is counted, a repeated one dropped, and neither is a gap."""
    one = tracker()
    one.hear(beat(0, {}, number=3))
    assert one.hear(beat(0, {}, number=first, count=count)) == expected
    assert one.missed.get("heartbeat", 0) == missed


def test_snapshot_covers_ephemeral_messages_too() -> None:
    """A quote that the snapshot contains is not delivered after it."""
    one = Tracker(("quote",))
    one.start(EPOCH, 10, {"quote": 5})
    old = Head("quote", EPOCH, 10, 5, 1, 0, 0, {})
    assert one.hear(old).verdict is Verdict.DUPLICATE
    assert not one.missed


@pytest.mark.parametrize(
    ("epoch", "seq", "tails", "reached", "after"),
    [
        (EPOCH, 5, {"trade": 5}, True, Position(EPOCH, 5)),
        (EPOCH, 9, {"trade": 5, "portfolio": 0}, True, Position(EPOCH, 9)),
        (EPOCH, 9, {"trade": 6}, False, Position(EPOCH, 5)),
        (EPOCH, 3, {"trade": 3}, True, Position(EPOCH, 5)),
        (EPOCH + 1, 5, {"trade": 5}, True, Position(EPOCH + 1, 5)),
    ],
)
def test_reach_proves_that_nothing_is_missing(
    epoch: int, seq: int, tails: dict[str, int], reached: bool, after: Position
) -> None:
    """The end of a replay is only believed when the tails agree."""
    one = Tracker(("trade",))
    one.start(EPOCH, 5, {"trade": 5, "quote": 2})
    assert one.reach(epoch, seq, tails) is reached
    assert one.position == after


def test_ephemeral_topics_count_anew_after_a_restart() -> None:
    """The first quote of a new epoch is not taken for a repeated one."""
    one = Tracker(("trade", "quote"))
    one.start(EPOCH, 5, {"trade": 5, "quote": 20})
    assert one.reach(EPOCH + 1, 5, {"trade": 5})
    assert one.hear(Head("quote", EPOCH + 1, 5, 1, 1, 0, 0, {})).verdict is Verdict.IN_ORDER


def test_stopped_tracker_keeps_its_position() -> None:
    """During a reset the old position is still there to be reported."""
    one = tracker()
    one.stop()
    assert (one.started, one.position) == (False, Position(EPOCH, 0))
