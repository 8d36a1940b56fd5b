"""How much to buy: the fraction of the account and the number of contracts (platform contract, section 5)."""

from __future__ import annotations

from conf.sections import Risk, Sizing
from router.messages import ContractSpec, SizingStats

MIN_NOTIONAL = 1_000.0  # USD, what the platform trades when its fraction comes to nothing
MIN_NOTIONAL_FRACTION = 0.01


def suggest(
    limits: Sizing,
    risk: Risk,
    *,
    confidence: int,
    net_liquidation: float,
    buying_power: float,
    multiplier: float = 1.0,
) -> SizingStats:
    """The notional (USD) for one signal from the base fraction.

    `multiplier` is `risk:position_size_multiplier` (platform contract 0.2). A buying power of zero sets no cap
    here: a gate refuses such an account afterwards.
    """
    fraction = limits.base_fraction * (0.25 + 0.75 * min(100, max(0, confidence)) / 100)
    fraction = min(limits.max_fraction, max(0.0, fraction))
    notional = fraction * net_liquidation
    cap = risk.max_buying_power_fraction * buying_power
    if cap > 0:
        notional = min(notional, cap)
    if notional <= 0:
        notional = max(MIN_NOTIONAL, MIN_NOTIONAL_FRACTION * net_liquidation)
    return SizingStats(
        win_rate=0.0,
        payoff_ratio=0.0,
        kelly_fraction=0.0,
        sample_size=0,
        suggested_notional=round(notional * multiplier, 2),
    )


def quantity(limits: Sizing, *, notional: float, price: float, contract: ContractSpec, strategy: str) -> int:
    """Contracts or shares for a notional (USD): truncated, at least one, capped by strategy for options."""
    count = int(max(1.0, notional / max(price * contract.multiplier, 1.0)))
    if contract.sec_type != "OPT":
        return count
    return min(count, limits.max_0dte_contracts if strategy.upper() == "0DTE" else limits.max_other_contracts)
