"""The steps of a recording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.paper.recording.frames import read_frame

_BARE = frozenset({"disconnect"})
_IGNORED = frozenset({"sleep"})


class RecordingError(ValueError):
    """A line that cannot be read or held; says which and why."""


@dataclass(frozen=True)
class Step:
    """One line: who spoke (`handshake`, `client`, `server` or `disconnect`), the message and its fields, flat.

    The fields of a nested contract stand beside the others; values that are lists or maps are left out.
    """

    number: int
    speaker: str
    name: str = ""
    fields: dict[str, str] | None = None
    lists: dict[str, list[str]] | None = None

    def __getitem__(self, key: str) -> str:
        """A field as text, empty when it is not there."""
        return (self.fields or {}).get(key, "")


def read_recording(path: Path) -> list[Step]:
    """The steps of a file. Raises RecordingError naming the line, OSError when it cannot be read."""
    steps: list[Step] = []
    version = 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#") or text.split()[0] in _IGNORED:
            continue
        try:
            steps.append(_raw(number, text, version) if text.startswith("raw ") else _step(number, text))
            if steps[-1].speaker == "handshake":
                version = int(steps[-1]["server_version"] or 0)
        except ValueError as error:
            raise RecordingError(f"{path}:{number}: {error}") from None
    return steps


def _raw(number: int, text: str, version: int) -> Step:
    _, speaker, frame = text.split()
    name, fields = read_frame(speaker, frame, version)
    accounts = {"accounts": fields["accounts"].split(",")} if "accounts" in fields else None
    return Step(number, speaker, name, fields, accounts)


def _step(number: int, text: str) -> Step:
    speaker, _, rest = text.partition(" ")
    if speaker in _BARE:
        return Step(number, speaker)
    name = ""
    if speaker in ("client", "server"):
        name, _, rest = rest.partition(" ")
    elif speaker != "handshake":
        raise ValueError(f"{speaker!r} is none of handshake, client, server, raw, sleep, disconnect")
    value = json.loads(rest or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"{rest[:40]!r} is not an object")
    lists = {key: [str(one) for one in each] for key, each in value.items() if isinstance(each, list)}
    return Step(number, speaker, name, dict(_flat(value)), lists)


def _flat(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _flat(each)
        elif isinstance(each, bool):
            yield key, str(int(each))
        elif not isinstance(each, list):
            yield key, str(each)
