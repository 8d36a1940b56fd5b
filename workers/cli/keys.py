"""`router keys generate`: CURVE key pairs for the bus on tcp."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conf.settings import Settings
from ipc.errors import InsecurePath
from ipc.security import generate_keys
from workers.cli.health import Exit
from workers.cli.misuse import Misused

PLACE = "keys"  # under `paths.var`


def generate(settings: Settings, options: argparse.Namespace) -> int:
    """Make one pair and name its files, which only this user can read. Never overwrites a key: exit code 1."""
    name: str = options.name
    if not name or name.startswith(".") or "/" in name:
        raise Misused(f"{name!r}: a key pair is named after a process or host, such as gateway")
    directory = Path(options.dir).absolute() if options.dir else settings.paths.var / PLACE
    if (directory / f"{name}.key").exists():  # the secret one is looked for where the pair is made
        raise InsecurePath(f"{directory / name}.key exists: move it away to make a new key pair for {name}")
    try:
        public, secret = generate_keys(directory, name)
    except OSError as error:
        print(f"router: {error}: name another place with --dir", file=sys.stderr)
        return Exit.DEGRADED
    print(f"public {public}")
    print(f"secret {secret}")
    return Exit.OK
