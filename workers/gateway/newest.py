"""The newest values by key, so many and no more: what may be forgotten of a long day. Pure."""

from __future__ import annotations

from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Newest(Generic[K, V]):
    """The last word under each key, the `limit` newest of them.

    The oldest are let go an eighth of the limit at a time: a dict is slow to lose its first key, and not much slower
    to lose many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spare = max(1, limit // 8)
        self._kept: dict[K, V] = {}

    def add(self, key: K, value: V) -> None:
        """As the newest, also when an older one had this key."""
        kept = self._kept
        kept.pop(key, None)
        kept[key] = value
        if len(kept) >= self._limit + self._spare:
            for oldest in list(islice(kept, self._spare)):
                del kept[oldest]

    def values(self) -> list[V]:
        """Oldest first."""
        return list(self._kept.values())[-self._limit :]
