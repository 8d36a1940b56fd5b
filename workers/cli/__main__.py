"""The `router` command."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import time

from conf.settings import ConfigError, Settings, load
from router.entry import check
from router.errors import RouterError
from router.lines import prewarmed
from workers.cli.bus import check_running
from workers.cli.health import Exit
from workers.cli.listening import listening
from workers.cli.misuse import Misused
from workers.cli.run import run
from workers.cli.signals import send
from workers.cli.stack import Down, Stack, Unreachable
from workers.cli.status import judge, status
from workers.cli.trading import trading
from workers.store.client import StoreAway

ABOUT = (
    "Works on the stack of this directory, or of ROUTER_HOME. Exit codes: 0 ok, 1 degraded or not done, 2 usage, "
    "3 down, 4 unreachable, 78 configuration, 130 interrupted before it was done."
)
UP_S = 60.0  # for a stack that was started to become well
LOOK_S = 0.25


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `router`; returns the exit code."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        settings = load()
        return int(options.act(settings, options))
    except ConfigError as error:
        for problem in error.problems:
            print(f"router: {problem}", file=sys.stderr)
        return Exit.CONFIG
    except (Unreachable, Down) as error:
        print(f"router: {error}", file=sys.stderr)
        return Exit.DOWN if isinstance(error, Down) else Exit.UNREACHABLE
    except StoreAway as error:
        return _without_redis(settings, error)
    except RouterError as error:
        print(f"router: {error}", file=sys.stderr)
        return Exit.DEGRADED
    except Misused as error:
        print(f"router: {error}", file=sys.stderr)
        return Exit.USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone
        return Exit.OK
    except KeyboardInterrupt:
        print("router: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED


def _without_redis(settings: Settings, error: StoreAway) -> int:
    """The router's own Redis is there as long as the stack is; one that was configured has a life of its own."""
    try:
        if not settings.redis.url:
            check_running(settings)
    except Down as down:
        print(f"router: {down}", file=sys.stderr)
        return Exit.DOWN
    print(f"router: {str(error).rstrip('.')}: see `router status`", file=sys.stderr)
    return Exit.UNREACHABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="router", description=ABOUT)
    version = importlib.metadata.version("execution-router")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, act: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        return command

    command = add(
        "run",
        lambda s, o: run(s, once=o.once, with_parent=o.with_parent),
        "the whole stack, a demo signal, and the bus, until Ctrl-C",
    )
    command.add_argument(
        "--once", action="store_true", help="end when the demo signal has; 0 if it ran its course"
    )
    command.add_argument(
        "--with-parent",
        action="store_true",
        help="end with the process that started this one, kill -9 included",
    )
    add("up", _up, "start the stack in the background")
    add("down", _down, "stop the stack")
    command = add("status", status, "how the stack is")
    command.add_argument("--json", action="store_true", help="one JSON document")
    listening(add)
    trading(add)
    signals = add("signal", None, "signals into Redis").add_subparsers(required=True, metavar="COMMAND")
    text = "send one signal, as the platform would: once, and under the lock of its contract"
    command = signals.add_parser("send", help=text, description=text)
    command.set_defaults(act=send)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", help="file with one JSON signal, - for standard input")
    what.add_argument("--demo", action="store_true", help="a fresh signal that the paper gateway can trade")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--stream", action="store_true", help="to the stream, as it is, without lock")
    where.add_argument("--symbol", metavar="SYM", help="to the list of this symbol, as it is, without lock")
    checks = add("config", None, "configuration").add_subparsers(required=True, metavar="COMMAND")
    text = "name every problem of the configuration"
    command = checks.add_parser("check", help=text, description=text)
    command.set_defaults(act=_config_check)
    return parser


def _up(settings: Settings, options: argparse.Namespace) -> int:
    """Start supervisord in the background and wait until the stack is well."""
    stack = Stack(settings.root)
    if not stack.is_up():
        settings.paths.make()
        stack.start_detached()
    deadline = time.monotonic() + UP_S
    while True:
        code, found, programs, _ = judge(settings)
        final = any(program.given_up for program in programs)
        if code is Exit.OK or final or time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    for problem in found:
        print(f"problem: {problem}", file=sys.stderr)
    print("up" if code is Exit.OK else f"up, but {code.name.lower()}: see `router status`")
    return code


def _down(settings: Settings, options: argparse.Namespace) -> int:
    """Stop supervisord and all its programs, and wait for their end."""
    try:
        Stack(settings.root).stop()
    except Down:
        print("not running")
    else:
        print("down")
    return Exit.OK


def _config_check(settings: Settings, options: argparse.Namespace) -> int:
    """The settings could be loaded: say which they are. Raises ConfigError for what else is wrong with them."""
    check(settings.entry)
    prewarmed(settings)
    redis = "configured" if settings.redis.url else "the router's own"
    port = settings.broker.port or f"from {settings.broker.port_file}"
    print(f"ok: profile {settings.profile}, mode {settings.mode}, root {settings.root}")
    print(
        f"    Redis {redis}, broker {settings.broker.host} port {port}, account {settings.broker.account or 'any DU'}"
    )
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
