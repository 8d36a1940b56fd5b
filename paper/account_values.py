"""The account's balance under the names TWS gives its parts. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from paper.account import Balance

Value = tuple[str, str, str]  # key, value, currency
_CENT = Decimal("0.01")
LEDGER_TAG = "$LEDGER"


def summary_values(balance: Balance) -> Iterator[Value]:
    """The tags an account summary can ask for, amounts by name, as recorded live."""
    yield "AccountType", "INDIVIDUAL", ""
    yield "Cushion", _cushion(balance), ""
    yield "DayTradesRemaining", "-1", ""
    yield "HighestSeverity", "0", ""
    yield "LookAheadNextChange", "0", ""
    yield "Leverage", f"{_ratio(balance.gross_value, balance.net_liquidation):.2f}", ""
    for key, amount in sorted(_amounts(balance)):
        yield key, _money(amount), "USD"


def update_values(balance: Balance) -> Iterator[Value]:
    """What account updates carry: the summary's tags and the ledger by currency."""
    yield "AccountReady", "true", ""
    yield from summary_values(balance)
    yield from ledger_values(balance)


def ledger_values(balance: Balance) -> Iterator[Value]:
    """The ledger, once for the base currency and once for the only real one."""
    for currency in ("BASE", "USD"):
        yield "Currency", currency, currency
        yield "CashBalance", _money(balance.cash), currency
        yield "TotalCashBalance", _money(balance.cash), currency
        yield "StockMarketValue", _money(balance.stock_value), currency
        yield "OptionMarketValue", _money(balance.option_value), currency
        yield "NetLiquidationByCurrency", _money(balance.net_liquidation), currency
        yield "UnrealizedPnL", _money(balance.unrealized), currency
        yield "RealizedPnL", _money(balance.realized), currency
        yield "ExchangeRate", "1.00", currency


def chosen(balance: Balance, tags: tuple[str, ...]) -> Iterator[Value]:
    """The values an account summary asked for."""
    for value in summary_values(balance):
        if value[0] in tags or "All" in tags:
            yield value
    if any(tag.startswith(LEDGER_TAG) for tag in tags):
        yield from ledger_values(balance)


def _amounts(balance: Balance) -> Iterator[tuple[str, Decimal]]:
    equity, zero = balance.equity_with_loan, Decimal(0)
    yield "NetLiquidation", balance.net_liquidation
    yield "TotalCashValue", balance.cash
    yield "SettledCash", balance.cash
    yield "AccruedCash", zero
    yield "BuyingPower", balance.buying_power
    yield "EquityWithLoanValue", equity
    yield "PreviousDayEquityWithLoanValue", balance.day_start
    yield "GrossPositionValue", balance.gross_value
    yield "RegTEquity", equity
    yield "RegTMargin", balance.initial_margin
    yield "SMA", balance.available_funds
    for prefix in ("", "Full", "LookAhead"):
        yield f"{prefix}InitMarginReq", balance.initial_margin
        yield f"{prefix}MaintMarginReq", balance.maintenance_margin
        yield f"{prefix}AvailableFunds", balance.available_funds
        yield f"{prefix}ExcessLiquidity", balance.excess_liquidity


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole if whole else Decimal(0)


def _cushion(balance: Balance) -> str:
    return f"{_ratio(balance.excess_liquidity, balance.net_liquidation):.4f}"


def _money(amount: Decimal) -> str:
    return str(amount.quantize(_CENT))
