"""What subscriptions send, at once and later: quotes, positions, account values, PnL."""

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

from paper import account_values
from paper import messages_out as out
from paper.account import Account, Balance, Position
from paper.contracts import Instrument
from paper.market import Market
from paper.quotes import Quote
from paper.session import QuoteLine, Session, TickKind, TickLine

# tick types: bid, ask, last, high, low, close, open with the size each carries
_BID, _ASK, _LAST, _HIGH, _LOW, _CLOSE, _OPEN, _VOLUME = 1, 2, 4, 6, 7, 9, 14, 8
_BID_SIZE, _ASK_SIZE, _LAST_SIZE = 0, 3, 5
_MODEL = 13
_LAST_TIME, _RT_VOLUME, _HALTED = 45, 48, 49
_RT_VOLUME_ASKED = "233"


def push_quotes(session: Session, market: Market, changed: Collection[int], now: datetime) -> None:
    """Send the quotes and ticks that changed."""
    for req_id, line in session.lines.items():
        if line.instrument.con_id in changed:
            push_quote(session, req_id, line, market, now)
    for req_id, ticks in session.ticks.items():
        if ticks.instrument.con_id in changed:
            quote, before = market.quote(ticks.instrument), ticks.seen
            ticks.seen = quote
            session.send(*tick_frames(req_id, ticks, before, quote, now))


def push_quote(session: Session, req_id: int, line: QuoteLine, market: Market, now: datetime) -> None:
    """Send what differs from the quote last sent over a line."""
    quote = market.quote(line.instrument)
    sides, trades = not line.instrument.is_index, not line.instrument.is_cash
    session.send(*quote_frames(req_id, line.sent, quote, sides=sides, trades=trades))
    if line.sent is None or (trades and line.sent.volume != quote.volume):
        session.send(out.tick_string(req_id, _LAST_TIME, str(int(now.timestamp()))))
        if _RT_VOLUME_ASKED in line.generic and line.sent is not None and trades:
            session.send(out.tick_string(req_id, _RT_VOLUME, _real_time_volume(quote, now)))
    line.sent = quote
    if sides and line.halted != (halted := market.is_halted(line.instrument)):
        line.halted = halted
        session.send(out.tick_generic(req_id, _HALTED, int(halted)))
    if line.instrument.is_option:
        greeks, spot = market.greeks(line.instrument), market.underlying_price(line.instrument)
        volatility = market.volatility(line.instrument)
        session.send(out.tick_option(req_id, _MODEL, greeks, quote.mark, volatility, spot))


def _real_time_volume(quote: Quote, now: datetime) -> str:
    """Price, size and time in ms of a trade, volume and average price of the day, whether one side made it all."""
    milliseconds, average = int(now.timestamp() * 1000), (quote.high + quote.low + quote.last) / 3
    return f"{quote.last};{quote.last_size};{milliseconds};{quote.volume};{average:.4f};true"


def quote_frames(
    req_id: int, sent: Quote | None, quote: Quote, *, sides: bool, trades: bool = True
) -> Iterator[bytes]:
    """A price tick for each price that changed, a size tick for each size.

    An index has no bid and ask, a currency no last trade and no volume.
    """
    for kind, size_kind, now, before in (
        (_BID, _BID_SIZE, (quote.bid, quote.bid_size), (sent.bid, sent.bid_size) if sent else None),
        (_ASK, _ASK_SIZE, (quote.ask, quote.ask_size), (sent.ask, sent.ask_size) if sent else None),
        (_LAST, _LAST_SIZE, (quote.last, quote.last_size), (sent.last, sent.last_size) if sent else None),
    ):
        if not (trades if kind == _LAST else sides):
            continue
        if before is None or before[0] != now[0]:
            yield out.tick_price(req_id, kind, *now)
        if before != now:
            yield out.tick_size(req_id, size_kind, now[1])
    if trades and (sent is None or sent.volume != quote.volume):
        yield out.tick_size(req_id, _VOLUME, quote.volume)
    for kind, price, earlier in (
        (_HIGH, quote.high, sent and sent.high),
        (_LOW, quote.low, sent and sent.low),
        (_CLOSE, quote.close, sent and sent.close),
        (_OPEN, quote.open, sent and sent.open),
    ):
        if earlier != price:
            yield out.tick_price(req_id, kind, price, 0)


def tick_frames(req_id: int, line: TickLine, before: Quote, quote: Quote, now: datetime) -> Iterator[bytes]:
    """A tick-by-tick message if what the line follows is no longer as before."""
    venue = line.instrument.venue
    match line.kind:
        case TickKind.BID_ASK:
            bid, ask = (quote.bid, quote.bid_size), (quote.ask, quote.ask_size)
            if (bid, ask) != ((before.bid, before.bid_size), (before.ask, before.ask_size)):
                yield out.tick_bid_ask(req_id, now, bid, ask)
        case TickKind.MID_POINT:
            if quote.mark != before.mark:
                yield out.tick_mid_point(req_id, now, quote.mark)
        case kind:
            if quote.volume != before.volume:
                number = 1 if kind is TickKind.LAST else 2
                yield out.tick_trade(req_id, number, now, quote.last, quote.last_size, venue)


def push_position(session: Session, account: Account, instrument: Instrument) -> None:
    """Send the position that a fill changed."""
    held = account.positions[instrument.con_id]
    if session.wants_positions:
        session.send(out.position(account.name, instrument, held.quantity, held.average_cost))
    for req_id in session.positions_multi:
        session.send(out.position_multi(req_id, account.name, instrument, held.quantity, held.average_cost))


def push_account(session: Session, account: Account, market: Market, now: datetime) -> None:
    """Send account values and the portfolio to whoever asked for them."""
    balance = account.balance(market.mark, market.underlying_mark)
    if session.wants_account:
        session.send(*account_frames(account, balance, market, now))
    for req_id in session.account_multi:
        session.send(*account_multi_frames(req_id, account, balance))
    for req_id, tags in session.summaries.items():
        session.send(*summary_frames(req_id, account, balance, tags))


def account_frames(account: Account, balance: Balance, market: Market, now: datetime) -> Iterator[bytes]:
    """updateAccountValue for every value, updatePortfolio for every position, updateAccountTime."""
    for key, value, currency in account_values.update_values(balance):
        yield out.account_value(key, value, currency, account.name)
    for held in account.positions.values():
        mark = market.mark(held.instrument)
        value_now = held.value(mark)
        amounts = (held.quantity, mark, value_now, held.average_cost, held.unrealized(mark), held.realized)
        yield out.portfolio_value(held.instrument, amounts, account.name)
    yield out.account_time(now)


def account_multi_frames(req_id: int, account: Account, balance: Balance) -> Iterator[bytes]:
    """accountUpdateMulti for every value."""
    for key, value, currency in account_values.update_values(balance):
        yield out.account_update_multi(req_id, account.name, key, value, currency)


def summary_frames(req_id: int, account: Account, balance: Balance, tags: tuple[str, ...]) -> Iterator[bytes]:
    """accountSummary for every tag asked for."""
    for key, value, currency in account_values.chosen(balance, tags):
        yield out.account_summary(req_id, account.name, key, value, currency)


def push_pnl(session: Session, account: Account, market: Market) -> None:
    """Send PnL to whoever asked for it."""
    if session.pnl:
        balance = account.balance(market.mark, market.underlying_mark)
        for req_id in session.pnl:
            session.send(out.pnl(req_id, balance.daily, balance.unrealized, balance.realized))
    for req_id, con_id in session.pnl_single.items():
        held = account.positions.get(con_id)
        if held is not None:  # of what was never held TWS says nothing
            session.send(out.pnl_single(req_id, pnl_amounts(held, market.mark(held.instrument))))


def pnl_amounts(held: Position, mark: Decimal) -> tuple[Decimal, ...]:
    """Position, daily, unrealised, realised PnL and market value of one position."""
    value = held.value(mark)
    return held.quantity, held.daily(mark), held.unrealized(mark), held.realized, value
