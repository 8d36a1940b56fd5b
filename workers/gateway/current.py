"""What IB last said of everything: the snapshot a late subscriber starts from. Pure; nothing decides by it.

The snapshot also has what is over by now: a subscriber that has to begin anew in the middle of a day may not have
heard of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from router import foreign
from router.bracket import stem_of
from router.end import OrderKey, ended, order_key
from router.exposure import Place
from router.fills import filled_by, not_before
from router.messages import (
    AccountSnapshot,
    BrokerError,
    CancelOrders,
    CommissionReport,
    ContractSpec,
    ExecutionFill,
    LinkState,
    OrderLifecycleEvent,
    PnLSnapshot,
    PositionSnapshot,
    Quote,
)
from router.messages import Message as BusMessage
from workers.gateway.hearing import Hears, tell
from workers.gateway.newest import Newest

PARENT_NOT_FOUND = 135  # of an order whose parent has ended
KEEP = 1_000  # orders that ended, executions and commission reports, of each the newest: what memory may cost


class Current:
    """The newest message per order, position, PnL, account and quote."""

    def __init__(self) -> None:
        self.link: LinkState | None = None
        self._orders: dict[OrderKey, OrderLifecycleEvent] = {}
        self._ended: Newest[OrderLifecycleEvent] = Newest(KEEP, order_key)
        self._executions: Newest[ExecutionFill | CommissionReport] = Newest(
            2 * KEEP, lambda one: (type(one), one.exec_id)
        )
        self._positions: dict[tuple[str, int], PositionSnapshot] = {}
        self._places: dict[tuple[str, int], Place] = {}  # the same with the executions IB's word lags behind
        self._rebuilt: set[tuple[str, int]] = set()
        self._pnl: dict[tuple[str, int], PnLSnapshot] = {}
        self._accounts: dict[str, AccountSnapshot] = {}
        self._quotes: dict[int, Quote] = {}
        # refs whose parent IB did not find any more when they were modified
        self.parentless: OrderedDict[str, None] = OrderedDict()
        self.hears: Hears = {
            OrderLifecycleEvent: self._on_order,
            ExecutionFill: self._on_fill,
            CommissionReport: self._executions.add,
            PositionSnapshot: self._on_position,
            PnLSnapshot: self._on_pnl,
            AccountSnapshot: self._on_account,
            Quote: self._on_quote,
            LinkState: self._on_link,
            BrokerError: self._on_error,
        }

    def observe(self, message: BusMessage) -> None:
        """Keep the newest word; ended orders and flat positions are dropped."""
        tell(self.hears, message)

    def _on_order(self, event: OrderLifecycleEvent) -> None:
        self._orders.pop((event.client_id, event.order_id), None)  # before it had a permId
        key = order_key(event)
        known = self._orders.pop(key, None)
        if ended(event):
            self._ended.add(event)
        else:
            self._orders[key] = not_before(event, known)

    def _on_fill(self, fill: ExecutionFill) -> None:
        self._executions.add(fill)
        order = self._orders.get(fill.perm_id)
        if order is not None:
            self._orders[fill.perm_id] = filled_by(order, fill)
        if not fill.replayed and not fill.supersedes:  # else it is part of the position already
            delta = fill.quantity if fill.action == "BUY" else -fill.quantity
            self._place(fill.account, fill.contract).executed(delta, fill.received_ns)

    def _on_position(self, position: PositionSnapshot) -> None:
        place = (position.account, position.contract.con_id)
        self._rebuilt.add(place)
        if abs(position.quantity) > 0:
            self._positions[place] = position
        else:
            self._positions.pop(place, None)
        self._place(position.account, position.contract).observed(
            position.quantity, position.received_ns, asked=position.replayed
        )

    def _place(self, account: str, contract: ContractSpec) -> Place:
        key = (account, contract.con_id)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(account, contract)
        return place

    def _on_pnl(self, pnl: PnLSnapshot) -> None:
        self._pnl[pnl.account, pnl.con_id] = pnl

    def _on_account(self, account: AccountSnapshot) -> None:
        self._accounts[account.account] = account

    def _on_quote(self, quote: Quote) -> None:
        self._quotes[quote.con_id] = quote

    def _on_link(self, link: LinkState) -> None:
        self.link = link

    def _on_error(self, error: BrokerError) -> None:
        if error.code == PARENT_NOT_FOUND:
            self.parentless[error.ref] = None
            self.parentless.move_to_end(error.ref)
            if len(self.parentless) > KEEP:
                self.parentless.popitem(last=False)

    def begin_rebuild(self) -> None:
        """A new connection asks for everything again."""
        self._rebuilt.clear()
        self._places.clear()
        self._orders.clear()

    def vanished(self, now_ns: int) -> list[PositionSnapshot]:
        """Positions known before the rebuild that IB no longer lists: they are flat, and IB won't say so."""
        gone = [key for key in self._positions if key not in self._rebuilt]
        return [
            msgspec.structs.replace(self._positions[key], quantity=0.0, replayed=True, received_ns=now_ns)
            for key in gone
        ]

    def unlisted(
        self, errors: Iterable[BrokerError], client_id: int, now_ns: int
    ) -> list[OrderLifecycleEvent]:
        """The ends of this client's live orders that these errors were about: IB, asked again, lists them no longer."""
        return [
            foreign.unlisted(event, f"no longer listed by IB after error {error.code}: {error.text}", now_ns)
            for error in errors
            for event in self.live_orders((error.ref,), client_id)
        ]

    def live_orders(self, refs: tuple[str, ...], client_id: int) -> list[OrderLifecycleEvent]:
        """This client's live orders under these orderRefs; the order ids of another client are not ours to use."""
        wanted = set(refs)
        return [
            event for event in self._orders.values() if event.ref in wanted and event.client_id == client_id
        ]

    def works(self, ref: str, client_id: int) -> bool:
        """Whether an order of this client works under this orderRef."""
        return bool(ref and self.live_orders((ref,), client_id))

    def matching(self, command: CancelOrders, client_id: int) -> list[OrderLifecycleEvent]:
        """This client's live orders that a cancel names by orderRef, permId, or signal or a delivery of it."""
        perm_ids, signals = set(command.perm_ids), set(command.signals)
        found = self.live_orders(command.refs, client_id)
        for event in self._orders.values():
            stem = stem_of(event.ref)  # a signal's id may begin with another one's
            of_signal = not signals.isdisjoint({stem, stem.rpartition("-")[0]} - {""})
            if event.client_id == client_id and (event.perm_id in perm_ids or of_signal):
                found.append(event)
        return list({event.order_id: event for event in found}.values())

    def is_live(self, client_id: int, order_id: int) -> bool:
        """Whether an order of that client works."""
        return any((e.client_id, e.order_id) == (client_id, order_id) for e in self._orders.values())

    def order(self, key: OrderKey) -> OrderLifecycleEvent | None:
        """IB's newest word on a live order."""
        return self._orders.get(key)

    def orders(self) -> list[OrderLifecycleEvent]:
        """Every live order of every client."""
        return list(self._orders.values())

    def positions(self) -> list[PositionSnapshot]:
        """Every position that is not flat, as IB last said."""
        return list(self._positions.values())

    def places(self, account: str) -> list[Place]:
        """What is held there by IB's word and the executions since: what to trust before anything is sold."""
        return [place for place in self._places.values() if place.account == account]

    def routable(self, contract: ContractSpec) -> ContractSpec:
        """The contract with an exchange to route to: IB's positions name none."""
        return contract if contract.exchange else msgspec.structs.replace(contract, exchange="SMART")

    def live_refs(self) -> tuple[str, ...]:
        """The orderRefs of all live orders, of every client."""
        return tuple(event.ref for event in self._orders.values() if event.ref)

    def snapshot(self) -> list[BusMessage]:
        """Everything, as messages marked replayed where they can be."""
        link = [self.link] if self.link is not None else []
        replayed = [
            *self._ended.values(),
            *self._orders.values(),
            *self._executions.values(),
            *self._positions.values(),
            *self._accounts.values(),
        ]
        marked = [msgspec.structs.replace(message, replayed=True) for message in replayed]
        return [*link, *marked, *self._pnl.values(), *self._quotes.values()]
