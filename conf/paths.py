"""Where things lie on disk, made absolute once."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from conf.errors import ConfigError
from conf.sections import PathsSection

# A unix socket's path holds 107 bytes; the longest name here is supervisord's temporary
# "supervisor.sock." plus a pid of up to seven digits.
LONGEST_SOCKET_NAME = len("supervisor.sock.4194304")
LONGEST_RUN = 107 - 1 - LONGEST_SOCKET_NAME


class Paths(Struct, frozen=True):
    """Absolute directories; `var` contains the others unless they were configured apart."""

    var: Path
    run: Path
    journal: Path
    log: Path

    def make(self) -> None:
        """Create them, readable by their owner only. Raises ConfigError naming the first that cannot be."""
        for path in (self.var, self.run, self.journal, self.log):
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"[paths] {path} cannot be made: {error.strerror}") from error


def resolve_paths(section: PathsSection, root: Path, problems: list[str]) -> Paths:
    """Relative paths start at `root`; a run directory too long for its sockets is a problem."""
    var = root / Path(section.var).expanduser()

    def under(name: str, configured: str) -> Path:
        return root / Path(configured).expanduser() if configured else var / name

    run = under("run", section.run)
    length = len(os.fsencode(run))
    if length > LONGEST_RUN:
        # supervisord's socket is under the root whatever paths.run says
        deep = len(os.fsencode(root / "var/run")) > LONGEST_RUN
        problems.append(
            f"[paths] run = '{run}' has {length} bytes; unix sockets in it allow {LONGEST_RUN}: "
            + ("move the project" if deep else "set paths.run to a shorter directory")
        )
    return Paths(var=var, run=run, journal=under("journal", section.journal), log=under("log", section.log))
