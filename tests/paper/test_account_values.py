"""The balance under TWS's names."""

from decimal import Decimal

from paper.account import Account
from paper.account_values import chosen, update_values
from tests.paper.desk import Desk


def test_values_say_what_the_balance_says() -> None:
    """Net liquidation, cash and PnL, also in the ledger; an empty account has no leverage."""
    desk = Desk()
    account = Account("DU1", Decimal(10_000))
    account.apply(desk.instrument(), Decimal(10), Decimal(100), Decimal(1))
    balance = account.balance(lambda _: Decimal(110), lambda _: Decimal(110))
    values = {(key, currency): value for key, value, currency in update_values(balance)}
    assert values["NetLiquidation", "USD"] == "10099.00"
    assert values["UnrealizedPnL", "BASE"] == "99.00"
    assert values["Leverage", ""] == "0.11"
    empty = Account("DU1", Decimal(0)).balance(lambda _: Decimal(0), lambda _: Decimal(0))
    assert {key: value for key, value, _ in update_values(empty)}["Cushion"] == "0.0000"


def test_summary_gives_what_was_asked_for() -> None:
    """By tag, amounts by name whatever was asked for first, as recorded; everything; or the ledger."""
    balance = Account("DU1").balance(lambda _: Decimal(0), lambda _: Decimal(0))
    assert [key for key, *_ in chosen(balance, ("NetLiquidation", "BuyingPower"))] == [
        "BuyingPower",
        "NetLiquidation",
    ]
    assert "Cushion" in [key for key, *_ in chosen(balance, ("All",))]
    assert "ExchangeRate" in [key for key, *_ in chosen(balance, ("$LEDGER:USD",))]
