"""Answers to requests about orders and executions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from paper import messages_out as out
from paper import requests as rq
from paper.gateway import Gateway
from paper.order_out import completed_order, open_order
from paper.orders import Execution
from paper.session import Session


def _place(gateway: Gateway, session: Session, request: rq.PlaceOrder) -> None:
    client_id, terms = _client(session), request.terms
    gateway.ledger.append(
        "request",
        name="PlaceOrder",
        client_id=client_id,
        order_id=request.order_id,
        order_ref=terms.order_ref,
        transmit=terms.transmit,
        what_if=terms.what_if,
    )
    gateway.publish(gateway.engine.place(client_id, request.order_id, terms, gateway.clock.now()))


def _cancel(gateway: Gateway, session: Session, request: rq.CancelOrder) -> None:
    client_id = _client(session)
    gateway.ledger.append("request", name="CancelOrder", client_id=client_id, order_id=request.order_id)
    gateway.publish(gateway.engine.cancel(client_id, request.order_id, gateway.clock.now()))


def _global_cancel(gateway: Gateway, session: Session, request: rq.GlobalCancel) -> None:
    gateway.ledger.append("request", name="GlobalCancel", client_id=_client(session))
    gateway.publish(gateway.engine.cancel_all(gateway.clock.now(), session.client_id))


def _open_orders(gateway: Gateway, session: Session, request: rq.OpenOrders) -> None:
    for order in gateway.engine.book.live_orders():
        if request.everyone or order.client_id == session.client_id:
            known = order.order_id > 0 or session.client_id == order.client_id
            shown = (
                order if known else replace(order, order_id=0)
            )  # only client 0 knows handmade ones by an id
            session.send(open_order(shown, session.version), out.order_status(shown))
    session.send(out.open_order_end())


def _auto_open_orders(gateway: Gateway, session: Session, request: rq.AutoOpenOrders) -> None:
    if session.client_id != 0:
        text = "Error validating request.-'bD' : cause - Only the default client (i.e 0) can auto bind orders"
        session.send(out.error(-1, 321, text, session.version))
    else:
        session.binds_manual = request.bind


def _completed_orders(gateway: Gateway, session: Session, request: rq.CompletedOrders) -> None:
    for order in gateway.engine.book.orders.values():
        if not order.is_live:
            session.send(completed_order(order, session.version))
    session.send(out.completed_orders_end())


def _executions(gateway: Gateway, session: Session, request: rq.Executions) -> None:
    """All executions first, then all their commissions, then the end."""
    found = [one for one in gateway.engine.book.executions if _fits(one, request)]
    account = gateway.account.name
    style = gateway.engine.switches.execution_time
    session.send(*(out.exec_details(request.req_id, one, account, style) for one in found))
    session.send(*(out.commission_report(one) for one in found))
    session.send(out.exec_details_end(request.req_id))


def _fits(one: Execution, request: rq.Executions) -> bool:
    order = one.order
    side = "BUY" if order.terms.buys else "SELL"
    return (
        request.client_id in (0, order.client_id)
        and request.symbol in ("", order.instrument.symbol)
        and request.sec_type in ("", order.instrument.sec_type)
        and request.exchange in ("", one.exchange, "SMART")
        and request.side in ("", side)
        and request.since.replace("-", " ") <= f"{one.time:%Y%m%d %H:%M:%S}"
    )


def _ids(gateway: Gateway, session: Session, request: rq.Ids) -> None:
    following = gateway.engine.book.next_id(_client(session))
    if gateway.engine.switches.ids_reserved:
        following = max(following, session.told_id + 1)
    session.told_id = following
    session.send(out.next_valid_id(following))


def _client(session: Session) -> int:
    assert session.client_id is not None  # the dialogue serves nobody before startApi
    return session.client_id


HANDLERS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    rq.PlaceOrder: _place,
    rq.CancelOrder: _cancel,
    rq.GlobalCancel: _global_cancel,
    rq.OpenOrders: _open_orders,
    rq.AutoOpenOrders: _auto_open_orders,
    rq.CompletedOrders: _completed_orders,
    rq.Executions: _executions,
    rq.Ids: _ids,
}
