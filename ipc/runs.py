"""Cutting messages into the runs that become frames. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

from ipc.codec import MAX_COUNT, MAX_FRAME
from ipc.errors import MessageTooLarge, NotMyMessage
from ipc.topics import TOPICS, Topic, published_by
from router.messages import Message

Run = tuple[Topic, tuple[Message, ...]]

_published_by = cache(published_by)


def by_topic(publisher: str, messages: Sequence[Message]) -> list[Run]:
    """Consecutive messages of one topic, the last run first. Raises NotMyMessage."""
    messages = tuple(messages)
    topic = _only_topic(publisher, frozenset(map(type, messages)))
    if topic is not None and len(messages) <= MAX_COUNT:
        return [(topic, messages)]  # nearly always
    runs = [(topic, messages)] if topic is not None else _mixed(publisher, messages)
    return [
        (topic, run[begin : begin + MAX_COUNT])
        for topic, run in reversed(runs)
        for begin in range((len(run) - 1) // MAX_COUNT * MAX_COUNT, -1, -MAX_COUNT)
    ]


@cache
def _only_topic(publisher: str, kinds: frozenset[type[Message]]) -> Topic | None:
    """The topic of all these types, None where they have several or there are none: a storm's messages share one."""
    topics = _published_by(publisher)
    for kind in kinds:
        if kind not in topics:
            raise NotMyMessage(f"{publisher} may not publish {kind.__name__}: see ipc/topics.py")
    names = {topics[kind].name for kind in kinds}
    return TOPICS[names.pop()] if len(names) == 1 else None


def _mixed(publisher: str, messages: tuple[Message, ...]) -> list[Run]:
    """Runs of any length, the first one first."""
    topics = _published_by(publisher)
    return [(topic, tuple(run)) for topic, run in groupby(messages, lambda message: topics[type(message)])]


def halves(topic: Topic, run: tuple[Message, ...], size: int) -> list[Run]:
    """A run whose frame of `size` bytes is too large, in two, the later one first. Raises MessageTooLarge."""
    if len(run) == 1:
        raise MessageTooLarge(f"{type(run[0]).__name__} takes {size} bytes, a frame holds {MAX_FRAME}")
    middle = len(run) // 2
    return [(topic, run[middle:]), (topic, run[:middle])]
