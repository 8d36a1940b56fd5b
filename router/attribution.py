"""Whose position an execution closes that no order of a delivery made (platform contract 7).

Somebody trades the contract by hand, another program does, or the router itself closes what no delivery can be told
from. What is held belongs to the deliveries that entered it, so such an execution closes theirs, the oldest first.
What is beyond them, or adds to what they hold, is nobody's: the platform sees it in the position.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from router.delivery import Delivery
from router.execution import SYNCED
from router.messages import ExecutionFill
from router.protection import is_guards
from router.quantity import EPSILON


class Part(NamedTuple):
    """What of an execution is one delivery's; `leg` says what it counts as."""

    delivery: Delivery
    fill: ExecutionFill
    leg: str
    share: float


def parts(fill: ExecutionFill, holders: Iterable[Delivery]) -> list[Part]:
    """The execution shared out among the deliveries that hold its contract in its account, oldest first.

    A delivery whose entry is younger than the execution had no part in it.
    """
    leg = fill.ref.rpartition("-")[2] if is_guards(fill.ref) else "X"
    return _shared(fill, holders, leg, fill.quantity)


def named(fill: ExecutionFill, own: Delivery, leg: str, holders: Iterable[Delivery]) -> list[Part]:
    """The execution of a delivery's own order: its own, but for what closes more than it holds.

    The guard, and whoever makes the account flat, may close in one delivery's name what several have entered, or what
    was bought by hand after all of them were over: beyond what deliveries hold that is nobody's.
    """
    closes = fill.action != own.request.action
    if own.entered <= EPSILON or leg == "E" or (closes and fill.quantity <= own.held + EPSILON):
        return [Part(own, fill, leg, 1.0)]
    taken = min(fill.quantity, _open(fill, own)) if closes else 0.0
    others = _shared(fill, [one for one in holders if one.name != own.name], leg, fill.quantity - taken)
    # what it holds may not be all told yet, and what was written off may be this
    if not own.entry_complete or any(execution.leg == SYNCED for execution in own.executions.values()):
        taken = fill.quantity - sum(part.fill.quantity for part in others)
    return [_part(fill, own, taken / fill.quantity, leg), *others] if taken > EPSILON else others


def corrected(fill: ExecutionFill, holders: Iterable[Delivery]) -> list[Part]:
    """The correction of an execution: whose that was, in the same shares, whatever they hold by now."""
    return [
        _part(
            fill,
            delivery,
            delivery.executions[fill.supersedes].share,
            delivery.executions[fill.supersedes].leg,
        )
        for delivery in holders
        if fill.supersedes in delivery.executions
    ]


def _shared(fill: ExecutionFill, holders: Iterable[Delivery], leg: str, left: float) -> list[Part]:
    found = []
    for delivery in holders:
        quantity = min(left, _open(fill, delivery)) if left > EPSILON and _closes(fill, delivery) else 0.0
        if quantity > EPSILON:
            found.append(_part(fill, delivery, quantity / fill.quantity, leg))
            left -= quantity
    return found


def _part(fill: ExecutionFill, delivery: Delivery, share: float, leg: str) -> Part:
    if share == 1.0:
        return Part(delivery, fill, leg, share)
    return Part(delivery, replace(fill, quantity=fill.quantity * share), leg, share)


def _open(fill: ExecutionFill, delivery: Delivery) -> float:
    """What the execution may close of the delivery: what it holds, and what was written off since."""
    synced = (x for x in delivery.executions.values() if x.leg == SYNCED and fill.executed_at <= x.at)
    return delivery.held + sum(x.quantity for x in synced)


def _closes(fill: ExecutionFill, delivery: Delivery) -> bool:
    entered = [x.at for x in delivery.executions.values() if x.leg == "E"]
    return fill.action != delivery.request.action and bool(entered) and min(entered) <= fill.executed_at
