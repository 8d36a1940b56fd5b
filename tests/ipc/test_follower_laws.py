"""ipc.follower by its laws: whatever the wire does, everything comes once, in order; or a reset says so.

The wire loses, repeats, swaps and delays frames, loses requests and replies; the publisher is restarted, also with
the end of its journal torn off, or with an empty one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc.follower import Follower
from ipc.frame import BEGINNING, LIVE, Position
from router.messages import Message
from tests.ipc.helpers import beat, link, pnl, quote, sent
from tests.ipc.world import MS, World

MESSAGES = st.lists(st.sampled_from([sent, pnl, link, quote, beat]), min_size=1, max_size=4)
STEP = st.one_of(
    st.tuples(st.just("publish"), MESSAGES),
    st.tuples(st.sampled_from(["deliver", "deliver", "lose", "repeat", "swap"]), st.none()),
    st.tuples(st.sampled_from(["ask", "serve", "reply", "lose request", "lose reply"]), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 3_000)),
    st.tuples(st.just("restart"), st.sampled_from([0, 0, 0, 1, 150, 700])),
    st.tuples(st.just("fresh"), st.sampled_from([-100, 1])),
)
KINDS = (type(sent(0)), type(pnl(0)), type(link(0)))


def run(world: World, steps: list[tuple[str, object]]) -> dict[tuple[int, int], Message]:
    """Do the steps; returns what was published, by (epoch, seq)."""
    published: dict[tuple[int, int], Message] = {}
    for step, what in steps:
        match step, what:
            case "publish", list(kinds):
                publish(world, kinds, published)
            case "wait", int(ms):
                world.now_ns += ms * MS
            case "restart", int(torn):
                world.now_ns += MS
                world.restart(torn=torn)
            case "fresh", int(ms):
                world.now_ns += ms * MS
                world.fresh()
            case _:
                on_the_wire(world, step)
    return published


def publish(
    world: World, kinds: list[Callable[[int], Message]], published: dict[tuple[int, int], Message]
) -> None:
    """Publish a message of each kind, and note those that are journalled."""
    messages = [kind(len(published) * 10 + index) for index, kind in enumerate(kinds)]
    seq = world.journal.seq
    world.publish(*messages)
    for message in messages:
        if isinstance(message, KINDS):
            seq += 1
            published[world.journal.epoch, seq] = message


def on_the_wire(world: World, step: str) -> None:
    """Something happens to the oldest frame, request or reply, if there is one."""
    match step:
        case "swap" if len(world.wire) > 1:
            world.wire[0], world.wire[1] = world.wire[1], world.wire[0]
        case "deliver" if world.wire:
            world.deliver()
        case "lose" if world.wire:
            world.wire.popleft()
        case "repeat" if world.wire:
            world.wire.append(world.wire[0])
        case "ask":
            world.ask()
        case "serve" if world.requests:
            world.serve()
        case "reply" if world.replies:
            world.reply()
        case "lose request" if world.requests:
            world.requests.popleft()
        case "lose reply" if world.replies:
            world.replies.popleft()


@settings(max_examples=400, deadline=None)
@given(
    steps=st.lists(STEP, max_size=60),
    topics=st.sampled_from(
        [("trade",), ("trade", "link"), ("trade", "portfolio", "link"), ("link", "quote")]
    ),
    start=st.sampled_from([BEGINNING, LIVE, None]),
    hold=st.sampled_from([3, 200_000]),
)
def test_everything_once_in_order_or_a_reset(
    steps: list[tuple[str, object]],
    topics: tuple[str, ...],
    start: Position | None,
    hold: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Between resets the wanted messages of the journal come completely, in order of seq, each once, unchanged."""
    world = World(tmp_path_factory.mktemp("w") / "gateway", topics, start, hold=hold)
    published = run(world, steps)
    harmed = any(step == "fresh" or (step == "restart" and what) for step, what in steps)
    world.publish(beat())
    world.settle()
    for one in world.got:
        if one.topic not in ("quote", "heartbeat"):
            assert one.topic in topics
            assert published[one.epoch, one.seq] == one.message
    assert harmed or not world.resets
    numbers = world.numbers
    assert numbers == sorted(set(numbers))
    wanted = [entry.seq for entry in world.journal.read() if entry.topic in topics]
    if world.resets:
        assert numbers == [seq for seq in wanted if seq > world.resets[-1][0].after.seq]
    elif start == BEGINNING:
        assert numbers == wanted
    elif numbers:
        assert numbers == [seq for seq in wanted if seq >= numbers[0]]
    world.publisher.close()


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(1, 5), max_size=15),
    chunk=st.integers(1, 8),
    data=st.data(),
)
def test_restarted_subscriber_continues_from_any_position(
    counts: list[int], chunk: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From a position taken anywhere, in the midst of a frame too, exactly what follows it is delivered."""
    world = World(tmp_path_factory.mktemp("w") / "gateway", chunk=chunk)
    for count in counts:
        world.publish(*(sent(number) for number in range(count)))
    at = data.draw(st.integers(0, world.journal.seq))
    if data.draw(st.booleans()):
        world.now_ns += MS
        world.restart()
    epoch = min((one.epoch for one in world.journal.read(after=at - 1)), default=world.journal.epoch)
    start = Position(epoch, at)
    world.follower = Follower("gateway", ("trade",), start, now_ns=world.now_ns)
    world.got.clear()
    world.settle()
    assert world.numbers == list(range(at + 1, world.journal.seq + 1))
    assert not world.resets
    world.publisher.close()
