"""What a message is about: a signal, a delivery of it, an order. Pure.

IB names an order by its orderRef in most messages; in some only by permId or execId, which others of them tie
to the orderRef. So a subject is learned first, from all messages, and asked about afterwards.
"""

from __future__ import annotations

from typing import Literal

from router.bracket import stem_of
from router.messages import CommissionReport, ExecutionFill, Message, OrderLifecycleEvent, OrderSent

What = Literal["signal", "delivery", "order"]


class Subject:
    """One signal, delivery or order (by orderRef), and the names that belong to it."""

    def __init__(self, what: What, name: str) -> None:
        self._what = what
        self._name = name
        self._executions: set[str] = set()
        self._perm_ids: set[int] = set()

    def learn(self, message: Message) -> None:
        """Take note of the execIds and permIds that this message ties to it."""
        if not self._named_in(message):
            return
        if isinstance(message, ExecutionFill):
            self._executions.add(message.exec_id)
        if isinstance(message, ExecutionFill | OrderLifecycleEvent) and message.perm_id:
            self._perm_ids.add(message.perm_id)

    def concerns(self, message: Message) -> bool:
        """Whether this message is about it."""
        if self._named_in(message):
            return True
        match message:
            case CommissionReport():
                return message.exec_id in self._executions
            case OrderLifecycleEvent() | ExecutionFill():
                return message.perm_id in self._perm_ids
            case OrderSent():
                return self._what == "order" and message.delivery == stem_of(self._name)
            case _:
                return False

    def _named_in(self, message: Message) -> bool:
        refs = refs_of(message)
        if self._what == "order":
            return self._name in refs
        deliveries = {*deliveries_of(message), *filter(None, map(stem_of, refs))}
        if self._what == "delivery":
            return self._name in deliveries
        signals = {delivery.rpartition("-")[0] for delivery in deliveries}
        return self._name in signals or self._name in signals_of(message)


def refs_of(message: Message) -> set[str]:
    """The orderRefs that a message names."""
    refs = {leg.ref for leg in getattr(message, "legs", ())}
    return refs | {ref for ref in (getattr(message, "ref", ""),) if ref}


def deliveries_of(message: Message) -> set[str]:
    """The deliveries that a message names itself."""
    return {name for name in (getattr(message, "delivery", ""), getattr(message, "name", "")) if name}


def signals_of(message: Message) -> set[str]:
    """The signals that a message names itself."""
    signal = getattr(message, "signal", None)
    names = (getattr(message, "signal_id", ""), signal.id if signal is not None else "")
    return {name for name in names if name}
