"""The arguments of `router tail`, `router journal` and `router keys`."""

from __future__ import annotations

import argparse
from typing import Protocol

from workers.cli import journal, keys
from workers.cli.tail import tail


class Add(Protocol):
    """Adds a command with what it does and a text about it."""

    def __call__(self, name: str, act: object, text: str) -> argparse.ArgumentParser: ...


def listening(add: Add) -> None:
    """Add these commands."""
    _tail(add("tail", tail, "what passes on the bus, and what passed; 1 if a journal is damaged"))
    _journal(add("journal", None, "the journals of the bus: the audit log"))
    commands = add("keys", None, "CURVE keys for a bus on tcp").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command = commands.add_parser("generate", help="make a key pair; an existing one is never overwritten")
    command.set_defaults(act=keys.generate)
    command.add_argument("name", nargs="?", default="router", help="whose pair (default: router)")
    command.add_argument("--dir", help="where to; default: keys/ under the state directory")


def _tail(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "topics",
        nargs="*",
        metavar="TOPIC|MESSAGE",
        help="names or globs of topics or messages, or `all`; default: no quotes or heartbeats",
    )
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="only those with this value, a glob for texts; the field may be dotted; repeat it for more",
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--format", choices=("pretty", "json", "raw"), default="pretty", help="of the lines")
    form.add_argument("--json", action="store_true", help="short for --format json")
    command.add_argument(
        "-n",
        dest="last",
        type=_count,
        metavar="N",
        help="only the last N of the journals (of --since, --until)",
    )
    command.add_argument("--since", metavar="WHEN", help="from the journals: 10m, 1h30m, or an ISO instant")
    command.add_argument("--until", metavar="WHEN", help="from the journals, as far as this instant")
    command.add_argument(
        "--follow", "-f", action="store_true", help="after the journals go on live, without a gap"
    )
    command.add_argument("--latency", action="store_true", help="with the delays on the way here")
    command.add_argument(
        "--stats", action="store_true", help="counts, rates and what was missed, not messages"
    )


def _journal(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("verify", help="check every record; 1 on damage")
    command.set_defaults(act=journal.verify)
    command.add_argument("process", nargs="?", help="whose journal; default: all")
    command = commands.add_parser(
        "show", help="everything about one signal, delivery or order, in order of time"
    )
    command.set_defaults(act=journal.show)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--signal", metavar="ID", help="of the platform")
    what.add_argument("--order", metavar="REF", help="orderRef")
    what.add_argument("--delivery", metavar="D", help="the orderRefs' common stem")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command = commands.add_parser("export", help="all messages to standard output")
    command.set_defaults(act=journal.export)
    command.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    command.add_argument(
        "--topic", action="append", help="name or glob of a topic or message; repeat it for more"
    )
    command.add_argument("--since", metavar="WHEN", help="10m, 1h30m, or an ISO instant")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count
