"""Every message: frozen, told apart by its tag, and the same after a journey through msgpack."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC
from typing import Any, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect as shapes

from router import messages
from router.messages import Heartbeat, LinkPhase, LinkState, Message

MESSAGES = [
    kind
    for _, kind in inspect.getmembers(messages, inspect.isclass)
    if issubclass(kind, Message) and kind is not Message
]
PARTS = [
    kind
    for _, kind in inspect.getmembers(messages, inspect.isclass)
    if issubclass(kind, msgspec.Struct) and not issubclass(kind, Message)
]
DECODER: Any = msgspec.msgpack.Decoder(Union[tuple(MESSAGES)])  # noqa: UP007 - made of a list

STRATEGIES: dict[type[shapes.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    shapes.StrType: lambda _: st.text(max_size=8),
    shapes.BoolType: lambda _: st.booleans(),
    shapes.IntType: lambda _: st.integers(-(2**63), 2**63 - 1),
    shapes.FloatType: lambda _: st.floats(allow_nan=False, allow_infinity=False),
    shapes.NoneType: lambda _: st.none(),
    shapes.DateTimeType: lambda _: st.datetimes(timezones=st.just(UTC)),
    shapes.LiteralType: lambda shape: st.sampled_from(shape.values),
    shapes.EnumType: lambda shape: st.sampled_from(list(shape.cls)),
    shapes.UnionType: lambda shape: st.one_of([values(each) for each in shape.types]),
    shapes.VarTupleType: lambda shape: st.lists(values(shape.item_type), max_size=2).map(tuple),
    shapes.TupleType: lambda shape: st.tuples(*(values(each) for each in shape.item_types)),
    shapes.DictType: lambda shape: st.dictionaries(
        values(shape.key_type), values(shape.value_type), max_size=2
    ),
    shapes.StructType: lambda shape: structs(shape.cls),
}


def values(shape: shapes.Type) -> st.SearchStrategy[Any]:
    """Values of a type, finite where they are numbers."""
    return STRATEGIES[type(shape)](shape)


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a Struct with every field drawn."""
    shape = shapes.type_info(kind)
    assert isinstance(shape, shapes.StructType)
    return st.builds(kind, **{field.name: values(field.type) for field in shape.fields})


@given(st.sampled_from(MESSAGES).flatmap(structs))
def test_journey(message: Message) -> None:
    """Encoded and decoded among all other messages, each comes back as itself."""
    assert DECODER.decode(msgspec.msgpack.encode(message)) == message


@pytest.mark.parametrize("kind", [*MESSAGES, *PARTS])
def test_frozen_and_explained(kind: type[msgspec.Struct]) -> None:
    """Nothing that travels can be changed on the way, and each says what it is."""
    config = kind.__struct_config__
    assert config.frozen
    assert config.array_like
    assert not config.forbid_unknown_fields
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")


def test_tags_are_the_names() -> None:
    """A message on the wire starts with the name of its class, and no two share one."""
    tags = [kind.__struct_config__.tag for kind in MESSAGES]
    assert tags == [kind.__name__ for kind in MESSAGES]
    assert len(set(tags)) == len(MESSAGES) >= 25


@pytest.mark.parametrize("kind", MESSAGES)
def test_version(kind: type[Message]) -> None:
    """Every document says which version of its meaning it has."""
    assert kind.version >= 1


def test_unknown_message_is_refused() -> None:
    """A tag nobody knows is an error, never another message."""
    with pytest.raises(msgspec.ValidationError):
        DECODER.decode(msgspec.msgpack.encode(["Gossip", 1, 2]))


def test_wrong_type_is_refused() -> None:
    """Decoding checks types, which constructors do not."""
    with pytest.raises(msgspec.ValidationError):
        DECODER.decode(msgspec.msgpack.encode(["FindDelivery", 7]))


def test_records_of_an_older_writer() -> None:
    """An array that is shorter by fields with defaults reads as if they were the defaults: journals stay readable."""
    old = msgspec.msgpack.encode(["LinkState", "READY", "rebuilt from IB"])
    assert DECODER.decode(old) == LinkState(phase=LinkPhase.READY, reason="rebuilt from IB")


def test_records_of_a_newer_writer() -> None:
    """An array that is longer reads as what is known of it."""
    new = msgspec.msgpack.encode(["Heartbeat", "sizing", 7, "ready", "", {}, "later", 2])
    assert DECODER.decode(new) == Heartbeat("sizing", 7, "ready", "", {})
