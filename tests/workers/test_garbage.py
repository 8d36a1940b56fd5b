"""workers.garbage: what is there at the start is not looked at again; what comes later is."""

from __future__ import annotations

import gc
import weakref

from workers.garbage import settle


class Knot:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_is_not_looked_at_again() -> None:
    """A full collection passes over everything made before, and still frees knots made later."""
    old: list[object] = [[]]
    assert any(one is old for one in gc.get_objects())
    settle()
    try:
        assert not any(one is old for one in gc.get_objects())
        knot = weakref.ref(Knot())
        gc.collect()
        assert knot() is None
    finally:
        gc.unfreeze()


def test_garbage_of_the_start_is_freed_first() -> None:
    """Nothing that is dead already is kept for good."""
    gc.disable()
    try:
        knot = weakref.ref(Knot())
        assert knot() is not None
        settle()
        assert knot() is None
    finally:
        gc.unfreeze()
        gc.enable()
