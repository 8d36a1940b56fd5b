"""Answers to requests about the account: values, positions, PnL."""

from collections.abc import Callable
from typing import Any

from paper import feeds
from paper import messages_out as out
from paper import requests as rq
from paper.account import Balance
from paper.gateway import Gateway
from paper.session import Session


def _balance(gateway: Gateway) -> Balance:
    return gateway.account.balance(gateway.market.mark, gateway.market.underlying_mark)


def _account_updates(gateway: Gateway, session: Session, request: rq.AccountUpdates) -> None:
    session.wants_account = request.subscribe
    if request.subscribe:
        now = gateway.clock.now()
        session.send(*feeds.account_frames(gateway.account, _balance(gateway), gateway.market, now))
        session.send(out.account_download_end(gateway.account.name))


def _account_updates_multi(gateway: Gateway, session: Session, request: rq.AccountUpdatesMulti) -> None:
    session.account_multi.add(request.req_id)
    session.send(*feeds.account_multi_frames(request.req_id, gateway.account, _balance(gateway)))
    session.send(out.account_update_multi_end(request.req_id))


def _cancel_account_multi(gateway: Gateway, session: Session, request: rq.CancelAccountUpdatesMulti) -> None:
    session.account_multi.discard(request.req_id)


def _account_summary(gateway: Gateway, session: Session, request: rq.AccountSummary) -> None:
    session.summaries[request.req_id] = request.tags
    session.send(*feeds.summary_frames(request.req_id, gateway.account, _balance(gateway), request.tags))
    session.send(out.account_summary_end(request.req_id))


def _cancel_summary(gateway: Gateway, session: Session, request: rq.CancelAccountSummary) -> None:
    session.summaries.pop(request.req_id, None)


def _positions(gateway: Gateway, session: Session, request: rq.Positions) -> None:
    session.wants_positions = request.subscribe
    if request.subscribe:
        for held in gateway.account.positions.values():
            if held.quantity:
                session.send(
                    out.position(gateway.account.name, held.instrument, held.quantity, held.average_cost)
                )
        session.send(out.position_end())


def _positions_multi(gateway: Gateway, session: Session, request: rq.PositionsMulti) -> None:
    session.positions_multi.add(request.req_id)
    name = gateway.account.name
    for held in gateway.account.positions.values():
        if held.quantity:
            session.send(
                out.position_multi(request.req_id, name, held.instrument, held.quantity, held.average_cost)
            )
    session.send(out.position_multi_end(request.req_id))


def _cancel_positions_multi(gateway: Gateway, session: Session, request: rq.CancelPositionsMulti) -> None:
    session.positions_multi.discard(request.req_id)


def _pnl(gateway: Gateway, session: Session, request: rq.Pnl) -> None:
    session.pnl.add(request.req_id)
    balance = _balance(gateway)
    session.send(out.pnl(request.req_id, balance.daily, balance.unrealized, balance.realized))


def _cancel_pnl(gateway: Gateway, session: Session, request: rq.CancelPnl) -> None:
    session.pnl.discard(request.req_id)


def _pnl_single(gateway: Gateway, session: Session, request: rq.PnlSingle) -> None:
    session.pnl_single[request.req_id] = request.con_id


def _cancel_pnl_single(gateway: Gateway, session: Session, request: rq.CancelPnlSingle) -> None:
    session.pnl_single.pop(request.req_id, None)


def _managed_accounts(gateway: Gateway, session: Session, request: rq.ManagedAccounts) -> None:
    session.send(out.managed_accounts([gateway.account.name]))


HANDLERS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    rq.AccountUpdates: _account_updates,
    rq.AccountUpdatesMulti: _account_updates_multi,
    rq.CancelAccountUpdatesMulti: _cancel_account_multi,
    rq.AccountSummary: _account_summary,
    rq.CancelAccountSummary: _cancel_summary,
    rq.Positions: _positions,
    rq.PositionsMulti: _positions_multi,
    rq.CancelPositionsMulti: _cancel_positions_multi,
    rq.Pnl: _pnl,
    rq.CancelPnl: _cancel_pnl,
    rq.PnlSingle: _pnl_single,
    rq.CancelPnlSingle: _cancel_pnl_single,
    rq.ManagedAccounts: _managed_accounts,
}
