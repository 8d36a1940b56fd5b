"""`python -m workers paper`: becomes the paper gateway, in paper mode only."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import structlog

from conf.settings import Settings
from workers.guard import NOT_NEEDED, die_with_parent, lock_role


def main(settings: Settings) -> int:
    """Exec `python -m paper`; returns NOT_NEEDED at once in live mode or when a port of another gateway is configured."""
    if settings.mode == "paper" and not settings.broker.port:
        _become_paper(settings)
    reason = {"mode": settings.mode, "broker_port": settings.broker.port}
    structlog.get_logger().info("paper gateway is not needed", **reason)
    return NOT_NEEDED


def _become_paper(settings: Settings) -> NoReturn:
    os.set_inheritable(lock_role(settings.paths.run, "paper"), True)
    die_with_parent()
    command = arguments(settings)
    structlog.get_logger().info("starting the paper gateway", command=command[1:])
    os.execv(sys.executable, command)


def arguments(settings: Settings) -> list[str]:
    """The paper gateway's command line; its ledger is {var}/paper.ledger."""
    options = {
        "host": settings.broker.host,
        "port": str(settings.paper.port),
        "port-file": settings.broker.port_file,
        "seed": str(settings.paper.seed),
        "account": settings.paper.account,
        "cash": f"{settings.paper.cash:.2f}",
        "ledger": str(settings.paths.var / "paper.ledger"),
        "market": settings.paper.market,
        "hours": settings.paper.hours,
        "log-level": settings.log.level,
    }
    return [
        sys.executable,
        "-m",
        "paper",
        *(word for key, value in options.items() for word in (f"--{key}", value)),
    ]
