"""The account's money adds up whatever is traded."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from paper.account import Account, Position, commission_of_fill, commission_on, margin_of
from paper.contracts import Catalog, ContractQuery, Instrument
from tests.paper.desk import AAPL, CALL, Desk

_STOCK, _OPTION = Desk().instrument(AAPL), Desk().instrument(CALL)
_TRADE = st.tuples(
    st.sampled_from([_STOCK, _OPTION]),
    st.integers(-50, 50).filter(bool),
    st.integers(1, 100_000),
    st.integers(0, 1000),
    st.booleans(),
)


def amounts(*usd: int) -> list[Decimal]:
    """Whole dollars as the account gives them."""
    return [Decimal(amount) for amount in usd]


@given(st.lists(_TRADE, max_size=40))
def test_net_liquidation_is_explained_by_pnl(trades: list[tuple[Instrument, int, int, int, bool]]) -> None:
    """Law: at every moment net liquidation is starting cash plus PnL, and daily PnL is the sum over the positions."""
    account = Account("DU1", Decimal(100_000))
    marks = {_STOCK.con_id: Decimal(100), _OPTION.con_id: Decimal(3)}

    def mark(one: Instrument) -> Decimal:
        return marks[one.con_id]

    for one, quantity, cents, commission, new_day in trades:
        price = Decimal(cents) / 100
        account.apply(one, Decimal(quantity), price, Decimal(commission) / 100)
        marks[one.con_id] = price
        if new_day:
            account.new_day(mark, mark)
        balance = account.balance(mark, mark)
        pnl = account.realized_before + balance.realized + balance.unrealized
        assert balance.net_liquidation == 100_000 + pnl
        assert balance.daily == sum(held.daily(mark(held.instrument)) for held in account.positions.values())


def test_realised_pnl_and_average_cost_include_commissions() -> None:
    """Buy 10 at 100, sell 4 at 110, sell 10 at 90: closed, reversed, and the rest is short at its own cost."""
    account = Account("DU1")
    assert account.apply(_STOCK, Decimal(10), Decimal(100), Decimal(1)) is None
    held = account.positions[_STOCK.con_id]
    assert held.average_cost == Decimal("100.1")
    assert account.apply(_STOCK, Decimal(-4), Decimal(110), Decimal(1)) == Decimal("38.6")
    realized = account.apply(_STOCK, Decimal(-10), Decimal(90), Decimal(1))
    assert realized == Decimal("-61.2")
    assert [held.quantity, held.average_cost] == [Decimal(-4), Decimal("89.9")]


def test_position_that_was_there_before_costs_nothing_now() -> None:
    """A held position changes no net liquidation at its cost; a flat one has no average cost."""
    account = Account("DU1", Decimal(1000))
    account.hold(_OPTION, Decimal(-3), Decimal(200))
    balance = account.balance(lambda _: Decimal(2), lambda _: Decimal(450))
    assert [balance.net_liquidation, balance.cash, balance.option_value] == amounts(1000, 1600, -600)
    assert Position(_STOCK).average_cost == 0


def test_margin_follows_reg_t() -> None:
    """Stock 50 % and 25 %, long options nothing, short ones value and 20 % of the underlying."""
    mark, under = Decimal(2), Decimal(450)
    assert [*margin_of(Position(_STOCK, Decimal(-10)), Decimal(100), Decimal(100))] == amounts(500, 250)
    assert [*margin_of(Position(_OPTION, Decimal(1)), mark, under)] == amounts(0, 0)
    assert [*margin_of(Position(_OPTION, Decimal(-1)), mark, under)] == amounts(9200, 9200)


def test_figures_of_a_balance() -> None:
    """Available funds, excess liquidity and buying power follow from equity and margin; buying power is never negative."""
    account = Account("DU1", Decimal(1000))
    account.apply(_STOCK, Decimal(10), Decimal(100), Decimal(0))
    balance = account.balance(lambda _: Decimal(100), lambda _: Decimal(100))
    figures = [balance.available_funds, balance.excess_liquidity, balance.buying_power]
    assert figures == amounts(500, 750, 2000)
    account.apply(_STOCK, Decimal(100), Decimal(100), Decimal(0))
    assert account.balance(lambda _: Decimal(1), lambda _: Decimal(1)).buying_power == 0


def test_commission_schedule() -> None:
    """0.005 a share, at least 1, at most 1 % of the value; 0.65 a contract, at least 1; the minimum is the order's."""
    assert commission_on(_STOCK, Decimal(100), Decimal(50)) == 1
    assert commission_on(_STOCK, Decimal(1000), Decimal(50)) == 5
    assert commission_on(_STOCK, Decimal(1), Decimal(50)) == Decimal("0.5")
    assert commission_on(_OPTION, Decimal(1), Decimal(2)) == 1
    assert commission_on(_OPTION, Decimal(10), Decimal(2)) == Decimal("6.5")
    assert commission_of_fill(_STOCK, Decimal(100), Decimal(50), Decimal(1)) == 0


def test_a_currency_costs_and_binds_little() -> None:
    """0.2 basis points, at least 2 USD; 3 % of its value as margin."""
    (euro,) = Catalog().find(ContractQuery(symbol="EUR", sec_type="CASH"), date(2026, 11, 23))
    assert commission_on(euro, Decimal(20_000), Decimal("1.08")) == 2
    assert commission_on(euro, Decimal(1_000_000), Decimal("1.08")) == Decimal("21.6")
    assert [*margin_of(Position(euro, Decimal(1000)), Decimal(1), Decimal(1))] == amounts(30, 30)
