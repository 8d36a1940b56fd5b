"""`router explain SIGNAL`: everything that happened to a signal, in order and with times, from the journals alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from conf.settings import Settings
from ipc.bus import Envelope, JournalReader
from router.bracket import stem_of
from router.messages import CommissionReport, ExecutionFill, Message, OrderChange, OrderIntent
from workers.cli.health import Exit
from workers.cli.wording import told

PUBLISHERS = ("sizing", "submission", "gateway", "dispatch")


def explain(settings: Settings, options: argparse.Namespace) -> int:
    """Print the chain; a delivery `{signal}-{ts36}` narrows it down to one."""
    found = sorted(_about(settings, options.signal), key=lambda envelope: envelope.at_ns)
    if not found:
        print(f"router: no journal knows the signal {options.signal}", file=sys.stderr)
        return Exit.DEGRADED
    begin_ns = last_ns = found[0].at_ns
    for envelope, text in _lines(found):
        at = datetime.fromtimestamp(envelope.at_ns / 1e9, UTC)
        since = (envelope.at_ns - begin_ns) / 1e6
        step = (envelope.at_ns - last_ns) / 1e6
        last_ns = envelope.at_ns
        head = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}  {since:10.1f} ms  +{step:8.1f}"
        print(f"{head}  {envelope.publisher:<10}  {text}")
    return Exit.OK


def _lines(found: Iterable[Envelope]) -> Iterator[tuple[Envelope, str]]:
    """One line each; what IB says twice in a row, as it likes to, and what it tells again of executions is one."""
    last = ""
    executions: set[str] = set()
    for envelope in found:
        message, text = envelope.message, told(envelope.message)
        if isinstance(message, ExecutionFill | CommissionReport):
            if text in executions:
                continue
            executions.add(text)
        if text != last:
            yield envelope, text
        last = text


def _about(settings: Settings, signal: str) -> Iterator[Envelope]:
    for publisher in PUBLISHERS:
        directory = settings.journal(publisher)
        if directory.is_dir():
            concerned = Concern(signal)
            for envelope in JournalReader(directory, publisher).read():
                if concerned(envelope.message):
                    yield envelope


class Concern:
    """Whether a message is about a signal; executions of nobody's order are where it holds their contract."""

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._executions: set[str] = set()
        self._contracts: set[tuple[str, int]] = set()

    def __call__(self, message: Message) -> bool:
        """Ask about each message of a journal, in order."""
        named = any(belongs(name, self._signal) for name in names(message))
        match message:
            case OrderIntent() if named:
                self._contracts.add((message.request.account, message.request.contract.con_id))
            case ExecutionFill():
                foreign = not stem_of(message.ref)
                named = named or (foreign and (message.account, message.contract.con_id) in self._contracts)
                if named:
                    self._executions.add(message.exec_id)
            case CommissionReport():
                return named or message.exec_id in self._executions
            case _:
                pass
        return named


def names(message: Message) -> tuple[str, ...]:
    """What a message may be about: deliveries, orderRefs, signal ids."""
    found = [getattr(message, field, "") for field in ("delivery", "signal_id", "ref", "name")]
    if isinstance(message, OrderChange):
        found += [leg.ref for leg in message.legs]
    return tuple(filter(None, found))


def belongs(name: str, signal: str) -> bool:
    """Whether a delivery, orderRef or id is the signal's own or begins with it."""
    return name == signal or name.startswith(f"{signal}-")
