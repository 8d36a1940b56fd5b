"""When a contract trades, as IB writes it: `20250919:0930-20250919:1615;20250920:CLOSED`, in the contract's own zone."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.messages import ContractReady

EASTERN = ZoneInfo("America/New_York")  # the platform's days and hours (contract 0.7)
_SESSION = re.compile(r"\d{8}:\d{4}-(\d{8}):(\d{4})")


def trading_ended(ready: ContractReady, now: datetime) -> bool:
    """Whether an option's last session is over at this moment (aware).

    False where IB's hours do not say: they tell a few days ahead only, and not of the day itself for every contract.
    """
    if ready.contract.sec_type != "OPT":
        return False
    expiry = ready.contract.expiry
    closes = [time for day, time in _SESSION.findall(ready.trading_hours) if day == expiry]
    try:
        local = now.astimezone(ZoneInfo(ready.time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(closes) and f"{local:%Y%m%d%H%M}" >= expiry + max(closes)
