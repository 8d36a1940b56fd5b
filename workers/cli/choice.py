"""Which messages to show: topics and messages by name, fields by value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from ipc.bus import Envelope
from ipc.topics import EPHEMERAL, TOPIC_OF, TOPICS
from workers.cli.bus import KINDS, document
from workers.cli.misuse import Misused

FIELDS: Final = {kind.__name__: kind.__struct_fields__ for kind in TOPIC_OF}
HEAD: Final = frozenset({"type", "v", "data", *Envelope.__struct_fields__}) - {"message"}


class Condition(NamedTuple):
    """A field must have a value: `path` leads to it, through parts and lists."""

    path: tuple[str, ...]
    value: str


class Choice(NamedTuple):
    """Topics to hear, messages of theirs to show, and what must hold of those."""

    topics: frozenset[str]
    kinds: frozenset[str]
    conditions: tuple[Condition, ...] = ()

    @property
    def journalled(self) -> bool:
        """Whether any of it is in a journal."""
        return bool(self.topics - EPHEMERAL)

    def wants(self, envelope: Envelope) -> bool:
        """Whether to show it."""
        if type(envelope.message).__name__ not in self.kinds or envelope.topic not in self.topics:
            return False
        if not self.conditions:
            return True
        shown = document(envelope)
        return all(holds(condition, shown) for condition in self.conditions)


def choose(names: Sequence[str], where: Sequence[str] = ()) -> Choice:
    """From the names or globs of topics and messages, none for a calm choice, and from `field=value` texts.

    Raises Misused for a name that matches nothing, and for a field that no chosen message has.
    """
    if not names:
        names = sorted(set(TOPICS) - EPHEMERAL)
    topics: set[str] = set()
    kinds: set[str] = set()
    for name in names:
        whole = [topic for topic in TOPICS if name == "all" or fnmatchcase(topic, name)]
        single = [kind for kind in KINDS if fnmatchcase(kind, name)]
        if not whole and not single:
            raise Misused(
                f"{name}: topics are {', '.join(TOPICS)}, or all; messages are {', '.join(KINDS)}; "
                "globs such as 'Order*' match both"
            )
        topics |= {*whole, *(KINDS[kind] for kind in single)}
        kinds |= {*single, *(kind for kind, topic in KINDS.items() if topic in whole)}
    conditions = tuple(condition(text) for text in where)
    _check(conditions, kinds)
    return Choice(frozenset(topics), frozenset(kinds), conditions)


def condition(text: str) -> Condition:
    """`field=value`, the field dotted: `contract.symbol=SPY`. Raises Misused."""
    field, equals, value = text.partition("=")
    path = tuple(field.split("."))
    if not equals or not all(path):
        raise Misused(f"--where {text}: not of the form field=value, such as contract.symbol=SPY")
    return Condition(path, value)


def holds(wanted: Condition, shown: dict[str, Any]) -> bool:
    """Whether the field has the value, in the message or else in its envelope; of a list, in any item."""
    found = [*_at(shown["data"], wanted.path), *_at(shown, wanted.path)]
    return any(_equals(value, wanted.value) for value in found)


def _check(conditions: Iterable[Condition], kinds: Iterable[str]) -> None:
    known = HEAD.union(*(FIELDS[kind] for kind in kinds))
    for (field, *_), _value in conditions:
        if field not in known:
            raise Misused(f"--where {field}: no chosen message has it; there are {', '.join(sorted(known))}")


def _at(value: object, path: tuple[str, ...]) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _equals(value: object, text: str) -> bool:
    """Texts match as globs, numbers by their worth (450 is 450.0), the rest as JSON writes it."""
    match value:
        case str():
            return value == text or fnmatchcase(value, text)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value] == text
        case int() | float():
            try:
                return Decimal(str(value)) == Decimal(text)
            except InvalidOperation:
                return False
        case _:
            return False
