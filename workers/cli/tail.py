"""`router tail`: what passes on the bus, line by line. A debug subscriber: it says what it missed, and slows nobody."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from conf.settings import Settings
from ipc.bus import Envelope, Subscriber
from ipc.loop import Loop
from ipc.topics import EPHEMERAL, TOPICS
from workers.cli import bus
from workers.cli.health import Exit
from workers.cli.stack import Down

GAPS_S = 0.5  # between two looks at what was missed


class Gaps:
    """Notices what the subscriber missed; `lines` says it once."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._told: dict[str, dict[str, int]] = {}

    def news(self) -> list[dict[str, object]]:
        """For each publisher with something new: what was missed and fetched again, dropped, or begun anew."""
        found: list[dict[str, object]] = []
        for name, stats in self._subscriber.stats.items():
            now = {
                "gaps": stats.gaps,
                "dropped": stats.held_dropped,
                "late": stats.late,
                "restarts": stats.restarts,
            }
            before = self._told.get(name, dict.fromkeys(now, 0))
            if now != before:
                found.append({"type": "gap", "publisher": name, **now})
                self._told[name] = now
        return found


def tail(settings: Settings, options: argparse.Namespace) -> int:
    """Follow the bus until Ctrl-C; `options.topics` are names of topics or of messages, none for a calm choice."""
    chosen = choose(options.topics)
    if chosen is None:
        print(f"router: topics are {', '.join(TOPICS)}; messages are {', '.join(bus.KINDS)}", file=sys.stderr)
        return Exit.USAGE
    topics, kinds = chosen
    if not bus.somebody_publishes(settings):
        raise Down(f"nothing runs in {settings.root}: start it with `router up`")
    with bus.context(settings) as joined:
        subscriber = bus.listen(joined, settings, topics)
        try:
            follow(subscriber, lambda e: not kinds or type(e.message).__name__ in kinds, machine=options.json)
        except KeyboardInterrupt:
            pass
        finally:
            subscriber.close()
    return Exit.OK


def choose(names: Sequence[str]) -> tuple[set[str], set[str]] | None:
    """(topics to hear, messages to show; empty for all) from what was asked; None for an unknown name."""
    if not names:
        return set(TOPICS) - EPHEMERAL, set()
    if "all" in names:
        return set(TOPICS), set()
    topics = {name for name in names if name in TOPICS}
    kinds = {name for name in names if name in bus.KINDS}
    if topics | kinds != set(names):
        return None
    shown = kinds | {kind for kind, topic in bus.KINDS.items() if topic in topics} if kinds else set()
    return topics | {bus.KINDS[kind] for kind in kinds}, shown


def follow(subscriber: Subscriber, wanted: Callable[[Envelope], bool], *, machine: bool) -> None:
    """Print until interrupted. Gaps come between the lines, as JSON or marked with --."""
    show = bus.for_machines if machine else bus.for_people
    gaps = Gaps(subscriber)
    loop = Loop()

    def on_envelopes(envelopes: list[Envelope]) -> None:
        lines = [show(envelope) for envelope in envelopes if wanted(envelope)]
        if lines:
            print("\n".join(lines), flush=True)

    def on_gaps() -> None:
        for news in gaps.news():
            print(json.dumps(news) if machine else _gap_line(news), flush=True)

    loop.attach(subscriber, on_envelopes)
    loop.every(GAPS_S, on_gaps)
    try:
        loop.run()
    finally:
        loop.detach(subscriber)
        loop.close()


def _gap_line(news: dict[str, object]) -> str:
    counts = ", ".join(f"{value} {name}" for name, value in news.items() if name not in ("type", "publisher"))
    return f"-- {news['publisher']}: {counts} so far; what was missed is fetched from its journal"
