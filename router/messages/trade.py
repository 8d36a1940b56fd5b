"""trade: what was sent to IB, and what IB says of orders."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from conf.ib_errors import Policy
from router.messages.parts import Action, Adjustment, ContractSpec, Leg, Message, OrderRequest


class OrderIntent(Message, frozen=True):
    """Journalled before a bracket is written to the socket: the only proof that it may exist at IB."""

    delivery: str
    request: OrderRequest
    legs: tuple[Leg, ...]


class OrderSent(Message, frozen=True):
    """The bracket's last byte was handed to the socket."""

    delivery: str
    order_ids: tuple[int, ...]


class OrderParked(Message, frozen=True):
    """In doubt and not resolvable by evidence: an operator decides. Its own exposure stays blocked."""

    delivery: str
    request: OrderRequest
    reason: str


class OrderLifecycleEvent(Message, frozen=True):
    """One openOrder, orderStatus or completedOrder of IB, joined to its orderRef.

    `origin` says which of the three it was. An orderStatus carries no terms, so those it lacks are repeated
    from the last openOrder of the same order, or left at their defaults if there was none.
    """

    origin: Literal["open", "status", "completed"]
    ref: str
    perm_id: int
    order_id: int
    client_id: int
    account: str
    contract: ContractSpec | None
    action: str
    order_type: str
    quantity: float
    limit_price: float | None
    stop_price: float | None
    tif: str
    parent_id: int
    oca_group: str
    status: str
    filled: float
    remaining: float
    avg_fill_price: float | None
    why_held: str
    replayed: bool
    received_ns: int
    reason: str = ""
    oca_type: int = 0
    outside_rth: bool = False
    trail_percent: float | None = None  # percents; None unless it trails
    trail_stop: float | None = None
    adjustment: Adjustment | None = None  # still to come; None once IB has made it
    good_till: str = ""  # of a GTD, as IB writes it
    algo: str = ""
    algo_params: tuple[tuple[str, str], ...] = ()


class OrderChange(Message, frozen=True):
    """Journalled before orders beside a bracket are written: protection, exits, modifications, resolved doubts.

    `legs` are the orders as they will be, ids included. `parked` says what an operator decided about `name`.
    """

    what: Literal["place", "modify", "parked"]
    name: str  # delivery or stem of the orderRefs
    account: str
    contract: ContractSpec
    legs: tuple[Leg, ...]
    reason: str


class ExecutionFill(Message, frozen=True):
    """One execDetails. `supersedes` names the execution this one corrects."""

    exec_id: str
    ref: str
    perm_id: int
    order_id: int
    client_id: int
    account: str
    contract: ContractSpec
    action: Action
    quantity: float
    price: float
    cum_quantity: float
    avg_price: float
    exchange: str
    executed_at: datetime
    replayed: bool
    received_ns: int
    supersedes: str = ""


class CommissionReport(Message, frozen=True):
    """One commissionReport; `realized_pnl` is None when the execution opened a position."""

    exec_id: str
    ref: str
    commission: float
    currency: str
    realized_pnl: float | None
    replayed: bool
    received_ns: int


class BrokerError(Message, frozen=True):
    """One error message of IB: `request_id` is the order or request it is about, -1 for none.

    `policy` says what it means for the order under `ref` (conf/ib_errors.toml): only `terminal` ends it.
    """

    request_id: int
    code: int
    text: str
    ref: str
    received_ns: int
    policy: Policy = "query"
