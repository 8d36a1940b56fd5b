"""router.errors: one tree, two kinds, messages that name what is wrong."""

from __future__ import annotations

import inspect

import pytest

from router import errors
from router.errors import MAX_SHOWN, Fatal, FieldError, Recoverable, RouterError


def test_every_error_is_recoverable_or_fatal() -> None:
    """Nobody has to guess whether a process goes on after an error."""
    own = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RouterError)]
    assert {RouterError, Recoverable, Fatal, FieldError} <= set(own)
    for kind in own:
        assert kind is RouterError or issubclass(kind, Recoverable) != issubclass(kind, Fatal)
        assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("value", "shown"), [(-1, "-1"), ("abc", "'abc'"), (float("nan"), "nan"), (None, "None")]
)
def test_field_error_names_field_and_value(value: object, shown: str) -> None:
    """The message says which field, what was there, and what is wrong with it."""
    error = FieldError("contract.strike", value, "must be positive")
    assert str(error) == f"contract.strike = {shown}: must be positive"
    assert (error.field, error.value, error.problem) == ("contract.strike", shown, "must be positive")


def test_field_error_repeats_little_of_a_long_value() -> None:
    """A megabyte from outside does not become a megabyte in the log."""
    error = FieldError("raw", "x" * 1_000_000, "too long")
    assert len(error.value) == MAX_SHOWN
    assert len(str(error)) < 200
