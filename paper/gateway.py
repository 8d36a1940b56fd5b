"""The gateway as a whole, without its sockets: market, engine, account and the clients that are connected.

Events of the engine become frames for whom they concern and records in the ledger, in that order of events.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from paper import bar_feeds, feeds
from paper import messages_out as out
from paper.account import Account
from paper.book import Ids
from paper.clock import Clock
from paper.contracts import Catalog
from paper.engine import Engine
from paper.history import History
from paper.hours import Phase, boundaries, load_calendar, phase_of
from paper.ledger import Ledger
from paper.market import Market
from paper.order_out import open_order
from paper.orders import (
    Accepted,
    Charged,
    Event,
    Executed,
    Execution,
    Order,
    OrderOpened,
    PositionChanged,
    Refused,
    StatusReported,
    WhatIfAnswered,
)
from paper.session import Session
from paper.settings import Settings
from paper.state import State

_PNL_EVERY = timedelta(seconds=1)
_ACCOUNT_EVERY = timedelta(minutes=3)


class Gateway:
    """One account's gateway. The caller moves it on with `tick` and writes out the sessions' outboxes."""

    def __init__(self, settings: Settings, clock: Clock, ledger: Ledger) -> None:
        now = clock.now()
        load_calendar(now.date())
        self.settings = settings
        self.clock = clock
        self.ledger = ledger
        self.catalog = Catalog(settings.spots)
        self.market = Market(self.catalog, settings.seed, settings.market, now)
        self.history = History(self.catalog, self.market, settings.seed, settings.hours, now)
        self.market.day_of = self.history.day_of
        self.account = Account(settings.account, settings.cash)
        ids = Ids(now)
        self.engine = Engine(self.catalog, self.market, self.account, ids, settings.hours, settings.switches)
        self.state = State(settings.state, self.engine.book, self.account)
        ids.continue_after(self.engine.book)
        self.sessions: dict[int, Session] = {}
        self._moved_to = now
        self._pnl_due = now
        self._account_due = now + _ACCOUNT_EVERY

    def detach(self, session: Session) -> None:
        """Forget a client whose connection ended; its orders keep working."""
        client_id = session.client_id
        if client_id is not None and self.sessions.get(client_id) is session:
            del self.sessions[client_id]
            self.ledger.append("client", client_id=client_id, action="gone")

    def tick(self) -> None:
        """Let the market move up to the present, trade what trades, and send what subscriptions are due."""
        now = self.clock.now()
        for moment, boundary in boundaries(self.settings.hours, self._moved_to, now):
            self.publish(self.engine.pass_boundary(boundary, moment))
        self._moved_to = now
        shut = phase_of(self.settings.hours, now) is Phase.CLOSED
        changed = frozenset[int]() if shut else self.market.step(now)
        self.publish(self.engine.tick(changed, now))
        if not shut:
            self.history.observe(now)
        for session in self.sessions.values():
            feeds.push_quotes(session, self.market, changed, now)
            bar_feeds.push_depths(session, self.market, changed)
            bar_feeds.push_bars(session, self.history, now)
        if now >= self._pnl_due:
            self._pnl_due = now + _PNL_EVERY
            for session in self.sessions.values():
                feeds.push_pnl(session, self.account, self.market)
        if now >= self._account_due:
            self._push_account(now)

    def publish(self, events: Iterable[Event]) -> None:
        """Tell the ledger and the clients what happened."""
        events = list(events)
        self.state.follow(events)
        for event in events:
            self._record(event)
            match event:
                case Accepted(order) if order.order_id < 0:
                    bound = self.sessions.get(order.client_id)
                    if bound is not None and bound.binds_manual:
                        bound.send(out.order_bound(order))
                case PositionChanged():
                    self._account_due = self.clock.now()
                    for session in self.sessions.values():
                        feeds.push_position(session, self.account, event.instrument)
                case _:
                    owner = self.sessions.get(_owner(event))
                    if owner is not None:
                        owner.send(*self._frames(event, owner.version))

    def _frames(self, event: Event, version: int) -> tuple[bytes, ...]:
        """An event in the words of one protocol version."""
        style = self.engine.switches.execution_time
        match event:
            case OrderOpened(order):
                return (open_order(order, version),)
            case StatusReported(order):
                return (out.order_status(order),)
            case Executed(execution):
                return (out.exec_details(-1, execution, self.account.name, style),)
            case Charged(execution):
                return (out.commission_report(execution),)
            case WhatIfAnswered(order, margin):
                return (open_order(order, version, margin),)
            case Refused():
                return (out.error(event.order_id, event.code, event.text, version),)
            case _:
                return ()

    def _push_account(self, now: datetime) -> None:
        self._account_due = now + _ACCOUNT_EVERY
        for session in self.sessions.values():
            feeds.push_account(session, self.account, self.market, now)

    def _record(self, event: Event) -> None:
        match event:
            case Accepted(order):
                self.ledger.append("order", **_order_record(order))
            case Executed(execution):
                self.ledger.append("execution", **_execution_record(execution))
            case Refused():
                self.ledger.append(
                    "error",
                    client_id=event.client_id,
                    order_id=event.order_id,
                    code=event.code,
                    text=event.text,
                )


def _owner(event: Event) -> int:
    """The client an event is for; -1 when it is for nobody."""
    match event:
        case OrderOpened(order) | StatusReported(order) | WhatIfAnswered(order, _):
            return order.client_id
        case Executed(execution) | Charged(execution):
            return execution.order.client_id
        case Refused():
            return event.client_id
        case _:
            return -1


def _order_record(order: Order) -> dict[str, object]:
    terms = order.terms
    return {
        "client_id": order.client_id,
        "order_id": order.order_id,
        "perm_id": order.perm_id,
        "order_ref": terms.order_ref,
        "parent_id": terms.parent_id,
        "con_id": order.instrument.con_id,
        "local_symbol": order.instrument.local_symbol,
        "action": terms.action,
        "quantity": order.quantity,
        "order_type": terms.order_type,
        "limit": terms.limit,
        "aux": terms.aux,
        "tif": terms.tif,
        "oca_group": terms.oca_group,
    }


def _execution_record(execution: Execution) -> dict[str, object]:
    order = execution.order
    return {
        "exec_id": execution.exec_id,
        "client_id": order.client_id,
        "order_id": order.order_id,
        "perm_id": order.perm_id,
        "order_ref": order.terms.order_ref,
        "con_id": order.instrument.con_id,
        "local_symbol": order.instrument.local_symbol,
        "action": order.terms.action,
        "shares": execution.shares,
        "price": execution.price,
        "commission": execution.commission,
    }
