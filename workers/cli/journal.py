"""`router journal`: the audit log, verified, asked about one signal or order, or exported."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from datetime import timedelta
from typing import Any

import msgspec

from conf.settings import Settings
from ipc.bus import Envelope
from ipc.topics import JOURNALLED
from workers.cli.bus import EVERYBODY, document, for_machines
from workers.cli.choice import choose
from workers.cli.health import Exit
from workers.cli.lines import formatter, wants_colour
from workers.cli.misuse import Misused
from workers.cli.moment import EPOCH, moment
from workers.cli.past import Past
from workers.cli.subject import Subject, What
from workers.cli.tail import report
from workers.cli.verify import Found
from workers.cli.verify import verify as verify_journal

COLUMNS = ("at", "publisher", "topic", "epoch", "seq", "topic_seq", "type", "delivery", "ref", "data")


def verify(settings: Settings, options: argparse.Namespace) -> int:
    """Check every record of one process's journal, or of all. 1 on damage, or when there is nothing to check."""
    if options.process and options.process not in EVERYBODY:
        raise Misused(f"{options.process}: processes are {', '.join(EVERYBODY)}")
    code = Exit.OK
    found = []
    for name in [options.process] if options.process else EVERYBODY:
        if settings.journal(name).is_dir():
            found.append(verify_journal(settings.journal(name), name))
    if not found:
        whose = options.process or "any process"
        print(f"router: no journal of {whose} in {settings.paths.journal}", file=sys.stderr)
        return Exit.DEGRADED
    for journal in found:
        for line in findings(journal):
            print(line)
        if journal.problems:
            code = Exit.DEGRADED
    return code


def findings(found: Found) -> list[str]:
    """What is to be said of one journal: a summary, then what is wrong, then what lies beside it."""
    state = f"{len(found.problems)} problems" if found.problems else "ok"
    seqs = f", seq {found.first_seq} to {found.last_seq}" if found.messages else ""
    lines = [
        f"{found.process}: {state}, {found.messages} messages{seqs}, epochs: {found.epochs}, "
        f"records: {found.records}, segments: {found.segments}, bytes: {found.size}"
    ]
    lines += [f"  {problem}" for problem in found.problems]
    lines += [f"  set aside by a recovery: {name}" for name in found.aside]
    return lines


def show(settings: Settings, options: argparse.Namespace) -> int:
    """Everything the journals hold about one signal, delivery or order, in order of time. 1 when it is nothing."""
    choices: tuple[What, ...] = ("signal", "order", "delivery")
    what, name = next(
        (what, getattr(options, what)) for what in choices if getattr(options, what) is not None
    )
    past = Past(settings, JOURNALLED)
    subject = Subject(what, name)
    for envelope in past.read(lambda _envelope: True):
        subject.learn(envelope.message)
    colour = wants_colour(os.environ, terminal=sys.stdout.isatty())
    line = formatter("json" if options.json else "pretty", colour=colour)
    count = 0
    for envelope in past.read(lambda envelope: subject.concerns(envelope.message)):
        print(line(envelope, 0))
        count += 1
    sys.stdout.flush()
    code = report(past)
    if not count:
        print(f"router: no journal holds anything about {what} {name}", file=sys.stderr)
        return Exit.DEGRADED
    return code


def export(settings: Settings, options: argparse.Namespace) -> int:
    """All messages, or those of some topics or since an instant, as JSON lines or CSV on standard output."""
    now_ns = time.time_ns()
    choice = choose(options.topic or sorted(JOURNALLED))
    if not choice.journalled:
        journalled = ", ".join(sorted(JOURNALLED))
        raise Misused(f"--topic {' '.join(options.topic)}: in no journal; those that are: {journalled}")
    since_ns = moment("--since", options.since, now_ns) if options.since else 0
    past = Past(settings, choice.topics)
    envelopes = past.read(choice.wants, since_ns=since_ns)
    if options.format == "csv":
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(map(row, envelopes))
    else:
        for envelope in envelopes:
            print(for_machines(envelope))
    sys.stdout.flush()
    return report(past)


def row(envelope: Envelope) -> list[Any]:
    """The columns of one message: the instant in UTC, `data` the whole message as JSON."""
    shown = document(envelope)
    data = shown["data"]
    shown["at"] = (EPOCH + timedelta(microseconds=envelope.at_ns // 1_000)).isoformat()
    shown["delivery"], shown["ref"] = data.get("delivery", ""), data.get("ref", "")
    shown["data"] = msgspec.json.encode(data).decode()
    return [shown[column] for column in COLUMNS]
