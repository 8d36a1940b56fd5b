"""What no reader of a foreign JSON document can hold, wherever in it: refused by path and value.

A document that is repeated to others must be writable by every JSON writer: Python's own reader lets NaN,
infinities, numbers of any length and lone surrogates pass, which others choke on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import MAX_SHOWN, FieldError

MAX_DEPTH = 32  # lists and objects inside one another
MAX_NUMBER = 2**63  # beyond it no field of the platform means anything, and JSON readers disagree


def check_values(document: Mapping[str, Any]) -> None:
    """Look at every key and value, in the document's order. Raises FieldError with the path of the first bad one."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise FieldError(path, type(value).__name__, f"is nested deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            inner = [(_join(path, key), item, depth + 1) for key, item in value.items()]
        elif isinstance(value, list):
            inner = [(f"{path}[{i}]"[:MAX_SHOWN], item, depth + 1) for i, item in enumerate(value)]
        else:
            _check_scalar(path, value)
            continue
        waiting.extend(reversed(inner))


def _join(path: str, key: str) -> str:
    _check_scalar(path, key)
    return (f"{path}.{key}" if path else key)[:MAX_SHOWN]


def _check_scalar(path: str, value: object) -> None:
    if isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:  # false for NaN too
        raise FieldError(path or "payload", value, "must be a finite number of a usual size")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FieldError(
                path or "payload", value, "holds half a character: write valid Unicode"
            ) from None
