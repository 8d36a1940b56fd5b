"""What is listed, and how it is found."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.contracts import Catalog, ContractQuery

_TODAY = date(2026, 11, 23)
_CATALOG = Catalog({"SPY": Decimal(450)})
_CHAINS = [
    (under, day, strike)
    for under in _CATALOG.underlyings
    if under.sec_type != "CASH"
    for day in list(_CATALOG.expiries(_TODAY))[::9]
    for strike in _CATALOG.strikes(under)[::15]
]


@given(st.sampled_from(_CHAINS), st.sampled_from("CP"))
def test_option_is_found_by_terms_by_id_and_by_its_occ_symbol(
    chain: tuple[object, date, Decimal], right: str
) -> None:
    """Law: every listed option is one and the same, however it is asked for."""
    under, day, strike = chain
    symbol = str(getattr(under, "symbol", ""))
    query = ContractQuery(symbol=symbol, sec_type="OPT", expiry=f"{day:%Y%m%d}", strike=strike, right=right)
    (one,) = _CATALOG.find(query, _TODAY)
    assert _CATALOG.find(ContractQuery(con_id=one.con_id), _TODAY) == [one]
    assert _CATALOG.find(ContractQuery(local_symbol=one.local_symbol, sec_type="OPT"), _TODAY) == [one]


@pytest.mark.parametrize(
    "query",
    [
        ContractQuery(symbol="NOPE", sec_type="STK"),
        ContractQuery(symbol="SPX", sec_type="STK"),
        ContractQuery(symbol="SPY", sec_type="STK", currency="EUR"),
        ContractQuery(con_id=99),
        ContractQuery(con_id=(1 << 30) | (31 << 25)),
        ContractQuery(local_symbol="SPY   2612X8C00450000", sec_type="OPT"),
        ContractQuery(symbol="SPY", sec_type="OPT", expiry="20261128", strike=Decimal(450), right="C"),
        ContractQuery(symbol="SPY", sec_type="OPT", expiry="20261120", strike=Decimal(450), right="C"),
        ContractQuery(symbol="SPY", sec_type="OPT", expiry="20261218", strike=Decimal("450.5"), right="C"),
        ContractQuery(symbol="SPY", sec_type="OPT", expiry="20261218", strike=Decimal(450), right="X"),
    ],
)
def test_what_is_not_listed_is_not_found(query: ContractQuery) -> None:
    """Unknown symbols and ids, a Saturday, a past day, a strike off the grid."""
    assert _CATALOG.find(query, _TODAY) == []


def test_chain_of_a_month() -> None:
    """A month, a strike and no right give the calls and puts of its expiries."""
    query = ContractQuery(symbol="SPY", sec_type="OPT", expiry="202612", strike=Decimal(450))
    found = _CATALOG.find(query, _TODAY)
    assert {one.right for one in found} == {"C", "P"}
    assert {one.expiry for one in found} >= {"20261204", "20261218"}


def test_price_bands() -> None:
    """Stocks below and from 1 USD, options from 3 USD, index options in dimes."""
    (spx,) = _CATALOG.find(
        ContractQuery(symbol="SPX", sec_type="OPT", expiry="20261218", strike=Decimal(6700), right="P"),
        _TODAY,
    )
    (aapl,) = _CATALOG.find(ContractQuery(symbol="AAPL", sec_type="STK"), _TODAY)
    assert [spx.tick_at(Decimal(price)) for price in (2, 3)] == [Decimal("0.05"), Decimal("0.1")]
    assert [aapl.tick_at(Decimal(price) / 2) for price in (1, 2)] == [Decimal("0.0001"), Decimal("0.01")]
    assert (spx.min_tick, aapl.min_tick) == (Decimal("0.05"), Decimal("0.01"))
    assert _CATALOG.stock_under(spx) is None


def test_matching_symbols() -> None:
    """By the start of symbol or name."""
    assert {one.symbol for one in _CATALOG.matching("spx")} == {"SPX"}
    assert "AAPL" in {one.symbol for one in _CATALOG.matching("apple")}


def test_a_currency_is_found_by_its_symbol() -> None:
    """Three pairs in USD at IDEALPRO, in half pips; no options on them, and nothing in other currencies."""
    (euro,) = _CATALOG.find(ContractQuery(symbol="EUR", sec_type="CASH", currency="USD"), _TODAY)
    assert (euro.con_id, euro.local_symbol, euro.exchange) == (12087792, "EUR.USD", "IDEALPRO")
    assert (euro.min_tick, euro.venue, euro.is_cash) == (Decimal("0.00005"), "IDEALPRO", True)
    assert _CATALOG.find(ContractQuery(con_id=12087792), _TODAY) == [euro]
    for kind, currency in (("OPT", ""), ("STK", ""), ("CASH", "JPY")):
        assert _CATALOG.find(ContractQuery(symbol="EUR", sec_type=kind, currency=currency), _TODAY) == []
    assert (_CATALOG.kind_of("EUR"), _CATALOG.kind_of("SPX"), _CATALOG.kind_of("ZZZ")) == (
        "CASH",
        "IND",
        "STK",
    )
