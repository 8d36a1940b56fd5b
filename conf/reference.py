"""Renders `conf/router.toml` and `docs/configuration.md` from the settings structs: one place for each fact.

`python -m conf.reference` writes both files; tests/conf checks that they are up to date.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from conf.settings import SECTIONS

TOML_HEAD = """\
# Settings of the execution router, every key with its default. A profile (conf/profiles/) and then the
# environment (ROUTER_<SECTION>__<KEY>, as in ROUTER_BROKER__PORT=4002) win over this file.
# Check with `router config check`. Reference with types and bounds: docs/configuration.md.

# "paper" (default) trades simulated money only; "live" also needs [broker] account to be named.
mode = "paper"
"""

MARKDOWN_HEAD = """\
# Configuration

Rendered from `conf/sections.py` by `python -m conf.reference`; a test keeps it up to date.

Values come from `conf/router.toml`, then `conf/profiles/{profile}.toml`, then the environment; the later one
wins, key by key.

| environment variable | meaning |
|---|---|
| `ROUTER_HOME` | the project's directory, where `supervisord.conf` and `conf/` are; default: the current one |
| `ROUTER_PROFILE` | name of the profile: `paper` (default) or `live` |
| `ROUTER_MODE` | overrides the top-level key `mode` |
| `ROUTER_<SECTION>__<KEY>` | overrides one key: `ROUTER_BROKER__PORT=4002`; lists are separated by commas; with one underscore it is refused |

`mode = "live"` needs `[broker] account` to name an account that is not simulated (DU, DF); `mode = "paper"` refuses
any other. An unknown section or key, a wrong type or a value out of bounds stops every process with exit
code 78 and a line that names file, section, key, value and the nearest valid key. `router config check` lists all
problems at once. A file named by a `*_file` key that holds a secret must be readable by its owner only.
"""


def render_toml() -> str:
    """`conf/router.toml`: every key with its meaning and its default."""
    parts = [TOML_HEAD]
    for name, kind in SECTIONS.items():
        lines = [f"\n# {_summary(kind)}\n[{name}]"]
        for field in msgspec.structs.fields(kind):
            lines += [f"# {line}" for line in textwrap.wrap(_meaning(field), 106)]
            lines += [f"{field.name} = {line}" for line in [_toml_value(field.default)]]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def render_markdown() -> str:
    """`docs/configuration.md`: every key with type, bounds, default and meaning."""
    parts = [MARKDOWN_HEAD]
    for name, kind in SECTIONS.items():
        parts.append(
            f"\n## [{name}]\n\n{_summary(kind)}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
        )
        for field in msgspec.structs.fields(kind):
            default = f"`{_toml_value(field.default)}`".replace("``", "")
            parts.append(f"| `{field.name}` | {_type(field)} | {default} | {_meaning(field)} |\n")
    return "".join(parts)


def _summary(kind: type[Struct]) -> str:
    return (kind.__doc__ or "").split("\n", maxsplit=1)[0]


def _meaning(field: FieldInfo) -> str:
    return next(meta.description for meta in _metas(field) if meta.description)


def _metas(field: FieldInfo) -> Iterator[Meta]:
    yield from (item for item in get_args(field.type)[1:] if isinstance(item, Meta))


def _toml_value(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(json.dumps(item) for item in value) + "]"
    return json.dumps(value)


def _type(field: FieldInfo) -> str:
    base = get_args(field.type)[0]
    if get_origin(base) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(base))
    text = "list of strings" if get_origin(base) is tuple else base.__name__
    bounds = [
        f"{sign} {value:.12g}"
        for meta in _metas(field)
        for sign, value in ((">", meta.gt), ("≥", meta.ge), ("≤", meta.le))
        if value is not None
    ]
    return ", ".join([text, *bounds])


def main() -> int:
    """Write both files under the current directory."""
    for name, text in (("conf/router.toml", render_toml()), ("docs/configuration.md", render_markdown())):
        Path(name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
