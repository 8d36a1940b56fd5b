"""Answers to requests about contracts, market data and the gateway itself."""

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

from paper import feeds
from paper import messages_out as out
from paper import requests as rq
from paper.contracts import MARKET_RULES, ContractQuery
from paper.gateway import Gateway
from paper.hours import NEW_YORK
from paper.session import QuoteLine, Session, TickKind, TickLine
from paper.validation import NO_CONTRACT

log = logging.getLogger("paper")
_NO_GENERIC_SNAPSHOT = (
    321,
    "Error validating request.-'bO' : cause - Snapshot market data subscription is not applicable to generic ticks",
)
_OPTION_VENUES = ("SMART", "CBOE")


def _today(gateway: Gateway) -> date:
    return gateway.clock.now().astimezone(NEW_YORK).date()


def _market_data(gateway: Gateway, session: Session, request: rq.MarketData) -> None:
    found = gateway.catalog.find(request.contract, _today(gateway))
    if len(found) != 1:
        session.send(out.error(request.req_id, *NO_CONTRACT, session.version))
        return
    if request.req_id in session.lines:
        session.send(out.error(request.req_id, 322, "Duplicate ticker id", session.version))
        return
    if request.snapshot and request.generic:
        session.send(out.error(request.req_id, *_NO_GENERIC_SNAPSHOT, session.version))
        return
    line = QuoteLine(found[0], generic=request.generic)
    session.send(out.market_data_type(request.req_id, 1), out.tick_req_params(request.req_id, found[0]))
    feeds.push_quote(session, request.req_id, line, gateway.market, gateway.clock.now())
    if request.snapshot:
        session.send(out.tick_snapshot_end(request.req_id))
    else:
        session.lines[request.req_id] = line


def _cancel_market_data(gateway: Gateway, session: Session, request: rq.CancelMarketData) -> None:
    if session.lines.pop(request.req_id, None) is None:
        text = f"Can't find EId with tickerId:{request.req_id}"
        session.send(out.error(request.req_id, 300, text, session.version))


def _tick_by_tick(gateway: Gateway, session: Session, request: rq.TickByTick) -> None:
    found = gateway.catalog.find(request.contract, _today(gateway))
    if len(found) != 1:
        session.send(out.error(request.req_id, *NO_CONTRACT, session.version))
    elif request.req_id in session.ticks:
        session.send(out.error(request.req_id, 322, "Duplicate ticker id", session.version))
    elif request.kind not in list(TickKind):
        text = "Error validating request.-'bT' : cause - Tick-by-tick data type is incorrect/not set."
        session.send(out.error(request.req_id, 321, text, session.version))
    elif found[0].is_index or (found[0].is_cash and request.kind in (TickKind.LAST, TickKind.ALL_LAST)):
        text = (
            "Failed to request tick-by-tick data."
            f"{request.kind} tick-by-tick requests are not supported for {found[0].symbol}"
        )
        session.send(out.error(request.req_id, 10189, text, session.version))
    else:
        quote = gateway.market.quote(found[0])
        session.ticks[request.req_id] = TickLine(found[0], TickKind(request.kind), quote)


def _cancel_tick_by_tick(gateway: Gateway, session: Session, request: rq.CancelTickByTick) -> None:
    if session.ticks.pop(request.req_id, None) is None:
        text = f"Can't find EId with tickerId:{request.req_id}"
        session.send(out.error(request.req_id, 300, text, session.version))


def _market_data_kind(gateway: Gateway, session: Session, request: rq.MarketDataType) -> None:
    """Live data is always there, so every kind asked for is answered with live data."""


def _contract_details(gateway: Gateway, session: Session, request: rq.ContractDetails) -> None:
    today = _today(gateway)
    found = gateway.catalog.find(request.contract, today)
    if not found:
        session.send(out.error(request.req_id, *NO_CONTRACT, session.version))
        return
    hours = gateway.settings.hours
    for one in found:
        extended = not one.is_option
        session.send(out.contract_details(request.req_id, one, hours, today, extended, session.version))
    session.send(out.contract_details_end(request.req_id))


def _option_parameters(gateway: Gateway, session: Session, request: rq.OptionParameters) -> None:
    catalog, today = gateway.catalog, _today(gateway)
    kind = catalog.kind_of(request.symbol)
    query = ContractQuery(con_id=request.con_id, symbol=request.symbol, sec_type=kind)
    for one in catalog.find(query, today) if kind != "CASH" else ():
        under = catalog.underlying_of(one)
        strikes = catalog.strikes(under)
        for venue in _OPTION_VENUES:
            chain = (venue, under.con_id, under.option_root)
            days = catalog.expiries(today)
            session.send(out.option_parameters(request.req_id, chain, days, strikes))
    session.send(out.option_parameters_end(request.req_id))


def _matching_symbols(gateway: Gateway, session: Session, request: rq.MatchingSymbols) -> None:
    found = gateway.catalog.matching(request.pattern)
    session.send(out.matching_symbols(request.req_id, found, session.version))


def _market_rule(gateway: Gateway, session: Session, request: rq.MarketRule) -> None:
    if request.rule_id in MARKET_RULES:
        session.send(out.market_rule(request.rule_id))
    else:
        text = f"Error validating request.-'a7' : cause - Invalid market rule id {request.rule_id}"
        session.send(out.error(-1, 321, text, session.version))


def _current_time(gateway: Gateway, session: Session, request: rq.CurrentTime) -> None:
    session.send(out.current_time(gateway.clock.now()))


def _log_level(gateway: Gateway, session: Session, request: rq.LogLevel) -> None:
    log.info("client %s asks for server log level %d", session.client_id, request.level)


def _user_info(gateway: Gateway, session: Session, request: rq.UserInfo) -> None:
    session.send(out.user_info(request.req_id))


HANDLERS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    rq.MarketData: _market_data,
    rq.CancelMarketData: _cancel_market_data,
    rq.MarketDataType: _market_data_kind,
    rq.TickByTick: _tick_by_tick,
    rq.CancelTickByTick: _cancel_tick_by_tick,
    rq.ContractDetails: _contract_details,
    rq.OptionParameters: _option_parameters,
    rq.MatchingSymbols: _matching_symbols,
    rq.MarketRule: _market_rule,
    rq.CurrentTime: _current_time,
    rq.LogLevel: _log_level,
    rq.UserInfo: _user_info,
}
