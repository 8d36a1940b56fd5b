"""What IB's message codes mean, read from the versioned data in `conf/ib_errors.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from msgspec import Struct

from conf.errors import ConfigError

VERSION = 1  # of the file's layout
IB_LIST = "IB's TWS API documentation, message codes"

Policy = Literal["terminal", "informational", "modify-only", "link", "pacing", "query"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


class ErrorCode(Struct, frozen=True):
    """One message code of IB. `text` is TWS's own, shortened; `source` says where the code is from."""

    code: int
    policy: Policy
    text: str
    source: str = IB_LIST


def load_ib_errors(root: Path) -> dict[int, ErrorCode]:
    """Every listed code. Raises ConfigError naming all that is wrong with the file."""
    path = root / "conf" / "ib_errors.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    problems: list[str] = []
    codes = _read(document, problems)
    if problems:
        raise ConfigError(*(f"{path}: {problem}" for problem in problems))
    return codes


def _read(document: dict[str, Any], problems: list[str]) -> dict[int, ErrorCode]:
    if document.get("version") != VERSION:
        problems.append(f"version = {document.get('version')!r}: this router reads version {VERSION}")
    for name in sorted(document.keys() - {"version", "sources", *POLICIES}):
        problems.append(f"unknown section [{name}]; valid are {', '.join(POLICIES)}")
    sources = document.get("sources", {})
    codes: dict[int, ErrorCode] = {}
    for policy in POLICIES:
        for key, text in document.get(policy, {}).items():
            if not key.isdecimal() or not isinstance(text, str) or not text:
                problems.append(f"[{policy}] {key} = {text!r}: must be a code and its text")
            elif int(key) in codes:
                problems.append(f"[{policy}] {key} is listed in [{codes[int(key)].policy}] too: keep one")
            else:
                codes[int(key)] = ErrorCode(int(key), policy, text, sources.get(key, IB_LIST))
    for key in sources:
        if not key.isdecimal() or int(key) not in codes:
            problems.append(f"[sources] {key}: no section lists this code")
    return codes
