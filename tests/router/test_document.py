"""Foreign JSON documents: what no reader can hold is refused by path and value."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.document import MAX_DEPTH, MAX_NUMBER, check_values
from router.errors import MAX_SHOWN, FieldError

TEXTS = st.text(st.characters(), max_size=5)  # surrogates included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=20,
)


def nested(depth: int) -> Any:
    """Lists inside one another."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("document", "path", "shown"),
    [
        ({"a": {"b": [1, float("nan")]}}, "a.b[1]", "nan"),
        ({"entry": float("inf")}, "entry", "inf"),
        ({"entry": float("-inf")}, "entry", "-inf"),
        ({"ts": 2 * MAX_NUMBER}, "ts", str(2 * MAX_NUMBER)),
        ({"ts": -(10**400)}, "ts", "-1000"),
        ({"stop": 1.797e308}, "stop", "1.797e+308"),
        ({"reasons": ["fine", "\ud800"]}, "reasons[1]", "\\ud800"),
        ({"a": {"\udfff": 1}}, "a", "\\udfff"),
        ({"\udfff": 1}, "payload", "\\udfff"),
        ({"deep": nested(MAX_DEPTH)}, "deep" + "[0]" * MAX_DEPTH, "int"),
        ({"": float("nan")}, "payload", "nan"),
        ({"x": float("nan"), "y": float("nan")}, "x", "nan"),
    ],
)
def test_refused_by_path(document: dict[str, Any], path: str, shown: str) -> None:
    """The first bad value in the document's own order is named by its path, shortened where it is long."""
    with pytest.raises(FieldError) as caught:
        check_values(document)
    assert caught.value.field == path[:MAX_SHOWN]
    assert shown in caught.value.value


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": [[], {}], "b": None},
        {"n": MAX_NUMBER, "m": -MAX_NUMBER},
        {"d": nested(MAX_DEPTH - 1)},
        {"": "\u20ac"},
    ],
)
def test_passes(document: dict[str, Any]) -> None:
    """Everything else passes, up to the bounds themselves."""
    check_values(document)


@given(st.dictionaries(TEXTS, JSON, max_size=4))
def test_what_passes_can_be_written_by_others(document: dict[str, Any]) -> None:
    """What passes survives a strict JSON writer and reader, what does not is refused, and in words that can be sent."""
    try:
        check_values(document)
    except FieldError as error:
        str(error).encode()
        error.field.encode()
        return
    assert msgspec.json.decode(json.dumps(document)) == document
