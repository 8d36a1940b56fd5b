"""Who may talk on the bus: private directories and one owner per ipc endpoint, CURVE for everything on tcp.

An ipc endpoint is as private as its directory: 0700, owned by this user, sockets made under umask 077. libzmq
silently steals an ipc endpoint that is in use, so a lock is taken before the bind.
A tcp endpoint is only ever bound or connected with CURVE keys: `{name}.key` public, `{name}.key_secret` 0600.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from zmq import auth

from ipc.errors import EndpointInUse, EndpointRefused, InsecurePath, KeysMissing

LONGEST_IPC_PATH = 107  # sockaddr_un.sun_path without its closing 0


class KeyPair(NamedTuple):
    """A CURVE key pair in Z85."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r}, secret=...)"


@contextmanager
def private_umask() -> Iterator[None]:
    """Files and sockets made inside are for this user only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def private_directory(path: Path) -> Path:
    """Make `path` if need be, and make sure that only this user can enter it. Raises InsecurePath."""
    with private_umask():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise InsecurePath(
            f"{path} belongs to uid {status.st_uid}: the bus needs a directory of its own user"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise InsecurePath(f"{path} has mode {stat.S_IMODE(status.st_mode):04o}: run `chmod 700 {path}`")
    return path


def ipc_path(endpoint: str) -> Path:
    """The socket file of an ipc endpoint. Raises EndpointRefused if it is too long for a unix socket."""
    path = endpoint.removeprefix("ipc://")
    length = len(os.fsencode(path))
    if length > LONGEST_IPC_PATH:
        raise EndpointRefused(
            f"{endpoint}: the path has {length} bytes, a unix socket allows {LONGEST_IPC_PATH}: "
            "use a shorter run directory"
        )
    return Path(path)


def lock_endpoint(path: Path) -> int:
    """Take an ipc endpoint for this process; the descriptor holds the lock. Raises EndpointInUse, InsecurePath."""
    private_directory(path.parent)
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise EndpointInUse(f"ipc://{path} is bound by another process: stop that one first") from None
    return descriptor


# ---------------------------------------------------------------- CURVE


def generate_keys(directory: Path, name: str) -> tuple[Path, Path]:
    """Make a key pair; returns the public and the secret file. An existing one is never overwritten."""
    private_directory(directory)
    secret = directory / f"{name}.key_secret"
    if secret.exists():
        raise InsecurePath(f"{secret} exists: move it away to make a new key pair for {name}")
    with private_umask():
        made_public, made_secret = auth.create_certificates(directory, name)
    return Path(made_public), Path(made_secret)


def load_keys(directory: Path, name: str) -> KeyPair:
    """The key pair of `name`. Raises KeysMissing, or InsecurePath when others may read the secret."""
    path = directory / f"{name}.key_secret"
    _check_secret(path, name)
    public, secret = _certificate(path, name)
    if secret is None:
        raise KeysMissing(f"{path} holds no secret key: run `router keys generate {name}`")
    return KeyPair(public, secret)


def load_public_key(directory: Path, name: str) -> bytes:
    """The public key of `name`. Raises KeysMissing."""
    return _certificate(directory / f"{name}.key", name)[0]


def _certificate(path: Path, name: str) -> tuple[bytes, bytes | None]:
    try:
        return auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise KeysMissing(f"{path}: {error}: run `router keys generate {name}`") from error


def _check_secret(path: Path, name: str) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise KeysMissing(f"{path} is not there: run `router keys generate {name}`") from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise InsecurePath(
            f"{path} may be read by others: run `chmod 600 {path}`, or better make a new key pair"
        )
