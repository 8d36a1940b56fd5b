"""One contract held in one account: IB's word on its quantity, joined to the deliveries that opened it.

IB tells a position apart from the executions that made it, before them or seconds after. The platform must see
a position the moment its entry filled, and must not see it again once it is closed; so executions run ahead of
IB's word, and IB's word, when it comes, confirms or corrects them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from router import formats, records
from router.delivery import Delivery
from router.messages import Alert, ContractSpec, PositionSnapshot
from router.quantity import EPSILON

MAX_PATH = 64


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """A position. Quantities are signed, in shares or contracts.

    `path` is what executions made of the last quantity that IB confirmed: that one first, then one entry per
    execution. `said` is IB's own word while it fits nowhere on the path, because IB is ahead of the executions
    or somebody else trades the contract too.
    """

    account: str
    contract: ContractSpec
    path: tuple[float, ...] = (0.0,)
    said: float | None = None
    avg_cost: float = 0.0  # IB's: for an option per contract
    deliveries: tuple[str, ...] = ()  # those that hold a part of it, oldest first
    shown: bool = False  # the platform has it in positions:open
    since_ms: int = 0
    unrealized: float | None = None
    value: float | None = None  # signed USD
    closed: dict[str, str] = {}  # {day}:{record id} -> delivery whose closed record lies there

    @property
    def id(self) -> str:
        """The platform's position id."""
        return f"{self.account}:{self.contract.con_id}"

    @property
    def quantity(self) -> float:
        """What is held now, as far as anyone knows."""
        known = self.path[-1] if self.said is None else self.said
        return known if abs(known) > EPSILON else 0.0


def executed(holding: Holding, delta: float) -> Holding:
    """One more execution of ours: `delta` is positive for a purchase."""
    expected = holding.path[-1] + delta
    if holding.said is not None and _same(expected, holding.said):
        return replace(holding, path=(expected,), said=None)
    return replace(holding, path=(*holding.path, expected)[-MAX_PATH:])


def observed(holding: Holding, snapshot: PositionSnapshot) -> Holding:
    """IB's word. A quantity passed on the way confirms the way up to there; any other one stands until it is."""
    holding = replace(holding, contract=snapshot.contract, avg_cost=snapshot.avg_cost)
    if snapshot.replayed:  # an answer to a question, not news: it counts whole
        return replace(holding, path=(snapshot.quantity,), said=None)
    for index in reversed(range(len(holding.path))):
        if _same(holding.path[index], snapshot.quantity):
            return replace(holding, path=holding.path[index:], said=None)
    return replace(holding, said=snapshot.quantity)


def document(holding: Holding, deliveries: Sequence[Delivery], at_ms: int) -> dict[str, Any]:
    """`positions:open:{symbol}:{id}` at this time; `deliveries` hold it, none where it was made elsewhere."""
    contract = holding.contract
    quantity = holding.quantity
    head = records.position_head(deliveries[-1], holding.id) if deliveries else _made_elsewhere(holding)
    if len(deliveries) > 1:
        entered = sum(delivery.entered for delivery in deliveries)
        head["entry_price"] = round(sum(d.entered * d.entry_price for d in deliveries) / entered, 6)
        head["position_notional"] = formats.money(sum(delivery.notional for delivery in deliveries))
    price = None if holding.value is None else holding.value / (quantity * contract.multiplier)
    return head | {
        "side": "LONG" if quantity > 0 else "SHORT",
        "quantity": formats.whole(abs(quantity)),
        "status": "OPEN",
        "current_price": None if price is None else formats.price(price),
        "unrealized_pnl": holding.unrealized,
        "market_value": formats.money(
            quantity * contract.multiplier * head["entry_price"] if holding.value is None else holding.value
        ),
        "realized_pnl": formats.money(sum(d.realized for d in deliveries)),
        "commission": formats.price(sum(d.commission for d in deliveries)),
        "last_update": formats.iso(at_ms),
    }


def missing_fill(holding: Holding) -> Alert:
    """A position was closed by executions that IB does not tell of (contract 2.2)."""
    return Alert(
        kind="execution_manual_fill_missing",
        severity="warning",
        text="closed at IB, and no execution says how: written off at what was paid",
        symbol=holding.contract.symbol,
        details=(("position_id", holding.id), ("account", holding.account)),
    )


def _made_elsewhere(holding: Holding) -> dict[str, Any]:
    """A manual or foreign position: IB's average cost is per contract for options (contract 7)."""
    contract, quantity = holding.contract, holding.quantity
    cost = holding.avg_cost / contract.multiplier
    bullish = (contract.right != "P") == (quantity > 0)
    return {
        "id": holding.id,
        "symbol": contract.symbol,
        "contract": formats.contract_document(contract),
        "view": formats.view(bullish),
        "strategy": "SYNCED",
        "entry_price": round(cost, 6),
        "entry_time": formats.iso(holding.since_ms),
        "basis_price": round(cost, 6),
        "position_notional": formats.money(abs(quantity) * cost * contract.multiplier),
        "stop_loss": None,
        "targets": [],
        "order_id": None,
        "stop_order_id": None,
        "target_order_ids": [],
        "oca_group": None,
        "signal_id": None,
        "ib_account": holding.account,
        "ib_con_id": contract.con_id,
        "reconciled": True,
        "last_fill_price": None,
        "fill_history": [],
        "realized_events": [],
        "reductions": [],
    }


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= EPSILON
