"""Is the stack well? Pure: what supervisord and the monitor say -> problems in words, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from router.messages import LinkPhase, ProcessStatus, StatusReply
from workers.cli.stack import Program

UNUSED: Final = "unused_"  # and the type, in the gateway's heartbeat
PROCESSES: Final = ("gateway", "sizing", "submission", "dispatch", "monitor")  # those with heartbeats


class Exit(IntEnum):
    """Exit codes of `router`."""

    OK = 0
    DEGRADED = 1
    USAGE = 2
    DOWN = 3
    UNREACHABLE = 4
    CONFIG = 78
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def problems(programs: Sequence[Program], status: StatusReply, stale_after_s: float) -> list[str]:
    """Everything that keeps the stack from its job, worst first; empty when it is well."""
    found = [program.problem for program in programs if program.problem]
    known = {process.process: process for process in status.processes}
    for name in PROCESSES:
        process = known.get(name)
        if process is None or process.age_s < 0:
            found.append(f"{name} was never heard of")
        elif process.age_s > stale_after_s:
            found.append(f"{name} is silent for {process.age_s:.1f} s")
        elif process.waiting_for:
            found.append(f"{name} waits for {process.waiting_for}")
        elif process.state != "ready":
            found.append(f"{name} is {process.state}")
    if status.link is None or status.link.phase is not LinkPhase.READY:
        phase = f"{status.link.phase}: {status.link.reason}" if status.link else "unknown"
        found.append(f"IB connection is {phase}")
    return found


def document(
    code: Exit, found: Sequence[str], programs: Sequence[Program], status: StatusReply | None
) -> dict[str, Any]:
    """The whole answer for machines (`router status --json`)."""
    return {
        "state": code.name.lower(),
        "problems": list(found),
        "programs": [program._asdict() for program in programs],
        "processes": [_fields(process) for process in status.processes] if status else [],
        "link": _fields(status.link) if status and status.link else None,
        "account": _fields(status.account) if status and status.account else None,
        "alerts": status.alerts if status else 0,
        "last_alert": _last_alert(status) if status else None,
    }


def table(programs: Sequence[Program], status: StatusReply | None) -> list[str]:
    """One line for each program, with the heartbeat of those that have one."""
    beats = {process.process: process for process in status.processes} if status else {}
    names = [program.name for program in programs] or list(beats)
    by_name = {program.name: program for program in programs}
    rows = [("PROCESS", "SUPERVISED", "PID", "STATE", "BEAT", "WORK")]
    for name in names:
        program, beat = by_name.get(name), beats.get(name)
        rows.append(
            (
                name,
                program.state if program else "-",
                str((program.pid if program else beat.pid if beat else 0) or "-"),
                _state(beat),
                f"{beat.age_s:.1f}s" if beat and beat.age_s >= 0 else "-",
                _work(beat) if beat else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row[:5], widths, strict=True)), row[5]]
        ).rstrip()
        for row in rows
    ]


def account_line(status: StatusReply) -> str:
    """The IB connection and the account in one line."""
    link, account = status.link, status.account
    parts = [f"IB connection {link.phase}" if link else "IB connection unknown"]
    if account is not None:
        parts += [
            f"account {account.account}",
            f"net liquidation {_money(account.net_liquidation)} {account.currency}",
            f"buying power {_money(account.buying_power)} {account.currency}",
        ]
    return ", ".join(parts)


def alert_line(status: StatusReply, now_ns: int) -> str:
    """How many alerts there were since the monitor began to listen, and the last one in words; `now_ns` is epoch."""
    alert = status.last_alert
    if alert is None:
        return "no alerts"
    ago_s = max(0, now_ns - status.last_alert_at_ns) // 1_000_000_000
    times = "1 alert" if status.alerts == 1 else f"{status.alerts} alerts, the last"
    return f"{times} {_duration(ago_s)} ago: {alert.kind} ({alert.severity}): {alert.text}"


def _duration(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _last_alert(status: StatusReply) -> dict[str, Any] | None:
    alert = status.last_alert
    return _fields(alert) | {"at_ns": status.last_alert_at_ns} if alert else None


def _state(beat: ProcessStatus | None) -> str:
    if beat is None:
        return "-"
    return f"{beat.state}: {beat.waiting_for}" if beat.waiting_for else beat.state


def _work(beat: ProcessStatus) -> str:
    """How far it is. Types of IB's messages that nobody has a use for are one sum here, and apart in `--json`."""
    counts = {key: value for key, value in beat.progress.items() if not key.startswith(UNUSED)}
    if unused := sum(value for key, value in beat.progress.items() if key.startswith(UNUSED)):
        counts["unused"] = unused
    return " ".join(f"{key}={value}" for key, value in counts.items())


def _money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(struct))
    return fields
