"""What can be traded: a few stocks, index funds and currencies, and options on them on a grid of expiries and strikes.

An option's conId is computed from its terms and read back from them, so it is the same in every process and
needs no table: bit 30 set, then 5 bits underlying, 12 bits expiry (days since 2024-01-01), 1 bit right, 12 bits
strike in steps of the underlying's grid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from paper.hours import is_session

_EPOCH = date(2024, 1, 1)
_OPTION_BIT = 1 << 30
_MAX_DAYS = (1 << 12) - 1
_MAX_STEPS = (1 << 12) - 1
LISTED_DAYS = 800  # how far ahead expiries are listed
_CENT = Decimal("0.01")
# price bands (from USD, increment): stocks trade in hundredths of a cent below 1 USD, options of the penny programme
# in cents throughout or in five cents from 3 USD on, index options in five and ten cents
STOCK_RULE, PENNY_RULE, NICKEL_RULE, DIME_RULE, CASH_RULE = 26, 109, 110, 32, 3188
MARKET_RULES: dict[int, tuple[tuple[Decimal, Decimal], ...]] = {
    STOCK_RULE: ((Decimal(0), Decimal("0.0001")), (Decimal(1), _CENT)),
    PENNY_RULE: ((Decimal(0), _CENT),),
    NICKEL_RULE: ((Decimal(0), _CENT), (Decimal(3), Decimal("0.05"))),
    DIME_RULE: ((Decimal(0), Decimal("0.05")), (Decimal(3), Decimal("0.1"))),
    CASH_RULE: ((Decimal(0), Decimal("0.00005")),),
}


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """A contract as a client describes it; empty fields match anything."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: Decimal | None = None
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable contract. `strike` in USD, `multiplier` in shares per contract (1 for a stock)."""

    con_id: int
    symbol: str
    sec_type: str
    local_symbol: str
    trading_class: str
    long_name: str
    primary_exchange: str
    market_rule: int
    expiry: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: int = 1
    under_con_id: int = 0
    exchange: str = "SMART"
    currency: str = "USD"

    @property
    def is_option(self) -> bool:
        """Whether this is an option."""
        return self.sec_type == "OPT"

    @property
    def is_index(self) -> bool:
        """Whether this is an index, which is quoted but not traded."""
        return self.sec_type == "IND"

    @property
    def is_cash(self) -> bool:
        """Whether this is a currency, priced in USD."""
        return self.sec_type == "CASH"

    @property
    def min_tick(self) -> Decimal:
        """The increment that contract details name: a cent for stocks, else that of the lowest band."""
        return MARKET_RULES[self.market_rule][0 if self.is_option else -1][1]

    @property
    def venue(self) -> str:
        """Where it trades when it is routed by SMART."""
        if self.is_cash:
            return self.exchange
        return self.primary_exchange or "CBOE"

    def tick_at(self, price: Decimal) -> Decimal:
        """The price increment in force at `price`, USD."""
        return [tick for edge, tick in MARKET_RULES[self.market_rule] if abs(price) >= edge][-1]


@dataclass(frozen=True, slots=True)
class Underlying:
    """A stock, fund, index or currency that the catalogue lists. `spot` in USD, `volatility` a year's, as a fraction."""

    symbol: str
    con_id: int
    name: str
    listing: str
    spot: Decimal
    strike_step: Decimal
    volatility: float
    option_rule: int = NICKEL_RULE
    trading_class: str = "NMS"
    sec_type: str = "STK"
    option_class: str = ""  # where it differs from the symbol

    @property
    def option_root(self) -> str:
        """The trading class of its options, which is also the root of their OCC symbols."""
        return self.option_class or self.symbol


def _row(text: str, name: str, vol: float, rule: int = NICKEL_RULE, trading_class: str = "NMS") -> Underlying:
    symbol, con_id, listing, spot, step = text.split()
    return Underlying(
        symbol, int(con_id), name, listing, Decimal(spot), Decimal(step), vol, rule, trading_class
    )


def _index(text: str, name: str, vol: float, option_class: str) -> Underlying:
    row = _row(text, name, vol, DIME_RULE)
    return replace(row, trading_class=row.symbol, sec_type="IND", option_class=option_class)


def _currency(text: str, name: str, vol: float) -> Underlying:
    row = _row(text, name, vol)
    return replace(row, trading_class=f"{row.symbol}.USD", sec_type="CASH")


UNDERLYINGS = (
    _row("SPY 756733 ARCA 450.20 1", "SPDR S&P 500 ETF TRUST", 0.16, PENNY_RULE, "SPY"),
    _row("QQQ 320227571 NASDAQ 380.40 1", "INVESCO QQQ TRUST SERIES 1", 0.21, PENNY_RULE),
    _row("IWM 9579970 ARCA 198.30 1", "ISHARES RUSSELL 2000 ETF", 0.22, PENNY_RULE, "IWM"),
    _row("VXX 605085230 BATS 45.10 0.5", "IPATH S&P 500 VIX ST FUTURES", 0.70, NICKEL_RULE, "VXX"),
    _row("AAPL 265598 NASDAQ 263.50 2.5", "APPLE INC", 0.28),
    _row("MSFT 272093 NASDAQ 480.20 2.5", "MICROSOFT CORP", 0.25),
    _row("NVDA 4815747 NASDAQ 180.60 1", "NVIDIA CORP", 0.45),
    _row("AMZN 3691937 NASDAQ 225.40 2.5", "AMAZON.COM INC", 0.32),
    _row("TSLA 76792991 NASDAQ 410.80 2.5", "TESLA INC", 0.55),
    _row("META 107113386 NASDAQ 620.30 2.5", "META PLATFORMS INC", 0.33),
    _row("GOOGL 208813719 NASDAQ 280.70 2.5", "ALPHABET INC-CL A", 0.30),
    _row("AMD 4391 NASDAQ 215.90 1", "ADVANCED MICRO DEVICES", 0.50),
    _row("NFLX 15124833 NASDAQ 110.25 1", "NETFLIX INC", 0.34),
    _row("DIA 73128548 ARCA 465.50 1", "SPDR DJIA TRUST", 0.15, NICKEL_RULE, "DIA"),
    _row("GLD 51529211 ARCA 380.10 1", "SPDR GOLD SHARES", 0.18, NICKEL_RULE, "GLD"),
    _row("TLT 15547841 NASDAQ 90.05 0.5", "ISHARES 20+ YEAR TREASURY BOND", 0.14),
    _index("SPX 416904 CBOE 6700 5", "S&P 500 Stock Index", 0.15, "SPXW"),
    _index("XSP 137851301 CBOE 670 1", "Mini-SPX Index", 0.15, "XSP"),
    _row("INTC 270639 NASDAQ 38.40 0.5", "INTEL CORP", 0.45, PENNY_RULE),
    _row("IBM 8314 NYSE 305.60 2.5", "INTL BUSINESS MACHINES CORP", 0.26, NICKEL_RULE, "IBM"),
    _currency("EUR 12087792 IDEALPRO 1.0855 1", "European Monetary Union Euro", 0.07),
    _currency("GBP 12087797 IDEALPRO 1.2705 1", "British pound", 0.08),
    _currency("AUD 14433401 IDEALPRO 0.6605 1", "Australian dollar", 0.10),
)


class Catalog:
    """Finds instruments by what a client says of them. Spots given to it replace the table's."""

    def __init__(self, spots: dict[str, Decimal] | None = None) -> None:
        given = spots or {}
        self.underlyings = tuple(
            replace(under, spot=given.get(under.symbol, under.spot)) for under in UNDERLYINGS
        )
        self._by_symbol = {under.symbol: under for under in self.underlyings}
        self._by_root = {under.option_root: under for under in self.underlyings}
        self._by_con_id = {under.con_id: under for under in self.underlyings}
        self._added: dict[int, Instrument] = {}

    def add(self, instrument: Instrument) -> None:
        """List one more instrument, of any kind, until the gateway ends."""
        self._added[instrument.con_id] = instrument

    def underlying_of(self, instrument: Instrument) -> Underlying:
        """The catalogue entry an instrument rests on."""
        return self._by_symbol[instrument.symbol]

    def kind_of(self, symbol: str) -> str:
        """The secType of what the catalogue lists under a symbol; a stock's for what it lacks."""
        under = self._by_symbol.get(symbol)
        return under.sec_type if under else "STK"

    def is_listed(self, instrument: Instrument) -> bool:
        """Whether it is the catalogue's own, not added by hand."""
        return instrument.con_id not in self._added and instrument.symbol in self._by_symbol

    def stock_under(self, option: Instrument) -> Instrument | None:
        """The stock that an option delivers; None for one that is settled in cash."""
        under = self._by_con_id.get(option.under_con_id)
        return stock(under) if under and under.sec_type == "STK" else None

    def find(self, query: ContractQuery, today: date) -> list[Instrument]:
        """Every instrument that fits the description on `today`; empty when there is none."""
        if query.con_id in self._added:
            found: Iterable[Instrument] = [self._added[query.con_id]]
        elif query.con_id:
            found = self._from_con_id(query.con_id, today)
        elif query.local_symbol and query.sec_type == "OPT":
            found = self._from_local_symbol(query.local_symbol, today)
        else:
            found = self._from_terms(query, today)
        return [replace(one, exchange=query.exchange or one.exchange) for one in found if _fits(one, query)]

    def matching(self, pattern: str) -> list[Instrument]:
        """What is listed itself, no options, whose symbol or name starts with the pattern (reqMatchingSymbols)."""
        wanted = pattern.upper()
        return [
            stock(under)
            for under in self.underlyings
            if under.symbol.startswith(wanted) or under.name.startswith(wanted)
        ]

    def expiries(self, today: date) -> Iterator[date]:
        """Listed expiries from today on: every session of the next two weeks, then every Friday's week."""
        for offset in range(LISTED_DAYS):
            day = today + timedelta(days=offset)
            if is_session(day) and (offset < 15 or not is_session(day + timedelta(days=1))):
                yield day

    def strikes(self, under: Underlying) -> list[Decimal]:
        """The strikes listed in a chain: half to one and a half times the spot, on the grid."""
        low, high = under.spot / 2, under.spot * 3 / 2
        first, last = int(low / under.strike_step) + 1, int(high / under.strike_step)
        return [under.strike_step * step for step in range(first, last + 1)]

    def _from_con_id(self, con_id: int, today: date) -> Iterable[Instrument]:
        if con_id in self._by_con_id:
            return [stock(self._by_con_id[con_id])]
        if not con_id & _OPTION_BIT:
            return []
        index, days = (con_id >> 25) & 31, (con_id >> 13) & _MAX_DAYS
        if index >= len(self.underlyings):
            return []
        right, steps = "CP"[(con_id >> 12) & 1], con_id & _MAX_STEPS
        under = self.underlyings[index]
        return self._option(under, _EPOCH + timedelta(days=days), under.strike_step * steps, right, today)

    def _from_local_symbol(self, local_symbol: str, today: date) -> Iterable[Instrument]:
        root, tail = local_symbol[:-15].strip(), local_symbol[-15:]
        under, expiry = self._by_root.get(root), _day("20" + tail[:6])
        if under is None or expiry is None or not tail[7:].isdecimal():
            return []
        return self._option(under, expiry, Decimal(tail[7:]) / 1000, tail[6:7], today)

    def _from_terms(self, query: ContractQuery, today: date) -> Iterable[Instrument]:
        name = query.symbol.upper() or query.local_symbol.upper()
        added = [one for one in self._added.values() if name in (one.symbol, one.local_symbol.upper())]
        if any(one.sec_type == query.sec_type for one in added):
            return [one for one in added if one.expiry.startswith(query.expiry)]
        under = self._by_symbol.get(name)
        if under is None or query.sec_type not in (under.sec_type, "OPT"):
            return []
        if query.sec_type != "OPT":
            return [stock(under)]
        exact = _day(query.expiry)
        days = [exact] if exact else [day for day in self.expiries(today) if _in_month(day, query.expiry)]
        strikes = [query.strike] if query.strike else self.strikes(under)
        rights = query.right[:1].upper() if query.right not in ("", "?", "0") else "CP"
        return [
            option
            for day in days
            for strike in strikes
            for right in rights
            for option in self._option(under, day, strike, right, today)
        ]

    def _option(
        self, under: Underlying, expiry: date, strike: Decimal, right: str, today: date
    ) -> Iterable[Instrument]:
        """The option, if the exchange would list it: a session not yet past, a strike on the grid in reach."""
        steps, rest = divmod(strike, under.strike_step)
        listed = under.spot / 4 <= strike <= under.spot * 4 and rest == 0 and steps <= _MAX_STEPS
        in_time = today <= expiry <= today + timedelta(days=LISTED_DAYS) and is_session(expiry)
        if not (listed and in_time and right in ("C", "P")) or under.sec_type == "CASH":
            return []
        return [_make_option(under, self.underlyings.index(under), expiry, strike, int(steps), right)]


def stock(under: Underlying) -> Instrument:
    """The stock, the index or the currency itself."""
    cash = under.sec_type == "CASH"
    return Instrument(
        con_id=under.con_id,
        symbol=under.symbol,
        sec_type=under.sec_type,
        exchange="SMART" if under.sec_type == "STK" else under.listing,
        local_symbol=under.trading_class if cash else under.symbol,
        trading_class=under.trading_class,
        long_name=under.name,
        primary_exchange="" if cash else under.listing,
        market_rule=CASH_RULE if cash else STOCK_RULE,
    )


def _make_option(
    under: Underlying, index: int, expiry: date, strike: Decimal, steps: int, right: str
) -> Instrument:
    days = (expiry - _EPOCH).days
    return Instrument(
        con_id=_OPTION_BIT | index << 25 | days << 13 | (right == "P") << 12 | steps,
        symbol=under.symbol,
        sec_type="OPT",
        local_symbol=f"{under.option_root:<6}{expiry:%y%m%d}{right}{int(strike * 1000):08d}",
        trading_class=under.option_root,
        long_name=under.name,
        primary_exchange="",
        market_rule=under.option_rule,
        expiry=f"{expiry:%Y%m%d}",
        strike=strike,
        right=right,
        multiplier=100,
        under_con_id=under.con_id,
    )


def _fits(one: Instrument, query: ContractQuery) -> bool:
    """Whether what the client said besides the key agrees with the instrument."""
    pairs = (
        (query.symbol.upper(), one.symbol),
        (query.sec_type, one.sec_type),
        (query.currency, one.currency),
        (query.multiplier, str(one.multiplier) if one.is_option else query.multiplier),
        (query.trading_class, one.trading_class),
    )
    same_expiry = not one.is_option or one.expiry.startswith(query.expiry[:8])
    return same_expiry and all(not asked or asked == found for asked, found in pairs)


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) >= 8 else None
    except ValueError:
        return None


def _in_month(day: date, prefix: str) -> bool:
    return f"{day:%Y%m%d}".startswith(prefix)
