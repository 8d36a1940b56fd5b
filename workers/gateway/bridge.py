"""What IB says -> bus messages, one callback each.

Knows the wire's fields and the router's messages; holds only what joins them: which orderRef an order has,
and which executions still wait for their commission. Nothing here knows the library or the socket. A message
that cannot be true raises ValueError; the caller keeps it aside.
Field numbers follow the TWS text protocol at server versions 157 to 176.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from conf.ib_errors import Policy
from router.end import OrderKey, ended, order_key
from router.messages import (
    Action,
    Adjustment,
    BrokerError,
    CommissionReport,
    ContractSpec,
    ExecutionFill,
    OrderLifecycleEvent,
    PnLSnapshot,
    PositionSnapshot,
)
from router.stops import TRAILS
from workers.gateway.values import (
    amount,
    contract_spec,
    execution_time,
    from_contract,
    number,
    required,
    superseded,
    whole,
)

LIVE_REQUEST = -1  # request id of an execution that was not asked for
KEEP = 5_000  # ended orders, and executions without a commission, that are remembered
AMOUNT = 0  # adjustableTrailingUnit; anything else is percent
ACTIONS: dict[str, Action] = {"BOT": "BUY", "SLD": "SELL"}


class Bridge:
    """Turns callbacks into messages and joins what IB leaves apart."""

    def __init__(self) -> None:
        self.client_id = 0  # order ids mean something for this client only
        self._orders: dict[OrderKey, OrderLifecycleEvent] = {}  # newest word on each order
        self._ended: deque[OrderKey] = deque()  # in the order of their last words
        self._placed: dict[int, str] = {}  # refs by order id of what IB has not said a word on
        # only those still without a commission report; a plain dict is slow to lose its first key
        self._refs_by_execution: OrderedDict[str, str] = OrderedDict()

    def placed(self, order_id: int, ref: str) -> None:
        """An order is on its way: IB may refuse it by its id alone, without ever telling of the order."""
        self._placed[order_id] = ref

    def open_order(
        self, order_id: int, contract: Any, order: Any, status: str, *, replayed: bool, now_ns: int
    ) -> OrderLifecycleEvent:
        """openOrder. It says nothing of fills, so those are kept from the last status."""
        known = self._known(order.permId, order.clientId, order_id)
        event = OrderLifecycleEvent(
            origin="open",
            ref=order.orderRef,
            perm_id=order.permId,
            order_id=order_id,
            client_id=order.clientId,
            account=order.account,
            contract=contract if isinstance(contract, ContractSpec) else from_contract(contract),
            action=order.action,
            order_type=order.orderType,
            quantity=amount(order.totalQuantity),
            limit_price=_price(order.lmtPrice),
            stop_price=_price(order.auxPrice),
            tif=order.tif,
            parent_id=order.parentId,
            oca_group=order.ocaGroup,
            status=status,
            filled=known.filled if known else 0.0,
            remaining=known.remaining if known else amount(order.totalQuantity),
            avg_fill_price=known.avg_fill_price if known else None,
            why_held=known.why_held if known else "",
            replayed=replayed,
            received_ns=now_ns,
            oca_type=order.ocaType,
            outside_rth=bool(order.outsideRth),
            trail_percent=_price(order.trailingPercent) if order.orderType in TRAILS else None,
            trail_stop=_price(order.trailStopPrice) if order.orderType in TRAILS else None,
            adjustment=_adjustment(order),
            good_till=order.goodTillDate,
            algo=order.algoStrategy,
            algo_params=tuple((tag, value) for tag, value in order.algoParams),
        )
        self._keep(event)
        return event

    def completed_order(self, contract: Any, order: Any, state: Any, *, now_ns: int) -> OrderLifecycleEvent:
        """completedOrder: joined to its order by permId only, and only ever an answer to a request."""
        known = self._orders.get(order.permId)
        filled = amount(order.filledQuantity)
        event = OrderLifecycleEvent(
            origin="completed",
            ref=order.orderRef,
            perm_id=order.permId,
            order_id=known.order_id if known else 0,
            client_id=known.client_id if known else 0,
            account=order.account,
            contract=from_contract(contract),
            action=order.action,
            order_type=order.orderType,
            quantity=amount(order.totalQuantity) or filled,
            limit_price=_price(order.lmtPrice),
            stop_price=_price(order.auxPrice),
            tif=order.tif,
            parent_id=0,
            oca_group=order.ocaGroup,
            status=state.status,
            filled=filled,
            remaining=max(0.0, amount(order.totalQuantity) - filled),
            avg_fill_price=known.avg_fill_price if known else None,
            why_held="",
            replayed=True,
            received_ns=now_ns,
            reason=state.completedStatus,
        )
        self._keep(event)
        return event

    def order_status(self, fields: Sequence[str], *, replayed: bool, now_ns: int) -> OrderLifecycleEvent:
        """orderStatus (3): the terms come from the last openOrder of the same order, the ref at least from what
        this client has placed under its id."""
        _, order_id, status, filled, remaining, average, perm_id, parent_id, _, client_id, why_held, *_ = (
            fields
        )
        perm, client, order = whole(perm_id), whole(client_id), whole(order_id)
        known = self._known(perm, client, order) or UNKNOWN_ORDER
        quantity, rest = number(filled), number(remaining)
        ref = known.ref or (self._placed.get(order, "") if client == self.client_id else "")
        event = msgspec.structs.replace(
            known,
            origin="status",
            ref=ref,
            perm_id=perm,
            order_id=order,
            client_id=client,
            parent_id=whole(parent_id),
            status=status,
            filled=known.filled if quantity is None else quantity,
            remaining=known.remaining if rest is None else rest,
            avg_fill_price=number(average) if quantity else None,
            why_held=why_held,
            replayed=replayed,
            received_ns=now_ns,
        )
        self._keep(event)
        return event

    def execution(self, fields: Sequence[str], *, now_ns: int, now: Callable[[], datetime]) -> ExecutionFill:
        """execDetails (11). The venue is its own exchange field; the contract keeps the routing exchange."""
        request_id, order_id = fields[1:3]
        exec_id, time_text, account, venue, side, shares, price, perm_id, client_id = fields[14:23]
        cum_quantity, avg_price, ref = fields[24:27]
        action = ACTIONS.get(side)
        if action is None:
            raise ValueError(f"side is {side!r}")
        fill = ExecutionFill(  # in the order of its fields: named, so many take five times as long
            exec_id,
            ref,
            whole(perm_id),
            whole(order_id),
            whole(client_id),
            account,
            contract_spec(fields[3:14]),
            action,
            required(shares, "shares"),
            required(price, "price"),
            amount(cum_quantity),
            amount(avg_price),
            venue,
            execution_time(time_text, now),
            whole(request_id) != LIVE_REQUEST,
            now_ns,
            superseded(exec_id),
        )
        self._refs_by_execution[exec_id] = ref
        if len(self._refs_by_execution) > KEEP:
            self._refs_by_execution.popitem(last=False)
        return fill

    def commission(self, fields: Sequence[str], *, replayed: bool, now_ns: int) -> CommissionReport:
        """commissionReport (59). `ref` is empty when it came before its execution: join by exec_id."""
        _, _, exec_id, commission, currency, realized, *_ = fields
        return CommissionReport(
            exec_id=exec_id,
            ref=self._refs_by_execution.pop(exec_id, ""),
            commission=required(commission, "commission"),
            currency=currency,
            realized_pnl=number(realized),
            replayed=replayed,
            received_ns=now_ns,
        )

    def error(
        self, request_id: int, code: int, text: str, policy: Policy = "query", *, now_ns: int
    ) -> BrokerError:
        """error (4), joined to an orderRef when the id is that of a live order of ours."""
        ref = self.ref_of(request_id)
        return BrokerError(request_id, code, text, ref, now_ns, policy)

    def unheard(self, order_id: int) -> bool:
        """Whether IB has not said a word on this order yet, but for errors that name its id."""
        return order_id in self._placed

    def ref_of(self, order_id: int) -> str:
        """The orderRef of this client's newest order with this id, or an empty text."""
        mine = [
            event.ref
            for event in self._orders.values()
            if event.order_id == order_id and event.client_id == self.client_id
        ]
        return self._placed.get(order_id) or (mine[-1] if mine and order_id > 0 else "")

    def forget_ended(self) -> None:
        """Drop the orders that ended: called before a rebuild, whose answers bring today's back."""
        self._orders = {key: event for key, event in self._orders.items() if not ended(event)}
        self._ended.clear()
        self._refs_by_execution.clear()

    def _known(self, perm_id: int, client_id: int, order_id: int) -> OrderLifecycleEvent | None:
        return self._orders.get(perm_id or (client_id, order_id)) or self._orders.get((client_id, order_id))

    def _keep(self, event: OrderLifecycleEvent) -> None:
        self._orders.pop((event.client_id, event.order_id), None)  # what was said before it had a permId
        key = order_key(event)
        before = self._orders.get(key)
        self._orders[key] = event
        if event.client_id == self.client_id and event.ref:
            self._placed.pop(event.order_id, None)
        if ended(event) and (before is None or not ended(before)):  # IB repeats the end of an order
            self._ended.append(key)
            if len(self._ended) > KEEP:
                self._drop_ended(self._ended.popleft())

    def _drop_ended(self, key: OrderKey) -> None:
        event = self._orders.get(key)
        if event is not None and ended(event):
            del self._orders[key]


def position(fields: Sequence[str], *, replayed: bool, now_ns: int) -> PositionSnapshot:
    """position (61)."""
    return PositionSnapshot(
        account=fields[2],
        contract=contract_spec(fields[3:14]),
        quantity=required(fields[14], "position"),
        avg_cost=amount(fields[15]),
        replayed=replayed,
        received_ns=now_ns,
    )


def pnl(fields: Sequence[str], account: str, *, now_ns: int) -> PnLSnapshot:
    """pnl (94): the whole account's."""
    _, _, daily, unrealized, realized, *_ = fields
    return PnLSnapshot(
        account=account,
        con_id=0,
        daily=number(daily),
        unrealized=number(unrealized),
        realized=number(realized),
        value=None,
        received_ns=now_ns,
    )


def _price(value: Any) -> float | None:
    """A limit or stop price; IB writes 0 where an order has none."""
    return number(value) or None


def _adjustment(order: Any) -> Adjustment | None:
    """The one-time change that an adjustable stop still has before it; IB writes `None` where there is none."""
    trigger, stop = _price(order.triggerPrice), _price(order.adjustedStopPrice)
    if order.adjustedOrderType in ("", "None") or trigger is None or stop is None:
        return None
    trailing, by_amount = _price(order.adjustedTrailingAmount), order.adjustableTrailingUnit == AMOUNT
    return Adjustment(
        trigger_price=trigger,
        order_type=order.adjustedOrderType,
        stop_price=stop,
        trail_percent=None if by_amount else trailing,
        limit_price=_price(order.adjustedStopLimitPrice),
        trail_amount=trailing if by_amount else None,
    )


UNKNOWN_ORDER = OrderLifecycleEvent(
    origin="status",
    ref="",
    perm_id=0,
    order_id=0,
    client_id=0,
    account="",
    contract=None,
    action="",
    order_type="",
    quantity=0.0,
    limit_price=None,
    stop_price=None,
    tif="",
    parent_id=0,
    oca_group="",
    status="",
    filled=0.0,
    remaining=0.0,
    avg_fill_price=None,
    why_held="",
    replayed=False,
    received_ns=0,
)
