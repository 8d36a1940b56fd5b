"""Virtualenvs for the client libraries, which cannot share one: `python -m tests.paper.venvs` makes them all.

Each is `.venvs/<client>/`, filled from the exact pins of `tests/paper/clients/<client>.txt`, and left alone once
it is there with those pins.
"""

import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
PINS = Path(__file__).parent / "clients"
CLIENTS = ("ib_insync", "ib_async", "ibapi")


def client_python(client: str, root: Path = PROJECT / ".venvs") -> Path:
    """The interpreter of a client's virtualenv, which is made when it is not there. Raises CalledProcessError."""
    home, pins = root / client, PINS / f"{client}.txt"
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists() or ready.read_text() != pins.read_text():
        venv.create(home, clear=True, with_pip=True)
        quiet = ("--quiet", "--disable-pip-version-check")
        install = [str(python), "-m", "pip", "install", *quiet, "-r", str(pins)]
        subprocess.run(install, check=True)
        ready.write_text(pins.read_text())
    return python


if __name__ == "__main__":
    for name in CLIENTS:
        sys.stdout.write(f"{client_python(name)}\n")
