"""accountSummary tags -> AccountSnapshot, once per socket read and only when every tag has been said."""

from __future__ import annotations

from router.messages import AccountSnapshot

TAGS = {
    "NetLiquidation": "net_liquidation",
    "BuyingPower": "buying_power",
    "AvailableFunds": "available_funds",
    "TotalCashValue": "total_cash",
    "GrossPositionValue": "gross_position_value",
    "InitMarginReq": "init_margin",
    "MaintMarginReq": "maint_margin",
}


class Summary:
    """Values by account, as IB's subscription brings them: all at first, then those that changed."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, float | None]] = {}
        self._currency: dict[str, str] = {}
        self._changed: set[str] = set()
        self._complete = False
        self._first = True

    def update(self, account: str, tag: str, value: float | None, currency: str) -> None:
        """One accountSummary message; tags nobody asked for are ignored."""
        name = TAGS.get(tag)
        if name:
            self._values.setdefault(account, {})[name] = value
            self._currency[account] = currency or self._currency.get(account, "")
            self._changed.add(account)

    def complete(self) -> None:
        """accountSummaryEnd: from here on a snapshot is whole."""
        self._complete = True

    def reset(self) -> None:
        """A new connection starts from nothing."""
        self._values.clear()
        self._changed.clear()
        self._complete = False
        self._first = True

    def flush(self, now_ns: int) -> list[AccountSnapshot]:
        """One snapshot per account that changed since the last call; the first ones repeat what was."""
        if not self._complete or not self._changed:
            return []
        changed, self._changed = self._changed, set()
        replayed, self._first = self._first, False
        return [self._snapshot(account, now_ns, replayed) for account in sorted(changed)]

    def _snapshot(self, account: str, now_ns: int, replayed: bool) -> AccountSnapshot:
        values = {name: self._values[account].get(name) for name in TAGS.values()}
        return AccountSnapshot(
            account=account,
            currency=self._currency[account],
            replayed=replayed,
            received_ns=now_ns,
            **values,
        )
