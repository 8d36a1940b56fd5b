"""ipc.bus: what workers import."""

from __future__ import annotations

from ipc import bus


def test_everything_offered_is_there_and_says_what_it_is() -> None:
    """Each name exists, and each class has a docstring of its own."""
    for name in bus.__all__:
        offered = getattr(bus, name)
        assert not isinstance(offered, type) or offered.__doc__
