"""`python -m tests.paper.recording [--abridged] FILE…`: holds each recording against a fresh paper gateway.

One line a file: how many messages came as recorded, or the first difference with its line. Exit code 0 when all
came as recorded, 1 when one did not, 2 when a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.paper.conftest import start_gateway
from tests.paper.recording.player import Result, play
from tests.paper.recording.reader import RecordingError, Step, read_recording


def hold(steps: list[Step], *, abridged: bool = False) -> Result:
    """Play a recording to a gateway of its own, whose market stands still."""
    account = next((step for step in steps if step.name == "managed_accounts"), None)
    name = ((account.lists or {}).get("accounts") if account else None) or ["DU9000001"]
    with tempfile.TemporaryDirectory() as directory:
        gateway = start_gateway(Path(directory), "--market", "still", "--account", name[0])
        try:
            return play(steps, gateway, abridged=abridged)
        finally:
            gateway.stop()


def main(arguments: list[str]) -> int:
    """Hold every file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.paper.recording", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--abridged", action="store_true", help="the recorder left messages out: count those")
    options = parser.parse_args(arguments)
    differing = False
    for path in options.files:
        try:
            result = hold(read_recording(path), abridged=options.abridged)
        except (RecordingError, OSError) as error:
            sys.stdout.write(f"{error}\n")
            return 2
        differing = differing or bool(result.difference)
        sys.stdout.write(report(path, result) + "\n")
    return int(differing)


def report(path: Path, result: Result) -> str:
    """One recording's outcome in words."""
    besides = ", ".join(f"{count} {name}" for name, count in sorted(result.besides.items()))
    said = f"; besides: {besides}" if besides else ""
    if result.difference:
        return f"{path}: differs after {result.told} messages{said}\n  {result.difference}"
    return f"{path}: {result.told} messages as recorded{said}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
