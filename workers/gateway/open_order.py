"""openOrder (5), the longest and most frequent message of an order, read for the fields that are used.

The library fills an Order, a Contract and an OrderState with 130 fields by reflection, which costs more than all
other work on a fill together. The front of the message has fixed places; behind it lie parts of varying length that
have to be walked to reach the status. Field by field as in ib_insync 0.9.86 `Decoder.openOrder`, which the tests
compare this with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

UNSET_FROM = 1e300
NO_FA_PROFILE = 177  # server version that dropped the field faProfile
CONTRACT = slice(2, 13)  # the eleven contract fields
# a condition's fields by its type, type and conjunction included: price, time, margin, execution, volume, change
_CONDITION_FIELDS = {"1": 7, "3": 4, "4": 4, "5": 5, "6": 6, "7": 6}


class OpenOrder(NamedTuple):
    """What the router uses of an order, under IB's names; numbers still as text where None has a meaning."""

    orderId: int  # noqa: N815 - IB's names at the seam
    action: str
    totalQuantity: str  # noqa: N815
    orderType: str  # noqa: N815
    lmtPrice: str  # noqa: N815
    auxPrice: str  # noqa: N815
    tif: str
    goodTillDate: str  # noqa: N815
    ocaGroup: str  # noqa: N815
    account: str
    orderRef: str  # noqa: N815
    clientId: int  # noqa: N815
    permId: int  # noqa: N815
    parentId: int  # noqa: N815
    outsideRth: bool  # noqa: N815
    ocaType: int  # noqa: N815
    trailStopPrice: str  # noqa: N815
    trailingPercent: str  # noqa: N815
    adjustedOrderType: str  # noqa: N815
    triggerPrice: str  # noqa: N815
    adjustedStopPrice: str  # noqa: N815
    adjustedStopLimitPrice: str  # noqa: N815
    adjustedTrailingAmount: str  # noqa: N815
    adjustableTrailingUnit: int  # noqa: N815
    algoStrategy: str  # noqa: N815
    algoParams: list[tuple[str, str]]  # noqa: N815
    status: str


def read(fields: Sequence[str], server_version: int) -> OpenOrder:
    """Raises IndexError or ValueError for a message that is cut short or out of step."""
    shift = 0 if server_version < NO_FA_PROFILE else -1
    hedged = 62 + shift  # deltaNeutralOrderType
    percent = hedged + 2 + (8 if fields[hedged] else 0) + 3
    algo = _algo_place(fields, hedged)
    tags = fields[algo + 2 : algo + 2 + 2 * int(fields[algo + 1])] if fields[algo] else []
    status = algo + 1 + (1 + len(tags) if fields[algo] else 0) + 2  # behind it, solicited and whatIf
    kind, trigger, trail_stop, _, stop, limit, trailing, unit = fields[_adjustment_places(fields, status)]
    return OpenOrder(
        orderId=int(fields[1]),
        action=fields[13],
        totalQuantity=fields[14],
        orderType=fields[15],
        lmtPrice=fields[16],
        auxPrice=fields[17],
        tif=fields[18],
        goodTillDate=fields[36 + shift],
        ocaGroup=fields[19],
        account=fields[20],
        orderRef=fields[23],
        clientId=int(fields[24]),
        permId=int(fields[25]),
        parentId=int(fields[58 + shift] or 0),
        outsideRth=fields[26] == "1",
        ocaType=int(fields[54 + shift] or 0),
        trailStopPrice=trail_stop,
        trailingPercent=fields[percent],
        adjustedOrderType=kind,
        triggerPrice=trigger,
        adjustedStopPrice=stop,
        adjustedStopLimitPrice=limit,
        adjustedTrailingAmount=trailing,
        adjustableTrailingUnit=int(unit or 0),
        algoStrategy=fields[algo],
        algoParams=list(zip(tags[::2], tags[1::2], strict=True)),
        status=fields[status],
    )


def _adjustment_places(fields: Sequence[str], status: int) -> slice:
    """The eight fields from adjustedOrderType to adjustableTrailingUnit."""
    at = status + 17  # margins, commissions, randomize
    at += 5 if fields[15] == "PEG BENCH" else 0
    count = int(fields[at] or 0)
    at += 1
    for _ in range(count):
        at += _CONDITION_FIELDS[fields[at]]
    at += 2 if count else 0  # conditionsIgnoreRth, conditionsCancelOrder
    return slice(at, at + 8)


def _algo_place(fields: Sequence[str], at: int) -> int:
    """From the place of deltaNeutralOrderType to that of algoStrategy."""
    at += 2 + (8 if fields[at] else 0)  # deltaNeutral*: TWS sends the text "None", and the eight with it
    at += 7  # continuousUpdate .. comboLegsDescrip
    at += 1 + 8 * int(fields[at])  # combo legs
    at += 1 + int(fields[at])  # their prices
    at += 1 + 2 * int(fields[at])  # smart combo routing parameters
    increment = fields[at + 2]
    at += 3 + (7 if increment and 0 < float(increment) < UNSET_FROM else 0)  # scale
    at += 2 if fields[at] else 1  # hedge
    return at + 5 + (3 if int(fields[at + 4]) else 0)  # optOutSmartRouting .. delta neutral contract
