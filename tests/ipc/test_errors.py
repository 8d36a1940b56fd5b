"""ipc.errors: the bus's part of the one tree of errors."""

from __future__ import annotations

import inspect

from ipc import errors
from router.errors import Fatal, Recoverable, RouterError


def test_every_error_is_recoverable_or_fatal() -> None:
    """Each error says by its base whether the process goes on, and the tree in the docstring names it."""
    own = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RouterError) and kind.__module__ == errors.__name__
    ]
    assert len(own) == 10
    for kind in own:
        assert issubclass(kind, Recoverable) != issubclass(kind, Fatal)
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind.__doc__
