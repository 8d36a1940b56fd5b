"""One message of every kind that travels on a topic, made by the decoder from plain values of the right types."""

from __future__ import annotations

import types
from datetime import UTC, datetime
from enum import EnumMeta
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from ipc.topics import TOPIC_OF
from router.messages import Message


def sample(kind: type[msgspec.Struct]) -> Any:
    """A value of this struct with every field set, parts included."""
    hints = get_type_hints(kind)
    return kind(**{name: value_of(hints[name]) for name in kind.__struct_fields__})


def value_of(hint: Any) -> Any:
    """A value of this type; of an optional one not None."""
    origin, arguments = get_origin(hint), get_args(hint)
    plain = {str: "text", int: 42, float: 1.25, bool: True, datetime: datetime(2026, 1, 2, tzinfo=UTC)}
    if hint in plain:
        return plain[hint]
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return value_of(arguments[0])
    if origin is tuple:
        return (value_of(arguments[0]), value_of(arguments[0]))
    if origin is dict:
        return {value_of(arguments[0]): value_of(arguments[1])}
    if isinstance(hint, EnumMeta):
        return next(iter(hint))
    return sample(hint)


SAMPLES: list[Message] = [sample(kind) for kind in TOPIC_OF]
