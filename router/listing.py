"""What IB, connected and asked for all, does not list any more: positions that are not held, entries that do not work. Pure.

IB says nothing of what ended while nobody was connected, but for the orders and executions of its own day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.delivery import Delivery
from router.end import ended
from router.holding import Holding
from router.messages import Alert, LinkPhase, LinkState, Message, OrderLifecycleEvent, PositionSnapshot


def unlisted(messages: Sequence[Message], holdings: Iterable[Holding]) -> list[PositionSnapshot]:
    """The positions that are over, each as IB would have said it. `messages`: a snapshot, or a LinkState with a list."""
    if not _asked(messages):
        return []
    places = {(m.account, m.contract.con_id) for m in messages if isinstance(m, PositionSnapshot)}
    anywhere: set[int] = set()  # in whatever account
    for link in _links(messages):
        if link.holders:
            places.update(zip(link.holders, link.held or (), strict=True))
        else:
            anywhere.update(link.held or ())
    return [
        PositionSnapshot(one.account, one.contract, 0.0, 0.0, replayed=True, received_ns=0)
        for one in holdings
        if one.shown
        and one.contract.con_id not in anywhere
        and (one.account, one.contract.con_id) not in places
    ]


def lapsed(messages: Sequence[Message], deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The deliveries whose entry IB has told of, has told no end of, and does not list as working."""
    working = _working(messages)
    if working is None or not _asked(messages):
        return []
    return [
        one
        for one in deliveries
        if one.progress.pending_told
        and one.progress.entry.status  # else it is in doubt, which the gateway finds out about
        and not one.progress.entry.ended_ms
        and f"{one.name}-E" not in working
    ]


def end_unknown(delivery: Delivery) -> Alert:
    """An entry of which IB does not say any more how it ended."""
    signal, contract = delivery.request.signal, delivery.request.contract
    return Alert(
        kind="entry_end_unknown",
        severity="warning",
        text="IB lists the order no longer and does not say how it ended: told as cancelled",
        ref=f"{delivery.name}-E",
        signal_id=signal.id,
        symbol=contract.symbol,
    )


def _links(messages: Sequence[Message]) -> list[LinkState]:
    return [message for message in messages if isinstance(message, LinkState)]


def _asked(messages: Sequence[Message]) -> bool:
    return any(link.phase is LinkPhase.READY for link in _links(messages))


def _working(messages: Sequence[Message]) -> set[str] | None:
    """OrderRefs of the entries that work; a snapshot has the orders themselves. None in journals from before."""
    lists = [link for link in _links(messages) if link.held is not None]
    if not lists:
        orders = (message for message in messages if isinstance(message, OrderLifecycleEvent))
        return {order.ref for order in orders if not ended(order)}
    return None if lists[0].working is None else set(lists[0].working)
