"""Sums over the executions of a delivery, kept up one execution at a time.

An order may fill in thousands of pieces, and every piece is news to the platform: what is told of the whole must
not cost more with each of them. `add` and `charge` give what `count` would give from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from router.execution import Commission, Execution


class Side(msgspec.Struct, frozen=True):
    """Sums of the entry's or of the closing executions. Money in USD per unit of premium, not multiplied.

    `free_*` are those of executions whose realized PnL IB has not said; `realized` is what it has said of the rest.
    """

    quantity: float = 0.0
    value: float = 0.0  # quantity x price
    commission: float = 0.0
    realized: float = 0.0
    free_quantity: float = 0.0
    free_value: float = 0.0
    free_commission: float = 0.0
    last: Execution | None = None  # by IB's time

    @property
    def price(self) -> float:
        """Quantity-weighted price, 0 of nothing."""
        return self.value / self.quantity if self.quantity > 0 else 0.0


class Tally(msgspec.Struct, frozen=True):
    """Both sides, and the executions whose commission report has not come."""

    entry: Side = Side()
    closing: Side = Side()
    uncharged: Mapping[str, Execution] = {}


def count(executions: Iterable[Execution], commissions: Mapping[str, Commission]) -> Tally:
    """The tally of all of them."""
    tally = Tally()
    for execution in executions:
        tally = add(tally, execution, commissions)
    return tally


def add(tally: Tally, execution: Execution, commissions: Mapping[str, Commission]) -> Tally:
    """One execution more, with the commission report it has, or that of the execution it corrects."""
    own = commissions.get(execution.exec_id)
    report = own or commissions.get(execution.supersedes)
    side = _side(tally, execution)
    value = execution.quantity * execution.price
    last = side.last
    side = replace(
        side,
        quantity=side.quantity + execution.quantity,
        value=side.value + value,
        free_quantity=side.free_quantity + execution.quantity,
        free_value=side.free_value + value,
        last=execution
        if last is None or (execution.at, execution.exec_id) > (last.at, last.exec_id)
        else last,
    )
    if report is None:
        return _with(
            replace(tally, uncharged={**tally.uncharged, execution.exec_id: execution}), execution, side
        )
    # IB's PnL of an execution that was corrected says nothing of the correction
    return _with(tally, execution, _charged(side, execution, own or Commission(report.amount, None)))


def charge(tally: Tally, execution: Execution, report: Commission) -> Tally:
    """The commission report of an execution that had none."""
    uncharged = {name: x for name, x in tally.uncharged.items() if name != execution.exec_id}
    side = _charged(_side(tally, execution), execution, report)
    return _with(replace(tally, uncharged=uncharged), execution, side)


def _charged(side: Side, execution: Execution, report: Commission) -> Side:
    amount = abs(report.amount)
    side = replace(side, commission=side.commission + amount)
    if report.realized is None:
        return replace(side, free_commission=side.free_commission + amount)
    return replace(
        side,
        realized=side.realized + report.realized,
        free_quantity=side.free_quantity - execution.quantity,
        free_value=side.free_value - execution.quantity * execution.price,
    )


def _side(tally: Tally, execution: Execution) -> Side:
    return tally.entry if execution.leg == "E" else tally.closing


def _with(tally: Tally, execution: Execution, side: Side) -> Tally:
    return replace(tally, entry=side) if execution.leg == "E" else replace(tally, closing=side)
