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
    return environment(root / client, PINS / f"{client}.txt")


def environment(home: Path, requirements: Path, constraints: Path | None = None) -> Path:
    """The interpreter of a virtualenv with these requirements, made when it is not there. Raises CalledProcessError.

    The pip of this interpreter fills it: to install one there takes as long as the libraries.
    """
    python, ready = home / "bin" / "python", home / ".ready"
    wanted = requirements.read_text() + (constraints.read_text() if constraints else "")
    if not ready.exists() or ready.read_text() != wanted:
        venv.create(home, clear=True)
        quiet = ("--quiet", "--disable-pip-version-check")
        within = ("-c", str(constraints)) if constraints else ()
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
        subprocess.run([*pip, *quiet, "-r", str(requirements), *within], check=True)
        ready.write_text(wanted)
    return python


if __name__ == "__main__":
    for name in CLIENTS:
        sys.stdout.write(f"{client_python(name)}\n")
