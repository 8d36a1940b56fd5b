"""Answers to requests for depth, scans, option values and lists, and the refusals of what is not simulated."""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from paper import bar_feeds, lists_out
from paper import data_requests as dr
from paper import messages_out as out
from paper.contracts import Instrument, stock
from paper.gateway import Gateway
from paper.hours import NEW_YORK
from paper.pricing import implied_volatility
from paper.session import DepthLine, Session
from paper.validation import NO_CONTRACT

log = logging.getLogger("paper")
_MOST_SCANS = 10
_MOST_ROWS = 50
_CUSTOM = 53  # the tick type of an option value that was asked for
_NO_DEPTH = "Deep market data is not supported for this combination of security type/exchange"
_SCAN = "Historical Market Data Service error message:"


def _market_depth(gateway: Gateway, session: Session, request: dr.MarketDepth) -> None:
    found = gateway.catalog.find(request.contract, gateway.clock.now().astimezone(NEW_YORK).date())
    if len(found) != 1:
        session.send(out.error(request.req_id, *NO_CONTRACT, session.version))
    elif found[0].is_index or (found[0].exchange == "SMART" and not request.smart):
        session.send(out.error(request.req_id, 10092, _NO_DEPTH, session.version))
    elif request.req_id in session.depths:
        session.send(out.error(request.req_id, 322, "Duplicate ticker id", session.version))
    else:
        line = session.depths[request.req_id] = DepthLine(found[0], request.rows, request.smart)
        bar_feeds.push_depth(session, request.req_id, line, gateway.market)


def _cancel_market_depth(gateway: Gateway, session: Session, request: dr.CancelMarketDepth) -> None:
    if session.depths.pop(request.req_id, None) is None:
        text = f"Can't find the subscribed market depth with tickerId:{request.req_id}"
        session.send(out.error(request.req_id, 310, text, session.version))


def _depth_exchanges(gateway: Gateway, session: Session, request: dr.DepthExchanges) -> None:
    session.send(lists_out.depth_exchanges())


def _smart_components(gateway: Gateway, session: Session, request: dr.SmartComponents) -> None:
    session.send(lists_out.smart_components(request.req_id))


def _scanner(gateway: Gateway, session: Session, request: dr.Scanner) -> None:
    change = _SCANS.get(request.code)
    if change is None or not request.instrument.startswith(("STK", "STOCK")):
        text = f"{_SCAN}Scanner type with code {request.code} is disabled"
        session.send(out.error(request.req_id, 162, text, session.version))
    elif len(session.scans) >= _MOST_SCANS:
        text = f"{_SCAN}Only {_MOST_SCANS} simultaneous API scanner subscriptions are allowed."
        session.send(out.error(request.req_id, 162, text, session.version))
    else:
        session.scans.add(request.req_id)
        rows = request.rows if 0 < request.rows <= _MOST_ROWS else _MOST_ROWS
        found = sorted(_scanned(gateway, request), key=lambda one: change(gateway, one), reverse=True)
        session.send(lists_out.scanner_data(request.req_id, found[:rows]))


def _scanned(gateway: Gateway, request: dr.Scanner) -> list[Instrument]:
    """The stocks within the bounds of a scan."""
    stocks = [stock(under) for under in gateway.catalog.underlyings if under.sec_type == "STK"]
    return [one for one in stocks if all(_within(gateway, one, *bound) for bound in request.filters.items())]


def _within(gateway: Gateway, one: Instrument, name: str, bound: Decimal) -> bool:
    """Whether a stock is on the right side of one bound; one of another name lets everything through."""
    look = _FILTERS.get(name.removesuffix("Above").removesuffix("Below"))
    if look is None:
        return True
    value = look(gateway, one)
    return value >= bound if name.endswith("Above") else value <= bound


def _change(gateway: Gateway, one: Instrument) -> float:
    """The day's change as a fraction."""
    quote = gateway.market.quote(one)
    return float(quote.last / quote.close) - 1


def _volume(gateway: Gateway, one: Instrument) -> float:
    return gateway.market.quote(one).volume


_FILTERS: dict[str, Callable[[Gateway, Instrument], float]] = {
    "price": lambda gateway, one: float(gateway.market.quote(one).last),
    "volume": _volume,
    "changePerc": lambda gateway, one: _change(gateway, one) * 100,
}
_SCANS: dict[str, Callable[[Gateway, Instrument], float]] = {
    "TOP_PERC_GAIN": _change,
    "TOP_PERC_LOSE": lambda gateway, one: -_change(gateway, one),
    "MOST_ACTIVE": _volume,
    "HOT_BY_VOLUME": _volume,
    "HOT_BY_PRICE": lambda gateway, one: abs(_change(gateway, one)),
}


def _cancel_scanner(gateway: Gateway, session: Session, request: dr.CancelScanner) -> None:
    if request.req_id in session.scans:
        session.scans.remove(request.req_id)
        text = f"{_SCAN}API scanner subscription cancelled: {request.req_id}"
        session.send(out.error(request.req_id, 162, text, session.version))
    else:
        text = f"No scanner subscription found for ticker id:{request.req_id}"
        session.send(out.error(request.req_id, 365, text, session.version))


def _scanner_parameters(gateway: Gateway, session: Session, request: dr.ScannerParameters) -> None:
    session.send(lists_out.scanner_parameters(list(_SCANS), list(_FILTERS)))


def _option_value(gateway: Gateway, session: Session, request: dr.OptionValue) -> None:
    now = gateway.clock.now()
    found = gateway.catalog.find(request.contract, now.astimezone(NEW_YORK).date())
    if len(found) != 1 or not found[0].is_option:
        session.send(out.error(request.req_id, *NO_CONTRACT, session.version))
        return
    one, spot, given = found[0], float(request.spot), float(request.given)
    greeks_at = gateway.market.greeks_at
    volatility = (
        implied_volatility(lambda guess: greeks_at(one, spot, guess, now).price, given)
        if request.implied
        else given
    )
    greeks = greeks_at(one, spot, volatility, now)
    price = request.given if request.implied else Decimal(f"{greeks.price:.4f}")
    session.send(out.tick_option(request.req_id, _CUSTOM, greeks, price, volatility, spot))


def _unavailable(gateway: Gateway, session: Session, request: dr.Unavailable) -> None:
    session.send(out.error(request.req_id, request.code, request.text, session.version))


def _ignored(gateway: Gateway, session: Session, request: dr.Ignored) -> None:
    log.info("client %s: %s, which has no answer", session.client_id, request.name)


def _directory(gateway: Gateway, session: Session, request: dr.Directory) -> None:
    session.send(lists_out.directory(request.kind, request.req_id, gateway.account.name))


HANDLERS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    dr.MarketDepth: _market_depth,
    dr.CancelMarketDepth: _cancel_market_depth,
    dr.DepthExchanges: _depth_exchanges,
    dr.SmartComponents: _smart_components,
    dr.Scanner: _scanner,
    dr.CancelScanner: _cancel_scanner,
    dr.ScannerParameters: _scanner_parameters,
    dr.OptionValue: _option_value,
    dr.Unavailable: _unavailable,
    dr.Ignored: _ignored,
    dr.Directory: _directory,
}
