"""`router signal send`: a signal into Redis, the way the platform would put it there."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from conf.settings import Settings
from workers.cli.demo import STRIKES, demo_signal
from workers.cli.health import Exit
from workers.cli.misuse import Misused
from workers.store.client import Client, connect
from workers.store.producer import Emitted, add, emit, push

NAMES = ("id", "symbol", "contract_fp")  # what the platform's own emit makes keys of
WHY_NOT = {
    Emitted.DUPLICATE: "this id was sent before: the platform never sends an id twice",
    Emitted.COOLDOWN: "its contract is cooling down",
    Emitted.LOCKED: "another signal for its contract is in flight",
}


def send(settings: Settings, options: argparse.Namespace) -> int:
    """Send a file, standard input or the demo signal; prints its id. Raises Misused and StoreAway."""
    if options.demo and options.symbol:
        raise Misused(f"--symbol {options.symbol}: the demo signal has a symbol of its own: leave one out")
    client = connect(settings.redis_url, name="cli", timeout_s=settings.redis.socket_timeout_s)
    try:
        if options.demo:
            demo = send_demo(client, settings.ingress.stream if options.stream else "")
            return _report(demo.signal, demo.emitted)
        return _send_payload(client, settings, options, _read(options.file))
    finally:
        client.close()


class Demo(NamedTuple):
    """A demo signal, what became of it, and monotonic ns of just before it was sent."""

    signal: dict[str, Any]
    emitted: Emitted
    sent_ns: int


def send_demo(client: Client, stream: str = "") -> Demo:
    """Send a fresh demo signal; a contract that is locked gives way to the next strike. Raises StoreAway."""
    client.call("PING")  # connected before the clock starts
    nonce = secrets.randbits(48)
    for attempt in range(len(STRIKES)):
        signal = demo_signal(datetime.now(UTC), nonce + attempt)
        sent_ns = time.monotonic_ns()
        if stream:
            add(client, stream, json.dumps(signal).encode())
            return Demo(signal, Emitted.SENT, sent_ns)
        emitted = emit(client, signal)
        if emitted is not Emitted.LOCKED:
            break
    return Demo(signal, emitted, sent_ns)


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Misused(f"{name}: {error.strerror}") from None


def _send_payload(client: Client, settings: Settings, options: argparse.Namespace, payload: bytes) -> int:
    if options.stream:
        print(add(client, settings.ingress.stream, payload))
        return Exit.OK
    if options.symbol:
        _warn_unread(settings, options.symbol)
        push(client, options.symbol, payload)
        print(f"pushed {len(payload)} bytes for {options.symbol}")
        return Exit.OK
    try:
        signal = json.loads(payload)
    except (ValueError, RecursionError) as error:
        return _unusable(f"is not JSON: {error}")
    if not isinstance(signal, dict):
        return _unusable("is no JSON object")
    if missing := [key for key in NAMES if not _is_name(signal.get(key))]:
        return _unusable(f"lacks {', '.join(missing)} as a text")
    _warn_unread(settings, signal["symbol"])
    return _report(signal, emit(client, signal))


def _is_name(value: object) -> bool:
    """Whether it can be a part of a key: a lone surrogate, for one, cannot be written."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _warn_unread(settings: Settings, symbol: str) -> None:
    """The platform's lists are read by name: what is pushed to another one is neither traded nor refused."""
    if symbol not in settings.ingress.symbols:
        print(
            f"router: nobody reads signals:execution:{symbol}: add {symbol} to [ingress] symbols",
            file=sys.stderr,
        )


def _unusable(problem: str) -> int:
    print(f"router: the signal {problem}; --stream or --symbol SYM sends it as it is", file=sys.stderr)
    return Exit.USAGE


def _report(signal: dict[str, Any], emitted: Emitted) -> int:
    if emitted is Emitted.SENT:
        print(signal["id"])
        return Exit.OK
    print(f"router: {signal['id']} not sent: {WHY_NOT[emitted]}", file=sys.stderr)
    return Exit.DEGRADED
