"""Values as found -> values as typed, key by key, so that one load names everything there is to mend."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from conf.sources import Given, Layer

S = TypeVar("S", bound=Struct)


def decode_section(name: str, kind: type[S], given: Mapping[str, Given], problems: list[str]) -> S:
    """One section; what cannot be used is appended to `problems` and left at its default."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values = {}
    for key, item in given.items():
        if key not in fields:
            problems.append(f"{item.origin}: unknown key [{name}] {key}{nearest(key, fields)}")
            continue
        try:
            values[key] = decode_value(item, fields[key].type)
        except msgspec.ValidationError as error:
            problems.append(
                f"{item.origin}: [{name}] {key} = {shown(key, item.value)}: {_reason(error, fields[key].type)}"
            )
    return kind(**values)


def decode_value(item: Given, kind: object) -> object:
    """Convert strictly; text from the environment may spell numbers, booleans and comma-separated lists."""
    if not item.text:
        return msgspec.convert(item.value, kind)
    if "tuple" in str(kind):
        parts = [part.strip() for part in str(item.value).split(",") if part.strip()]
        return msgspec.convert(parts, kind)
    return msgspec.convert(item.value, kind, strict=False)


def unknown_sections(layers: Layer, known: Mapping[str, object], problems: list[str]) -> None:
    """Name sections and top-level keys that do not exist, and variables that would do nothing for an underscore."""
    for name, keys in layers.items():
        if name == "":
            extra = {key: item for key, item in keys.items() if key != "mode"}
            for key, item in extra.items():
                section, _, rest = key.partition("_")
                if not item.text:
                    problems.append(f"{item.origin}: unknown key {key}{nearest(key, ['mode'])}")
                elif section in known:
                    meant = f"ROUTER_{section}__{rest or '<key>'}".upper()
                    problems.append(f"{item.origin}: sets nothing; did you mean {meant}?")
        elif name not in known:
            origin = next((item.origin for item in keys.values()), "configuration")
            problems.append(f"{origin}: unknown section [{name}]{nearest(name, known)}")


def nearest(name: str, valid: Mapping[str, object] | list[str]) -> str:
    """The most likely meaning of a name that does not exist, or all that do."""
    close = get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; valid are {', '.join(sorted(valid))}"


def shown(key: str, value: object) -> str:
    """A value fit for a message: URLs may carry a password."""
    return "***" if key == "url" else repr(value)


def _reason(error: msgspec.ValidationError, kind: object) -> str:
    plain = get_args(kind)[0]  # each key is Annotated with its meaning
    if get_origin(plain) is Literal:
        return f"must be {' or '.join(repr(value) for value in get_args(plain))}"
    text = str(error)
    return text[0].lower() + text[1:]
