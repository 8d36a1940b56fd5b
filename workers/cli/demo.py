"""The demo signal: the platform's produced shape (platform contract 10) for an option the paper gateway lists."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import holidays

from router.contract import fingerprint
from router.sessions import EASTERN

ROLL: Final = time(16, 0)  # Eastern; the platform takes the next session from here on
SYMBOL: Final = "SPY"
SPOT: Final = 450.2  # where the paper market starts
STRIKES: Final = tuple(float(strike) for strike in range(446, 457))  # dollar strikes round that spot
VERSION: Final = "D6.0.1"


def session(now: datetime, *, ahead: int) -> date:
    """The session that a signal `ahead` sessions before expiry names; today's counts until 16:00 Eastern."""
    local = now.astimezone(EASTERN)
    day = local.date() + timedelta(days=1 if local.time() >= ROLL else 0)
    closed = holidays.financial_holidays("NYSE", years=range(day.year, day.year + 2))
    while True:
        while day.weekday() >= 5 or day in closed:
            day += timedelta(days=1)
        if ahead == 0:
            return day
        ahead -= 1
        day += timedelta(days=1)


def demo_signal(now: datetime, nonce: int) -> dict[str, Any]:
    """A fresh signal, valid at `now` (aware). `nonce` makes its id unique and picks one of the strikes.

    A 1DTE signal, because the platform enters those at market (contract 6): the demo shall not wait for a limit.
    """
    ts_ms = int(now.timestamp() * 1000)
    contract = {
        "type": "option",
        "right": "C",
        "multiplier": 100,
        "exchange": "SMART",
        "dte_band": "1",
        "expiry_label": "1DTE",
        "expiry": f"{session(now, ahead=1):%Y%m%d}",
        "strike": STRIKES[nonce % len(STRIKES)],
    }
    contract_fp = fingerprint(contract, symbol=SYMBOL, strategy="1dte", side="LONG")
    name = f"{contract_fp}:{VERSION}:{contract['expiry']}:{nonce}"
    return {
        "id": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:16],
        "contract_fp": contract_fp,
        "timestamp": ts_ms,
        "ts": ts_ms,
        "symbol": SYMBOL,
        "strategy": "1dte",
        "side": "LONG",
        "confidence": 94,
        "reasons": ["Demo signal of the router"],
        "contract": contract,
        "features": {"vpin": 0.62, "obi": 0.7, "gex": 0, "dex": 0, "price": SPOT},
        "version": VERSION,
        "dry_run": False,
    }
