"""`router tail`: what passes on the bus, line by line. A debug subscriber: it says what it missed, and slows nobody."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping

from conf.settings import Settings
from ipc.bus import Envelope, Position, Subscriber
from ipc.clock import NS
from ipc.loop import Loop
from workers.cli import bus
from workers.cli.choice import Choice, choose
from workers.cli.counts import Counts, in_words, table
from workers.cli.health import Exit
from workers.cli.lines import Format, formatter, wants_colour
from workers.cli.misuse import Misused
from workers.cli.moment import moment
from workers.cli.past import FOREVER_NS, Past

GAPS_S = 0.5  # between two looks at what was missed
STATS_S = 2.0  # between two tables


class Gaps:
    """Notices what the subscriber missed; `news` says it once."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._told: dict[str, dict[str, int]] = {}

    def news(self) -> list[dict[str, object]]:
        """For each publisher with something new: gaps that were filled, what was missed, dropped, or begun anew."""
        found: list[dict[str, object]] = []
        for name, now in self._counts().items():
            if now != self._told.get(name, dict.fromkeys(now, 0)):
                found.append({"type": "gap", "publisher": name, **now})
                self._told[name] = now
        return found

    def all(self) -> list[dict[str, object]]:
        """The same of every publisher, new or not."""
        return [{"type": "gap", "publisher": name, **now} for name, now in self._counts().items()]

    def _counts(self) -> dict[str, dict[str, int]]:
        return {
            name: {
                "gaps": stats.gaps,
                "missed": sum(stats.missed.values()),  # quotes and heartbeats: they are in no journal
                "dropped": stats.held_dropped,
                "late": stats.late,
                "restarts": stats.restarts,
                "resets": stats.resets,
            }
            for name, stats in self._subscriber.stats.items()
        }


class Printer:
    """Where the messages go: each a line, or all of them into one table."""

    def __init__(
        self,
        wanted: Callable[[Envelope], bool],
        *,
        how: Format = "pretty",
        latency: bool = False,
        stats: bool = False,
    ) -> None:
        colour = wants_colour(os.environ, terminal=sys.stdout.isatty())
        self.counts = Counts() if stats else None
        self._wanted = wanted
        self._machine = how != "pretty"
        self._show = formatter(how, latency=latency, colour=colour)

    def past(self, envelopes: Iterable[Envelope]) -> None:
        """Messages out of the journals, which are the wanted ones already."""
        if self.counts is not None:
            self.counts.take(envelopes)
            return
        for envelope in envelopes:
            print(self._show(envelope, 0))
        sys.stdout.flush()

    def live(self, envelopes: Iterable[Envelope]) -> None:
        """Messages that were heard just now."""
        heard_ns = time.monotonic_ns()
        wanted = [envelope for envelope in envelopes if self._wanted(envelope)]
        if self.counts is not None:
            self.counts.take(wanted)
        elif wanted:
            print("\n".join(self._show(envelope, heard_ns) for envelope in wanted), flush=True)

    def missed(self, news: Iterable[dict[str, object]]) -> None:
        """What the subscriber missed, between the lines."""
        for one in news:
            print(json.dumps(one) if self._machine else _gap_line(one), flush=True)

    def table(self, seconds: float, missed: list[dict[str, object]]) -> None:
        """What was counted; nothing unless that was asked for."""
        if self.counts is None:
            return
        rows = self.counts.look(seconds)
        if self._machine:
            print(json.dumps({"type": "stats", "counts": rows, "missed": missed}), flush=True)
        else:
            print("\n".join(table(rows, missed)), flush=True)


def tail(settings: Settings, options: argparse.Namespace) -> int:
    """Show what was, what is, or the one after the other without a gap. 1 when a journal is damaged."""
    now_ns = time.time_ns()
    choice = choose(options.topics, options.where)
    since_ns = moment("--since", options.since, now_ns) if options.since else None
    until_ns = moment("--until", options.until, now_ns) if options.until else FOREVER_NS
    past = since_ns is not None or options.until is not None or options.last is not None
    if options.follow and options.until:
        raise Misused("--until and --follow contradict each other: leave one out")
    live = options.follow or not past
    if past:
        _check_journalled(choice)
    if live:
        bus.check_running(settings)
    how: Format = "json" if options.json else options.format
    printer = Printer(choice.wants, how=how, latency=options.latency, stats=options.stats)
    code, positions = Exit.OK, None
    if past:
        journals = Past(settings, choice.topics)
        if options.last is None:
            printer.past(journals.read(choice.wants, since_ns=since_ns or 0, until_ns=until_ns))
        else:
            last = journals.last(
                options.last, choice.wants, since_ns=since_ns, until_ns=until_ns, now_ns=now_ns
            )
            printer.past(last)
        code, positions = report(journals), journals.positions
        if printer.counts is not None:
            printer.table(printer.counts.span_s, [])
    if live:
        _listen(settings, choice, positions, printer)
    return code


def report(past: Past) -> Exit:
    """Say on standard error what could not be read; the exit code for it."""
    problems = past.damage
    if past.unreadable:
        problems.append(f"{past.unreadable} messages are not of this version, or damaged")
    for problem in problems:
        print(f"router: {problem}: see `router journal verify`", file=sys.stderr)
    return Exit.DEGRADED if problems else Exit.OK


def follow(subscriber: Subscriber, printer: Printer) -> None:
    """Print until interrupted."""
    gaps = Gaps(subscriber)
    loop = Loop()
    looked_ns = time.monotonic_ns()

    def on_table() -> None:
        nonlocal looked_ns
        now_ns = time.monotonic_ns()
        printer.table((now_ns - looked_ns) / NS, gaps.all())
        looked_ns = now_ns

    loop.attach(subscriber, printer.live)
    if printer.counts is None:
        loop.every(GAPS_S, lambda: printer.missed(gaps.news()))
    else:
        loop.every(STATS_S, on_table)
    try:
        loop.run()
    except KeyboardInterrupt:
        on_table()
        raise
    finally:
        loop.detach(subscriber)
        loop.close()


def _listen(
    settings: Settings, choice: Choice, positions: Mapping[str, Position] | None, printer: Printer
) -> None:
    with bus.context(settings) as joined:
        subscriber = bus.listen(joined, settings, choice.topics, positions)
        try:
            follow(subscriber, printer)
        except KeyboardInterrupt:
            pass
        finally:
            subscriber.close()


def _check_journalled(choice: Choice) -> None:
    if not choice.journalled:
        topics = " and ".join(sorted(choice.topics))
        raise Misused(f"{topics}: in no journal, only heard live: leave out --since, --until and -n")


def _gap_line(news: dict[str, object]) -> str:
    return f"-- {news['publisher']}: {in_words(news)} so far; gaps are filled from its journal"
