"""The single values that the platform reads: what IB says of account, PnL and its connection. Pure."""

from __future__ import annotations

from router.effects import Gauge, GaugeName
from router.messages import AccountSnapshot, LinkPhase, LinkState, PnLSnapshot


def of_account(account: AccountSnapshot) -> list[Gauge]:
    """Net liquidation and buying power, USD."""
    return _money(("account_value", account.net_liquidation), ("buying_power", account.buying_power))


def of_pnl(pnl: PnLSnapshot) -> list[Gauge]:
    """The whole account's PnL, USD."""
    return _money(("daily_pnl", pnl.daily), ("unrealized_pnl", pnl.unrealized))


def of_link(link: LinkState) -> list[Gauge]:
    """Connected is what can place orders."""
    return [Gauge("connection", "connected" if link.phase is LinkPhase.READY else "failed")]


def _money(*values: tuple[GaugeName, float | None]) -> list[Gauge]:
    return [Gauge(name, f"{value:.2f}") for name, value in values if value is not None]
