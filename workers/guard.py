"""One process per role, and none that outlives its parent."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
from pathlib import Path

from router.errors import Fatal

PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Exit codes after which supervisord starts a program no more (exitcodes= in supervisord.conf).
NOT_NEEDED = 77  # the profile has no use for it
MISCONFIGURED = 78  # it refuses its configuration


class AlreadyRunning(Fatal):
    """Another process holds this role's lock."""


def lock_role(run: Path, role: str) -> int:
    """Take `{run}/{role}.lock` for the life of this process, exec included; returns the descriptor.

    Taken before any bind, because libzmq steals an ipc endpoint that is in use. Raises AlreadyRunning.
    """
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = run / f"{role}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise AlreadyRunning(
            f"{role} is already running as pid {holder} (lock {path}): stop it first"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> int:
    """Ask the kernel for `signum` when the parent ends, also across exec; returns the parent's pid.

    The kernel does not tell of a parent that ended before the call, so compare `os.getppid()` afterwards.
    """
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno), "prctl(PR_SET_PDEATHSIG)")
    return parent
