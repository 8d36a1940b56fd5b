"""Everything the gateway says, but for orders: one function for each message, for the versions 157 to 176. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from paper.contracts import DIME_RULE, MARKET_RULES, Instrument
from paper.hours import NEW_YORK, ZONE_NAME, Hours, hours_text
from paper.orders import Execution, Order
from paper.pricing import Greeks
from paper.switches import ExecutionTime
from paper.wire import UNSET_DOUBLE, Field, frame

ORDER_TYPES = "ACTIVETIM,ADJUST,ALGO,COND,DAY,FOK,GAT,GTC,GTD,IOC,LMT,LOC,MIDPX,MKT,MOC,STP,STPLMT,TRAIL,TRAILLMT,WHATIF"
CASH_EXCHANGES = "IDEALPRO"
OPTION_EXCHANGES = "SMART,AMEX,BATS,CBOE,ISE,NASDAQOM,PHLX"
STOCK_EXCHANGES = "SMART,AMEX,ARCA,BATS,CBOE,IEX,ISLAND,NASDAQ,NYSE"


_GROUPS = {"OPT": 1, "CASH": 4}  # aggGroup
_EXCHANGES = {"OPT": OPTION_EXCHANGES, "CASH": CASH_EXCHANGES}


def handshake(version: int, now: datetime) -> bytes:
    """The answer to a client's greeting."""
    return frame(version, f"{now:%Y%m%d %H:%M:%S} Greenwich Mean Time")


def managed_accounts(accounts: Sequence[str]) -> bytes:
    """managedAccounts."""
    return frame(15, 1, ",".join(accounts))


def next_valid_id(order_id: int) -> bytes:
    """nextValidId."""
    return frame(9, 1, order_id)


def error(req_id: int, code: int, text: str, version: int, advanced: str = "") -> bytes:
    """An error or a notice; req_id -1 for those that belong to no request."""
    return frame(4, 2, req_id, code, text, *([advanced] if version >= 166 else []))


def current_time(now: datetime) -> bytes:
    """currentTime, epoch seconds."""
    return frame(49, 1, int(now.timestamp()))


def tick_price(req_id: int, kind: int, price: Decimal, size: int) -> bytes:
    """tickPrice with the size that belongs to it."""
    return frame(1, 6, req_id, kind, price, size, 1 if kind in (1, 2) else 0)


def tick_size(req_id: int, kind: int, size: int) -> bytes:
    """tickSize."""
    return frame(2, 6, req_id, kind, size)


def tick_generic(req_id: int, kind: int, value: int) -> bytes:
    """tickGeneric; kind 49 is whether trading is halted."""
    return frame(45, 6, req_id, kind, value)


def tick_string(req_id: int, kind: int, text: str) -> bytes:
    """tickString; kind 45 is the time of the last trade, epoch seconds."""
    return frame(46, 6, req_id, kind, text)


def tick_trade(req_id: int, kind: int, now: datetime, price: Decimal, size: int, venue: str) -> bytes:
    """tickByTick of a trade; kind 1 is Last, 2 AllLast."""
    return frame(99, req_id, kind, int(now.timestamp()), price, size, 0, venue, "")


def tick_bid_ask(req_id: int, now: datetime, bid: tuple[Decimal, int], ask: tuple[Decimal, int]) -> bytes:
    """tickByTick of bid and ask, each with its size."""
    return frame(99, req_id, 3, int(now.timestamp()), bid[0], ask[0], bid[1], ask[1], 0)


def tick_mid_point(req_id: int, now: datetime, price: Decimal) -> bytes:
    """tickByTick of the middle."""
    return frame(99, req_id, 4, int(now.timestamp()), price)


def tick_req_params(req_id: int, instrument: Instrument) -> bytes:
    """tickReqParams."""
    return frame(81, req_id, instrument.min_tick, "" if instrument.is_cash else "9c0001", 3)


def tick_option(
    req_id: int, kind: int, greeks: Greeks, price: Decimal, volatility: float, spot: float
) -> bytes:
    """tickOptionComputation; kinds 10 bid, 11 ask, 12 last, 13 model."""
    sensitivities = (greeks.gamma, greeks.vega, greeks.theta)
    return frame(21, req_id, kind, 0, volatility, greeks.delta, price, 0, *sensitivities, spot)


def tick_snapshot_end(req_id: int) -> bytes:
    """tickSnapshotEnd."""
    return frame(57, 1, req_id)


def market_data_type(req_id: int, kind: int) -> bytes:
    """marketDataType; 1 is live."""
    return frame(58, 1, req_id, kind)


def contract_details(
    req_id: int, one: Instrument, hours: Hours, today: date, extended: bool, version: int
) -> bytes:
    """contractDetails; before 164 with a version and an obsolete size multiplier, from 164 with size steps."""
    exchanges = _EXCHANGES.get(one.sec_type, STOCK_EXCHANGES)
    rules = ",".join([str(one.market_rule)] * (exchanges.count(",") + 1))
    return frame(
        10,
        *([8] if version < 164 else []),
        req_id,
        one.symbol,
        one.sec_type,
        f"{one.expiry}-16:00:00" if one.expiry else "",
        one.strike,
        one.right,
        one.exchange,
        one.currency,
        one.local_symbol,
        one.trading_class,
        one.trading_class,
        one.con_id,
        one.min_tick,
        *([100] if version < 164 else []),
        one.multiplier if one.multiplier != 1 else "",
        ORDER_TYPES,
        exchanges,
        1,
        one.under_con_id,
        one.long_name,
        one.primary_exchange,
        one.expiry[:6],
        "",
        "",
        "",
        ZONE_NAME,
        hours_text(hours, today, extended=extended),
        hours_text(hours, today, extended=False),
        "",
        "",
        0,  # secIds
        _GROUPS.get(one.sec_type, 2),
        one.symbol if one.is_option else "",
        _under_type(one),
        rules,
        one.expiry,
        "COMMON" if one.sec_type == "STK" else "",
        *([1] if version == 163 else []),
        *([1, 1, 100 if not one.is_option else 1] if version >= 164 else []),
    )


def _under_type(one: Instrument) -> str:
    if not one.is_option:
        return ""
    return "IND" if one.market_rule == DIME_RULE else "STK"


def contract_details_end(req_id: int) -> bytes:
    """contractDetailsEnd."""
    return frame(52, 1, req_id)


def option_parameters(
    req_id: int, chain: tuple[str, int, str], expiries: Iterable[date], strikes: Iterable[Decimal]
) -> bytes:
    """securityDefinitionOptionParameter; a chain is exchange, conId of the underlying, trading class."""
    days, prices = [f"{day:%Y%m%d}" for day in expiries], list(strikes)
    head = (75, req_id, *chain, "100")
    return frame(*head, len(days), *days, len(prices), *prices)


def option_parameters_end(req_id: int) -> bytes:
    """securityDefinitionOptionParameterEnd."""
    return frame(76, req_id)


def matching_symbols(req_id: int, found: Sequence[Instrument], version: int) -> bytes:
    """symbolSamples."""
    fields: list[Field] = [79, req_id, len(found)]
    for one in found:
        fields += [one.con_id, one.symbol, one.sec_type, one.primary_exchange, one.currency]
        fields += [0] if one.is_cash else [1, "OPT"]
        fields += [one.long_name, ""] if version >= 176 else []
    return frame(*fields)


def market_rule(rule_id: int) -> bytes:
    """marketRule."""
    steps = MARKET_RULES[rule_id]
    return frame(93, rule_id, len(steps), *(value for step in steps for value in step))


def user_info(req_id: int) -> bytes:
    """userInfo; the white-branding id is empty."""
    return frame(107, req_id, "")


def order_status(order: Order) -> bytes:
    """orderStatus."""
    return frame(
        3,
        order.order_id,
        order.status,
        order.filled,
        order.remaining,
        order.average_price,
        order.perm_id,
        order.terms.parent_id,
        order.last_price,
        order.client_id,
        order.why_held,
        0,
    )


def order_bound(order: Order) -> bytes:
    """orderBound: under which ids an order made by hand can be reached."""
    return frame(100, order.perm_id, order.client_id, order.order_id)


def open_order_end() -> bytes:
    """openOrderEnd."""
    return frame(53, 1)


def completed_orders_end() -> bytes:
    """completedOrdersEnd."""
    return frame(102)


def exec_details(
    req_id: int, execution: Execution, account: str, style: ExecutionTime = ExecutionTime.ZONE
) -> bytes:
    """execDetails; req_id -1 for a live one."""
    order, terms = execution.order, execution.order.terms
    return frame(
        11,
        req_id,
        order.order_id,
        *_contract11(order.instrument, execution.exchange),
        execution.exec_id,
        _moment(execution.time, style),
        account,
        execution.exchange,
        "BOT" if terms.buys else "SLD",
        execution.shares,
        execution.price,
        order.perm_id,
        order.client_id,
        0,  # liquidation
        order.filled,
        order.average_price,
        terms.order_ref,
        "",
        "",
        terms.raw.get("modelCode", ""),
        2,  # lastLiquidity: removed
    )


def _moment(time: datetime, style: ExecutionTime) -> str:
    match style:
        case ExecutionTime.ZONE:
            return f"{time.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} {ZONE_NAME}"
        case ExecutionTime.UTC:
            return f"{time.astimezone(UTC):%Y%m%d-%H:%M:%S}"
        case ExecutionTime.LOCAL:
            return f"{time.astimezone(NEW_YORK):%Y%m%d  %H:%M:%S}"


def exec_details_end(req_id: int) -> bytes:
    """execDetailsEnd."""
    return frame(55, 1, req_id)


def commission_report(execution: Execution) -> bytes:
    """commissionReport; the realised PnL is unset for a fill that only opened."""
    realized: Field = UNSET_DOUBLE if execution.realized is None else execution.realized
    return frame(59, 1, execution.exec_id, execution.commission, "USD", realized, UNSET_DOUBLE, "")


def position(account: str, one: Instrument, quantity: Decimal, average_cost: Decimal) -> bytes:
    """position: account-wide; a stock with its listing exchange, anything else with none, as in captures."""
    listing = one.primary_exchange if one.sec_type == "STK" else ""
    return frame(61, 3, account, *_contract11(one, listing), quantity, average_cost)


def position_end() -> bytes:
    """positionEnd."""
    return frame(62, 1)


def position_multi(
    req_id: int, account: str, one: Instrument, quantity: Decimal, average_cost: Decimal
) -> bytes:
    """positionMulti."""
    return frame(71, 1, req_id, account, *_contract11(one, ""), quantity, average_cost, "")


def position_multi_end(req_id: int) -> bytes:
    """positionMultiEnd."""
    return frame(72, 1, req_id)


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    """updateAccountValue."""
    return frame(6, 2, key, value, currency, account)


def portfolio_value(one: Instrument, amounts: Sequence[Decimal], account: str) -> bytes:
    """updatePortfolio; amounts are position, price, value, average cost, unrealised and realised PnL."""
    contract: list[Field] = [one.con_id, one.symbol, one.sec_type, one.expiry, one.strike, one.right or "0"]
    contract += [one.multiplier if one.multiplier != 1 else "", one.primary_exchange, one.currency]
    return frame(7, 8, *contract, one.local_symbol, one.trading_class, *amounts, account)


def account_time(now: datetime) -> bytes:
    """updateAccountTime."""
    return frame(8, 1, f"{now.astimezone(NEW_YORK):%H:%M}")


def account_download_end(account: str) -> bytes:
    """accountDownloadEnd."""
    return frame(54, 1, account)


def account_summary(req_id: int, account: str, tag: str, value: str, currency: str) -> bytes:
    """accountSummary."""
    return frame(63, 1, req_id, account, tag, value, currency)


def account_summary_end(req_id: int) -> bytes:
    """accountSummaryEnd."""
    return frame(64, 1, req_id)


def account_update_multi(req_id: int, account: str, key: str, value: str, currency: str) -> bytes:
    """accountUpdateMulti."""
    return frame(73, 1, req_id, account, "", key, value, currency)


def account_update_multi_end(req_id: int) -> bytes:
    """accountUpdateMultiEnd."""
    return frame(74, 1, req_id)


def pnl(req_id: int, daily: Decimal, unrealized: Decimal, realized: Decimal) -> bytes:
    """pnl, USD."""
    return frame(94, req_id, daily, unrealized, realized)


def pnl_single(req_id: int, amounts: Sequence[Decimal]) -> bytes:
    """pnlSingle; amounts are position, daily, unrealised, realised PnL and market value."""
    return frame(95, req_id, *amounts)


def _contract11(one: Instrument, exchange: str) -> list[Field]:
    return [
        one.con_id,
        one.symbol,
        one.sec_type,
        one.expiry,
        one.strike,
        one.right,
        one.multiplier if one.multiplier != 1 else "",
        exchange,
        one.currency,
        one.local_symbol,
        one.trading_class,
    ]
