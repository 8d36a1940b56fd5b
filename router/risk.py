"""The control table: named checks in the platform's order, each a function -> Denial | None (contract 4.1).

The table runs twice: before sizing without a notional, and after sizing with it. The first denial ends a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from conf.settings import Settings
from router.errors import FieldError
from router.gates import PlatformGates
from router.messages import Signal
from router.reasons import AFTER_SIZING, BEFORE_SIZING, Reason
from router.signal import CLOCK_SKEW_MS, age_ms, expired


@dataclass(frozen=True)
class Facts:
    """What the checks look at. `notional` (USD) is None before sizing."""

    settings: Settings
    signal: Signal
    now_ms: int
    now_eastern: datetime
    gates: PlatformGates
    buying_power: float  # USD, as IB reports it
    open_positions: int
    notional: float | None = None


@dataclass(frozen=True)
class Denial:
    """Why a signal ends here: `reason` as the platform reads it, `check` and `detail` (field and value) for people."""

    code: Reason
    reason: str
    check: str
    detail: str

    @property
    def status(self) -> str:
        """The status of the ack (contract 3)."""
        return self.code.status


Check = Callable[[Facts], Denial | None]


def first_denial(facts: Facts, checks: Sequence[Check]) -> Denial | None:
    """The first check that denies, in the table's order."""
    for check in checks:
        denial = check(facts)
        if denial is not None:
            return denial
    return None


def screen(facts: Facts) -> None:
    """Refuse what no gate needs to look at: an unknown symbol, a dead contract, a clock gone wrong.

    Raises FieldError: such a signal is malformed, whatever its numbers say.
    """
    signal, known = facts.signal, facts.settings.ingress.symbols
    if signal.symbol not in known:
        problem = "is not configured; add it to ingress.symbols to trade it"
        raise FieldError("symbol", signal.symbol, problem, Reason.UNKNOWN_SYMBOL)
    if expired(signal.contract, facts.now_eastern):
        raise FieldError("contract.expiry", signal.contract.expiry, "has expired", Reason.CONTRACT_EXPIRED)
    if age_ms(signal, facts.now_ms) < -CLOCK_SKEW_MS:
        problem = "lies in the future: compare the platform's clock with ours"
        raise FieldError("ts", signal.ts_ms, problem, Reason.CLOCK_AHEAD)


def fresh(facts: Facts) -> Denial | None:
    """Older than ingress.max_age_ms: the price it saw is gone."""
    age = age_ms(facts.signal, facts.now_ms)
    if age <= facts.settings.ingress.max_age_ms:
        return None
    return Denial(Reason.STALE, Reason.STALE.words.format(age=age), "fresh", f"{age} ms old")


def premium_bought(facts: Facts) -> Denial | None:
    """A right against the view would sell premium (contract 0.1)."""
    signal = facts.signal
    matching = {"LONG": "C", "SHORT": "P"}[signal.side]
    if signal.contract.sec_type != "OPT" or signal.contract.right == matching:
        return None
    detail = f"{signal.side} view with right {signal.contract.right}"
    code = Reason.SHORT_PREMIUM_NOT_ALLOWED
    return Denial(code, code.words, "premium_bought", detail)


def new_positions_allowed(facts: Facts) -> Denial | None:
    """`risk:new_positions_allowed`; only the exact text `false` blocks."""
    if facts.gates.new_positions_allowed:
        return None
    return _denied(
        facts,
        Reason.NEW_POSITIONS_NOT_ALLOWED,
        "new_positions_allowed",
        "risk:new_positions_allowed is false",
    )


def not_halted(facts: Facts) -> Denial | None:
    """A halt that came between the signal leaving its queue and now; before that nothing is taken at all."""
    if not facts.gates.halted:
        return None
    key = "risk:halt:status" if facts.gates.halted == "halt" else "risk:permanent_halt"
    return _denied(facts, Reason.HALTED, "not_halted", f"halted by {key}")


def multipliers(facts: Facts) -> Denial | None:
    """A multiplier that is no number in (0, 2] denies rather than guesses (contract 0.2)."""
    gates = facts.gates
    for name, reading in (("position_size", gates.size_multiplier), ("stop", gates.stop_multiplier)):
        if not reading.usable:
            detail = f"risk:{name}_multiplier = {reading.raw!r}: must be a number in (0, 2]"
            return _denied(facts, Reason.MULTIPLIER_UNUSABLE, "multipliers", detail)
    return None


def notional_within_buying_power(facts: Facts) -> Denial | None:
    """At most a quarter of the buying power in one entry; no buying power allows nothing."""
    limit = facts.settings.risk.max_buying_power_fraction * facts.buying_power
    if not facts.notional or facts.notional <= limit:
        return None
    detail = f"notional {facts.notional:.2f} USD above {limit:.2f} USD"
    return _denied(facts, Reason.NOTIONAL_TOO_LARGE, "notional_within_buying_power", detail)


def daily_loss(facts: Facts) -> Denial | None:
    """`risk:daily_pnl` below the day's limit."""
    limit = -facts.settings.risk.max_daily_loss
    today = facts.gates.daily_pnl.value
    if today is None:
        return _denied(
            facts,
            Reason.DAILY_LOSS,
            "daily_loss",
            f"risk:daily_pnl = {facts.gates.daily_pnl.raw!r} is no number",
        )
    if today >= limit:
        return None
    return _denied(facts, Reason.DAILY_LOSS, "daily_loss", f"{today:.2f} USD today, limit {limit:.2f} USD")


def max_positions(facts: Facts) -> Denial | None:
    """Contracts held at IB, at most risk.max_positions."""
    limit = facts.settings.risk.max_positions
    if facts.open_positions < limit:
        return None
    return _denied(
        facts, Reason.MAX_POSITIONS, "max_positions", f"{facts.open_positions} open, limit {limit}"
    )


TABLE: tuple[Check, ...] = (
    fresh,
    premium_bought,
    not_halted,
    new_positions_allowed,
    multipliers,
    notional_within_buying_power,
    daily_loss,
    max_positions,
)
NAMES = tuple(check.__name__ for check in TABLE)


def _denied(facts: Facts, code: Reason, check: str, detail: str) -> Denial:
    return Denial(code, BEFORE_SIZING if facts.notional is None else AFTER_SIZING, check, detail)
