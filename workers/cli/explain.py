"""`router explain SIGNAL`: everything that happened to a signal, in order and with times, from the journals alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from conf.settings import Settings
from ipc.bus import Envelope, JournalReader
from router.messages import (
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Message,
    OrderChange,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderSent,
    OrderSubmitted,
    OrderTimedOut,
    Published,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
)
from workers.cli.health import Exit

PUBLISHERS = ("sizing", "submission", "gateway", "dispatch")


def explain(settings: Settings, options: argparse.Namespace) -> int:
    """Print the chain; a delivery `{signal}-{ts36}` narrows it down to one."""
    found = sorted(_about(settings, options.signal), key=lambda envelope: envelope.at_ns)
    if not found:
        print(f"router: no journal knows the signal {options.signal}", file=sys.stderr)
        return Exit.DEGRADED
    begin_ns = last_ns = found[0].at_ns
    for envelope in found:
        at = datetime.fromtimestamp(envelope.at_ns / 1e9, UTC)
        since = (envelope.at_ns - begin_ns) / 1e6
        step = (envelope.at_ns - last_ns) / 1e6
        last_ns = envelope.at_ns
        head = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}  {since:10.1f} ms  +{step:8.1f}"
        print(f"{head}  {envelope.publisher:<10}  {told(envelope.message)}")
    return Exit.OK


def _about(settings: Settings, signal: str) -> Iterator[Envelope]:
    executions: set[str] = set()
    for publisher in PUBLISHERS:
        directory = settings.journal(publisher)
        if directory.is_dir():
            for envelope in JournalReader(directory, publisher).read():
                message = envelope.message
                if isinstance(message, ExecutionFill) and belongs(message.ref, signal):
                    executions.add(message.exec_id)
                charged = isinstance(message, CommissionReport) and message.exec_id in executions
                if charged or any(belongs(name, signal) for name in names(message)):
                    yield envelope


def names(message: Message) -> tuple[str, ...]:
    """What a message may be about: deliveries, orderRefs, signal ids."""
    found = [getattr(message, field, "") for field in ("delivery", "signal_id", "ref", "name")]
    if isinstance(message, OrderChange):
        found += [leg.ref for leg in message.legs]
    return tuple(filter(None, found))


def belongs(name: str, signal: str) -> bool:
    """Whether a delivery, orderRef or id is the signal's own or begins with it."""
    return name == signal or name.startswith(f"{signal}-")


def told(message: Message) -> str:
    """One line for people."""
    match message:
        case SignalReceived():
            again = " again" if message.redelivered else ""
            return f"received{again}: {message.signal.strategy} {message.signal.side} {message.signal.symbol}"
        case SignalGated():
            return f"gated: {len(message.checks)} checks passed"
        case SignalSized(request=request):
            price = "MKT" if request.limit_price is None else f"LMT {request.limit_price:g}"
            return f"sized: {request.action} {request.quantity} {price}, stop {request.stop_price:g}"
        case SignalRefused():
            return f"refused: {message.status} {message.reason} {message.field} {message.value}".rstrip()
        case OrderIntent():
            legs = ", ".join(f"{leg.ref.rpartition('-')[2]}={leg.order_id}" for leg in message.legs)
            return f"intended: {legs}"
        case OrderSent():
            return f"sent: {len(message.order_ids)} orders"
        case OrderSubmitted():
            return f"submitted: {message.how}"
        case OrderParked():
            return f"parked: {message.reason}"
        case OrderTimedOut():
            return f"timed out after {message.after_s:.1f} s, cancelled"
        case OrderChange():
            return f"{message.what}: {', '.join(leg.ref for leg in message.legs) or message.name} ({message.reason})"
        case _:
            return _of_broker(message)


def _of_broker(message: Message) -> str:
    match message:
        case OrderLifecycleEvent():
            replayed = " (told again)" if message.replayed else ""
            leg = message.ref.rpartition("-")[2]
            terms = f"{message.action} {message.quantity:g} {message.order_type}"
            filled = f"filled {message.filled:g}, left {message.remaining:g}"
            return f"IB: {leg} {message.status} {terms}, {filled} {message.reason}".rstrip() + replayed
        case ExecutionFill():
            leg = message.ref.rpartition("-")[2]
            return f"IB: {leg} {message.action} {message.quantity:g} at {message.price:g} ({message.exec_id})"
        case CommissionReport():
            return f"IB: commission {message.commission:g} {message.currency} ({message.exec_id})"
        case BrokerError():
            return f"IB: error {message.code} on {message.ref.rpartition('-')[2]}: {message.text}"
        case Published():
            return f"told the platform: {message.kind} {message.status} {message.detail}".rstrip()
        case _:
            return type(message).__name__
