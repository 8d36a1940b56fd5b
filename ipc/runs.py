"""Cutting messages into the runs that become frames. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ipc.codec import MAX_COUNT, MAX_FRAME
from ipc.errors import MessageTooLarge, NotMyMessage
from ipc.topics import Topic, published_by
from router.messages import Message

Run = tuple[Topic, tuple[Message, ...]]

_published_by = cache(published_by)


def by_topic(publisher: str, messages: Sequence[Message]) -> list[Run]:
    """Consecutive messages of one topic, the last run first. Raises NotMyMessage."""
    topics = _published_by(publisher)
    messages = tuple(messages)
    try:
        found = [topics[kind] for kind in set(map(type, messages))]
    except KeyError as error:
        kind: type = error.args[0]
        raise NotMyMessage(f"{publisher} may not publish {kind.__name__}: see ipc/topics.py") from None
    if 0 < len(messages) <= MAX_COUNT and all(topic is found[0] for topic in found):
        return [(found[0], messages)]
    runs: list[Run] = []
    present, begin = None, 0
    for index, message in enumerate(messages):
        topic = topics[type(message)]
        if topic is not present or index - begin == MAX_COUNT:
            if present is not None:
                runs.append((present, messages[begin:index]))
            present, begin = topic, index
    if present is not None:
        runs.append((present, messages[begin:]))
    runs.reverse()
    return runs


def halves(topic: Topic, run: tuple[Message, ...], size: int) -> list[Run]:
    """A run whose frame of `size` bytes is too large, in two, the later one first. Raises MessageTooLarge."""
    if len(run) == 1:
        raise MessageTooLarge(f"{type(run[0]).__name__} takes {size} bytes, a frame holds {MAX_FRAME}")
    middle = len(run) // 2
    return [(topic, run[middle:]), (topic, run[:middle])]
