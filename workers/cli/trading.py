"""The commands about orders and positions, as `router` offers them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from workers.cli.explain import explain
from workers.cli.orders import cancel, flatten, halt, modify, reset_paper
from workers.cli.parked import parked

FLAT_S = 30.0
Add = Callable[[str, object, str], argparse.ArgumentParser]


def trading(add: Add) -> None:
    """Add them to the parser."""
    command = add("cancel", cancel, "cancel live orders of this router")
    command.add_argument("name", help="orderRef, permId or signal id")
    command = add("modify", modify, "change a live order of this router")
    command.add_argument("name", help="orderRef, permId, or a signal id with one order that the change fits")
    command.add_argument("--quantity", type=int, help="in all, what filled already included")
    command.add_argument("--limit", type=float, help="limit price")
    command.add_argument("--stop", type=float, help="stop price")
    command = add("flatten", flatten, "cancel every order, close every position at market")
    command.add_argument("--account", default="", help="default: the traded account")
    _add_wait(command)
    command = add("halt", halt, "stop taking signals, or take them again; protection works on")
    command.add_argument("state", choices=("on", "off"), help="on: signals wait in Redis, and go stale there")
    command = add("reset-paper", reset_paper, "make a simulated account flat; refuses any other")
    command.add_argument("--yes", action="store_true", help="without it nothing is done")
    _add_wait(command)
    command = add("explain", explain, "everything that happened to a signal, from the journals alone")
    command.add_argument("signal", help="signal id, or one delivery of it")
    kinds = add("parked", None, "orders that may or may not be at the broker").add_subparsers(
        required=True, metavar="COMMAND"
    )
    kinds.add_parser("list", help="all of them").set_defaults(act=parked, what="list")
    for what, text in (
        ("show", "one, with all its terms"),
        ("adopt", "it is at the broker"),
        ("resend", "it never was: send it again"),
        ("drop", "it never was: forget it"),
    ):
        command = kinds.add_parser(what, help=text, description=text)
        command.add_argument("delivery", help="as `router parked list` names it")
        command.set_defaults(act=parked, what=what)


def _add_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--wait",
        type=_seconds,
        default=FLAT_S,
        metavar="SECONDS",
        help=f"for IB to say that it is flat; default: {FLAT_S:g}",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:  # false for NaN too, which would wait for ever
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds from 0")
    return seconds
