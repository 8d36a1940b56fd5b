"""What the command line sets, checked once."""

import argparse
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from paper.contracts import UNDERLYINGS
from paper.hours import NEW_YORK, Hours
from paper.market import Mood
from paper.pacing import Policy
from paper.storm import Plan, make_plan
from paper.switches import Switches


@dataclass(frozen=True, slots=True)
class Settings:
    """How this gateway is run. `tick` in seconds between market moves; `spots` and `cash` in USD.

    With a `start` the clock is virtual: it starts there and runs `speed` times as fast as the machine's, 0 for not
    at all.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    port_file: Path | None = None
    seed: int = 1
    account: str = "DU1234567"
    ledger: Path | None = None
    state: Path | None = None
    control: Path | None = None
    script: Path | None = None
    pacing: Policy = Policy.OFF
    storm: Plan | None = None
    log_level: str = "info"
    market: Mood = Mood.LIVELY
    hours: Hours = Hours.ALWAYS
    tick: float = 0.2
    spots: dict[str, Decimal] = field(default_factory=dict)
    cash: Decimal = Decimal(1_000_000)
    switches: Switches = field(default_factory=Switches)
    start: datetime | None = None
    speed: float = 1.0


def parse(arguments: list[str]) -> Settings:
    """Read the command line. Exits with status 2 and a sentence on a mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m paper",
        description="A stand-in for IB Gateway: speaks TWS, trades a market of its own.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4002, help="port to listen on, 0 for any free one")
    parser.add_argument(
        "--port-file", type=Path, help="file the bound port is written to; a free port in it is taken again"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the market")
    parser.add_argument("--account", default="DU1234567", help="account name")
    parser.add_argument("--ledger", type=Path, help="file every request, order and execution is appended to")
    parser.add_argument("--state", type=Path, help="file that orders and positions are found again in")
    parser.add_argument("--control", type=Path, help="unix socket that statements are taken from")
    parser.add_argument("--script", type=Path, help="file of statements carried out at the start")
    parser.add_argument(
        "--pacing", type=Policy, choices=list(Policy), default=Policy.OFF, help="above 50 messages a second"
    )
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.add_argument(
        "--market", type=Mood, choices=list(Mood), default=Mood.LIVELY, help="how fast prices move"
    )
    parser.add_argument(
        "--hours", type=Hours, choices=list(Hours), default=Hours.ALWAYS, help="when it is open"
    )
    parser.add_argument("--tick", type=_interval, default=0.2, help="seconds between two moves of the market")
    parser.add_argument(
        "--spot", type=_spot, action="append", default=[], metavar="SYMBOL=USD", help="starting price"
    )
    _add_world(parser)
    _add_storm(parser)
    values = vars(parser.parse_args(arguments))
    wanted = [values.pop(name) for name in ("storm", "storm_orders", "storm_partials", "burst", "storm_rate")]
    values["storm"] = make_plan(*wanted) if wanted[0] else None
    spots, switches = dict(values.pop("spot")), Switches()
    for name, text in values.pop("switch"):
        switches = switches.with_value(name, text)
    return Settings(**values, spots=spots, switches=switches)


def _add_storm(parser: argparse.ArgumentParser) -> None:
    """The options of storm mode, see paper/storm.py."""
    parser.add_argument("--storm", type=_count, metavar="N", help="executions blown at the first client")
    parser.add_argument("--storm-orders", type=_count, metavar="M", help="orders they belong to")
    parser.add_argument("--storm-partials", type=_count, metavar="K", help="executions of each order")
    parser.add_argument("--burst", type=_count, default=100, metavar="B", help="executions in one write")
    parser.add_argument(
        "--storm-rate", type=float, default=0.0, metavar="R", help="executions a second, 0: all"
    )


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 10000000")
    return count


def _add_world(parser: argparse.ArgumentParser) -> None:
    """The options that say what account, time and Gateway are imitated."""
    parser.add_argument("--cash", type=_cash, default=Decimal(1_000_000), help="what the account has, USD")
    parser.add_argument(
        "--switch",
        type=_switch,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a behaviour in which Gateways differ, see docs/paper-vs-live.md",
    )
    parser.add_argument(
        "--start", type=_start, help="start of a virtual clock, 2026-11-23T09:30 in New York's time"
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="seconds of a virtual clock in one of the machine's"
    )


def _switch(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    try:
        Switches().with_value(name, value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name, value


def _start(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=NEW_YORK)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not a speed from 0 to 100000")
    return speed


def _cash(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value <= 10**12:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount above 0 USD")
    return value


def _interval(text: str) -> float:
    seconds = float(text)
    if not 0.001 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text} s is not between 0.001 and 60")
    return seconds


def _spot(text: str) -> tuple[str, Decimal]:
    symbol, _, price = text.partition("=")
    known = [under.symbol for under in UNDERLYINGS]
    if symbol not in known:
        raise argparse.ArgumentTypeError(f"{symbol!r} is none of {', '.join(known)}")
    try:
        value = Decimal(price)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 1 <= value <= 20000:
        raise argparse.ArgumentTypeError(f"{price!r} is not a price from 1 to 20000 USD")
    return symbol, value
