"""The newest values by key, so many and no more: what may be forgotten of a long day. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")

WORDS = 3  # on one key, of which the last counts: IB tells of an execution or an end again in every rebuild


class Newest(Generic[V]):
    """The last word under each key, of the `limit` keys that were told of last.

    Words are sorted out when somebody asks: a storm tells of hundreds of thousands, and hardly anybody asks. `WORDS` times
    `limit` are kept for it, so fewer keys are remembered where most of them were told of more often than that.
    """

    def __init__(self, limit: int, key: Callable[[V], Hashable]) -> None:
        self._limit = limit
        self._key = key
        self._said: deque[V] = deque(maxlen=WORDS * limit)
        self.add: Callable[[V], None] = self._said.append  # the newest word

    def values(self) -> list[V]:
        """Oldest first."""
        last: dict[Hashable, V] = {}
        for word in reversed(self._said):
            last.setdefault(self._key(word), word)
            if len(last) == self._limit:
                break
        return list(reversed(last.values()))
