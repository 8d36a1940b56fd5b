"""Commands and their replies: ROUTER/DEALER, never PUB."""

from __future__ import annotations

from typing import Literal

from router.messages.parts import Adjustment, ContractSpec, Leg, Message, OrderRequest, PriceBand
from router.messages.portfolio import PositionSnapshot
from router.messages.trade import OrderLifecycleEvent, OrderParked


class PrepareContract(Message, frozen=True):
    """sizing -> gateway: qualify this contract and stream its quotes."""

    contract: ContractSpec


class ContractReady(Message, frozen=True):
    """The qualified contract, its price increments, and when it trades as IB writes it, in its own time zone."""

    contract: ContractSpec
    min_tick: float
    bands: tuple[PriceBand, ...] = ()  # market rule, lowest first; empty: min_tick at every price
    trading_hours: str = ""
    liquid_hours: str = ""
    time_zone: str = ""


class FindDelivery(Message, frozen=True):
    """sizing -> submission -> gateway: was a bracket with this stem ever intended or seen at the broker?"""

    delivery: str


class PlaceBracket(Message, frozen=True):
    """submission -> gateway: send this bracket unless its stem is known already."""

    request: OrderRequest
    legs: tuple[Leg, ...]


class PlaceReply(Message, frozen=True):
    """What became of a bracket: `unknown` only answers FindDelivery, `refused` only OrderRequest: the signal's end is
    told."""

    delivery: str
    outcome: Literal["sent", "adopted", "in_doubt", "unknown", "refused"]


class PlaceOrders(Message, frozen=True):
    """Send these orders, which belong to no bracket (protection, exits), unless the gateway knows their refs."""

    name: str  # the stem of their orderRefs
    account: str
    contract: ContractSpec
    legs: tuple[Leg, ...]
    reason: str


class ModifyOrder(Message, frozen=True):
    """Change a live order of ours: what is None stays as IB last told it. Prices as in `Leg`."""

    ref: str
    reason: str
    quantity: int | None = None  # in all, what filled already included
    limit_price: float | None = None
    stop_price: float | None = None
    order_type: str | None = None
    trail_percent: float | None = None
    trail_stop: float | None = None
    adjustment: Adjustment | None = None
    perm_id: int = 0  # of two orders under one ref; 0 for the older


class ModifyReply(Message, frozen=True):
    """The modification was written to the socket."""

    ref: str
    order_id: int


class CancelOrders(Message, frozen=True):
    """Cancel the live orders under these orderRefs, permIds, or of these signals."""

    refs: tuple[str, ...]
    perm_ids: tuple[int, ...] = ()
    signals: tuple[str, ...] = ()


class Flatten(Message, frozen=True):
    """Cancel every order of the account and close every position of it at market; empty is the traded account."""

    account: str = ""


class FlattenReply(Message, frozen=True):
    """What was cancelled, and the orderRefs of the closing orders that were written."""

    cancelled: tuple[str, ...]
    closing: tuple[str, ...]


class HoldingsQuery(Message, frozen=True):
    """Anyone -> gateway: what is held and what works at IB now?"""


class HoldingsReply(Message, frozen=True):
    """Positions that are not flat and live orders of every client, and the account that is traded."""

    account: str
    positions: tuple[PositionSnapshot, ...]
    orders: tuple[OrderLifecycleEvent, ...]


class ParkedQuery(Message, frozen=True):
    """Anyone -> gateway: which orders wait for an operator?"""


class ParkedReply(Message, frozen=True):
    """Parked orders, oldest first."""

    parked: tuple[OrderParked, ...]


class ResolveParked(Message, frozen=True):
    """An operator's word on a parked delivery: it is at the broker, send it again, or it never will be."""

    delivery: str
    how: Literal["adopt", "resend", "drop"]


class CancelAll(Message, frozen=True):
    """The kill switch: cancel every live order of the login, whoever placed it, and drop brackets not yet sent."""


class CancelReply(Message, frozen=True):
    """orderRefs for which a cancel was written; those unknown or ended are left out."""

    refs: tuple[str, ...]


class CommandRefused(Message, frozen=True):
    """The receiver did not act; `code` is one of `router.reasons`. `retry`: the same command may succeed later."""

    code: str
    text: str
    retry: bool = False
