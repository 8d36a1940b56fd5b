"""`python -m workers <name>`: one process of the router. See workers.role for what they share."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from typing import Final

import structlog

from conf.settings import ConfigError, load
from router.errors import Fatal
from workers.guard import MISCONFIGURED, NOT_NEEDED, AlreadyRunning
from workers.logs import configure, configure_default

MODULES: Final = {
    "redis": "workers.redis_server",
    "paper": "workers.paper_server",
    "gateway": "workers.gateway.process",
    "sizing": "workers.sizing",
    "submission": "workers.submission",
    "dispatch": "workers.dispatch",
    "monitor": "workers.monitor",
}
EXIT_FATAL, EXIT_USAGE, EXIT_RUNNING, EXIT_CONFIG = 1, 2, 75, MISCONFIGURED
STARTSECS = 1.0  # of every program in supervisord.conf


def main(arguments: list[str]) -> int:
    """Run the named process to its end and return its exit code."""
    if len(arguments) != 1 or arguments[0] not in MODULES:
        sys.stderr.write(f"usage: python -m workers {{{','.join(MODULES)}}}\n")
        return EXIT_USAGE
    role = arguments[0]
    os.umask(0o077)
    configure_default(role)
    log = structlog.get_logger()
    try:
        settings = load()
    except ConfigError as error:
        log.error("configuration refused, not starting", problem=str(error))
        return EXIT_CONFIG
    configure(settings.log, role)
    settings.paths.make()
    try:
        code: int = import_module(MODULES[role]).main(settings)
    except ConfigError as error:
        log.error("configuration refused, not starting", problem=str(error))
        return EXIT_CONFIG
    except AlreadyRunning as error:
        log.error("not starting", reason=str(error))
        return EXIT_RUNNING
    except Fatal as error:
        log.error("cannot go on", reason=str(error))
        return EXIT_FATAL
    return code


def linger(code: int, started: float) -> None:
    """Stay until supervisord calls us started: it retries any exit before `startsecs`, whatever `exitcodes` says."""
    if code in (NOT_NEEDED, EXIT_CONFIG) and "SUPERVISOR_ENABLED" in os.environ:
        time.sleep(max(0.0, started + STARTSECS + 0.5 - time.monotonic()))


if __name__ == "__main__":
    start = time.monotonic()
    exit_code = main(sys.argv[1:])
    linger(exit_code, start)
    sys.exit(exit_code)
