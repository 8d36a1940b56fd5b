"""`router status`: supervisord's view and the monitor's, as one answer and one exit code."""

from __future__ import annotations

import argparse
import json
import sys
import time

from conf.settings import Settings
from router.messages import StatusReply
from workers.cli.bus import ask_monitor
from workers.cli.health import Exit, account_line, alert_line, document, problems, table
from workers.cli.stack import Down, Program, Stack, Unreachable
from workers.store.client import StoreAway, connect
from workers.store.platform import halting_key


def status(settings: Settings, options: argparse.Namespace) -> int:
    """Print how the stack is: 0 well, 1 degraded, 3 down, 4 does not answer."""
    code, found, programs, reply = judge(settings)
    halt = halted_by(settings)
    if options.json:
        print(json.dumps(document(code, found, programs, reply) | {"halted_by": halt}, indent=2))
        return code
    for line in table(programs, reply) if programs or reply else ():
        print(line)
    if reply is not None:
        print(account_line(reply))
        print(alert_line(reply, time.time_ns()))
    if halt:
        print(f"halted by {halt}: no signal is taken, protection works on")
    for problem in found:
        print(f"problem: {problem}", file=sys.stderr)
    return code


def halted_by(settings: Settings) -> str:
    """The platform's key that keeps signals waiting; empty for none, or where Redis cannot be asked."""
    client = connect(settings.redis_url, name="cli", timeout_s=settings.redis.socket_timeout_s)
    try:
        return halting_key(client)
    except StoreAway:
        return ""
    finally:
        client.close()


def judge(settings: Settings) -> tuple[Exit, list[str], list[Program], StatusReply | None]:
    """The exit code, what is wrong, and both views."""
    try:
        programs = Stack(settings.root).programs()
    except Unreachable as error:
        return Exit.UNREACHABLE, [str(error)], [], ask_monitor(settings)
    except Down as error:
        reply = ask_monitor(settings)  # something other than supervisord may run the workers
        if reply is None:
            return Exit.DOWN, [str(error)], [], None
        programs = []
    else:
        reply = ask_monitor(settings)
    if reply is None:
        unwell = [program.problem for program in programs if program.problem]
        return Exit.UNREACHABLE, ["the monitor does not answer", *unwell], programs, None
    found = problems(programs, reply, settings.monitor.stale_after_s)
    return (Exit.DEGRADED if found else Exit.OK), found, programs, reply
