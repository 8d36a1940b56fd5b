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
from router.delivery import EPSILON, Delivery
from router.messages import ContractSpec, PositionSnapshot

MAX_PATH = 64


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """A position. Quantities are signed, in shares or contracts.

    `path` starts with the newest quantity of IB's that is understood; each further one is what IB should say
    after one more execution. `ahead` is what IB said beyond the executions known, so that these explain it when
    they come instead of counting twice.
    """

    account: str
    contract: ContractSpec
    path: tuple[float, ...] = (0.0,)
    ahead: float = 0.0
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
        return self.path[-1] if abs(self.path[-1]) > EPSILON else 0.0


def executed(holding: Holding, delta: float) -> Holding:
    """One more execution of ours: `delta` is positive for a purchase."""
    if holding.ahead * delta > 0 and abs(holding.ahead) >= abs(delta) - EPSILON:
        return replace(holding, ahead=holding.ahead - delta)
    return replace(holding, path=(*holding.path, holding.path[-1] + delta)[-MAX_PATH:], ahead=0.0)


def observed(holding: Holding, snapshot: PositionSnapshot) -> Holding:
    """IB's word. A quantity passed on the way confirms the way up to there; any other one is the new truth."""
    holding = replace(holding, contract=snapshot.contract, avg_cost=snapshot.avg_cost)
    for index in reversed(range(len(holding.path))):
        if abs(holding.path[index] - snapshot.quantity) <= EPSILON:
            return replace(holding, path=holding.path[index:])
    ahead = snapshot.quantity - holding.path[-1]
    return replace(holding, path=(snapshot.quantity,), ahead=ahead)


def document(holding: Holding, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """`positions:open:{symbol}:{id}`; `deliveries` are those that hold it, none for a position made elsewhere."""
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
        "realized_pnl": formats.money(sum(d.realized(d.closings) for d in deliveries)),
        "commission": formats.price(sum(d.charged(d.executions.values()) for d in deliveries)),
    }


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
        "fill_history": [],
        "realized_events": [],
        "reductions": [],
    }
