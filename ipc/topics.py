"""One table: which message travels where, from whom, to whom.

A topic's messages are written once, as a union type; `TOPICS` names that union, and everything else is derived
from the table. `COMMANDS` is the same for commands and their replies.

A *journalled* topic is written to the publisher's journal, counted in its `seq`, and repaired by replay. An
*ephemeral* one (quote, heartbeat) is none of these: the next message of its kind makes up for a lost one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from router import messages as m

Trade = (
    m.OrderIntent
    | m.OrderSent
    | m.OrderParked
    | m.OrderChange
    | m.OrderLifecycleEvent
    | m.ExecutionFill
    | m.CommissionReport
    | m.BrokerError
)
Portfolio = m.PositionSnapshot | m.PnLSnapshot | m.AccountSnapshot
Decision = (
    m.SignalReceived | m.SignalGated | m.SignalSized | m.SignalRefused | m.OrderSubmitted | m.OrderTimedOut
)
BusMessage = Trade | Portfolio | m.Quote | m.LinkState | Decision | m.Alert | m.Published | m.Heartbeat


class Topic(NamedTuple):
    """One topic. `subscribers` are the workers that hear it; `router tail` may hear everything."""

    name: str
    kinds: tuple[type[m.Message], ...]
    publishers: tuple[str, ...]
    subscribers: tuple[str, ...]
    journalled: bool = True


def _kinds(union: Any) -> tuple[type[m.Message], ...]:
    return get_args(union) or (union,)


# fmt: off
_TABLE = (
    #      name         messages               publishers                subscribers
    Topic("trade",      _kinds(Trade),         ("gateway",),             ("submission", "dispatch")),
    Topic("portfolio",  _kinds(Portfolio),     ("gateway",),             ("sizing", "submission", "dispatch", "monitor")),
    Topic("quote",      _kinds(m.Quote),       ("gateway",),             ("sizing", "submission"), journalled=False),
    Topic("link",       _kinds(m.LinkState),   ("gateway",),             ("sizing", "submission", "dispatch", "monitor")),
    Topic("decision",   _kinds(Decision),      ("sizing", "submission"), ("dispatch",)),
    Topic("alert",      _kinds(m.Alert),       ("gateway", "sizing", "submission"), ("dispatch", "monitor")),
    Topic("egress",     _kinds(m.Published),   ("dispatch",),            ()),
    Topic("heartbeat",  _kinds(m.Heartbeat),   ("gateway", "sizing", "submission", "dispatch", "monitor"),
                                               ("dispatch", "monitor"), journalled=False),
)
# fmt: on

HEARTBEAT = "heartbeat"  # every subscriber hears it: its frame says how far the other topics have come
TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _TABLE})
TOPIC_OF: Mapping[type[m.Message], Topic] = MappingProxyType(
    {kind: topic for topic in _TABLE for kind in topic.kinds}
)
JOURNALLED = frozenset(topic.name for topic in _TABLE if topic.journalled)
EPHEMERAL = frozenset(TOPICS) - JOURNALLED


def published_by(process: str) -> Mapping[type[m.Message], Topic]:
    """What a process may publish, by message type. Empty for a process that the table does not know."""
    return {kind: topic for kind, topic in TOPIC_OF.items() if process in topic.publishers}


def subscriptions_of(process: str) -> Mapping[str, tuple[str, ...]]:
    """What a process listens to: publisher -> names of topics. Nobody listens to itself."""
    wanted: dict[str, tuple[str, ...]] = {}
    for topic in _TABLE:
        if process in topic.subscribers:
            for publisher in topic.publishers:
                wanted[publisher] = (*wanted.get(publisher, ()), topic.name)
    wanted.pop(process, None)
    return wanted


# ---------------------------------------------------------------- commands

Command = (
    m.PrepareContract
    | m.FindDelivery
    | m.OrderRequest
    | m.PlaceBracket
    | m.PlaceOrders
    | m.ModifyOrder
    | m.CancelOrders
    | m.CancelAll
    | m.Flatten
    | m.HoldingsQuery
    | m.ParkedQuery
    | m.ResolveParked
    | m.StatusQuery
)
Reply = (
    m.ContractReady
    | m.PlaceReply
    | m.ModifyReply
    | m.CancelReply
    | m.FlattenReply
    | m.HoldingsReply
    | m.ParkedReply
    | m.StatusReply
    | m.CommandRefused
)


class Route(NamedTuple):
    """One command. A *query* is answered anew each time it comes; any other reply is kept and repeated."""

    receivers: tuple[str, ...]
    replies: tuple[type[m.Message], ...]
    query: bool = False


# fmt: off
COMMANDS: Mapping[type[m.Message], Route] = MappingProxyType({
    m.PrepareContract: Route(("gateway",),              (m.ContractReady,), query=True),
    m.FindDelivery:    Route(("submission", "gateway"), (m.PlaceReply,), query=True),
    m.OrderRequest:    Route(("submission",),           (m.PlaceReply,)),
    m.PlaceBracket:    Route(("gateway",),              (m.PlaceReply,)),
    m.PlaceOrders:     Route(("gateway",),              (m.PlaceReply,)),
    m.ModifyOrder:     Route(("gateway",),              (m.ModifyReply,)),
    m.CancelOrders:    Route(("gateway",),              (m.CancelReply,)),
    m.CancelAll:       Route(("gateway",),              (m.CancelReply,)),
    m.Flatten:         Route(("gateway",),              (m.FlattenReply,)),
    m.HoldingsQuery:   Route(("gateway",),              (m.HoldingsReply,), query=True),
    m.ParkedQuery:     Route(("gateway",),              (m.ParkedReply,), query=True),
    m.ResolveParked:   Route(("gateway",),              (m.PlaceReply,)),
    m.StatusQuery:     Route(("monitor",),              (m.StatusReply,), query=True),
})  # every receiver may also answer CommandRefused
# fmt: on
