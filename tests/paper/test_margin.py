"""What an order does to margin, and when it is refused."""

from decimal import Decimal

from paper.account import Account
from paper.contracts import Instrument
from paper.margin import margin_after, refusal_of
from paper.orders import Margin
from tests.paper.desk import CALL, Desk, terms

_DESK = Desk()


def margin(cash: int, held: int, action: str, quantity: int, one: Instrument, price: int = 100) -> Margin:
    """The margin of an order in an account that holds some already."""
    account = Account("DU1", Decimal(cash))
    account.hold(one, Decimal(held), Decimal(price * one.multiplier))

    def mark(_: Instrument) -> Decimal:
        return Decimal(price)

    balance = account.balance(mark, mark)
    return margin_after(account, balance, one, terms("MKT", action, quantity), mark, mark)


def test_stock_order_needs_half_its_value() -> None:
    """Buying 10 at 100 needs 500 more; equity falls by the commission."""
    found = margin(10_000, 0, "BUY", 10, _DESK.instrument())
    assert [*found.initial] == [Decimal(0), Decimal(500), Decimal(500)]
    assert [*found.equity] == [Decimal(10_000), Decimal(-1), Decimal(9_999)]
    assert refusal_of(found) is None


def test_order_beyond_the_means_is_refused_with_the_figures() -> None:
    """TWS's text names equity and margin."""
    reason = refusal_of(margin(10_000, 0, "BUY", 1000, _DESK.instrument()))
    assert reason is not None
    assert "[9995.00 USD] MUST EXCEED THE INITIAL MARGIN [50000.00 USD]" in reason


def test_long_option_costs_its_premium_and_closing_is_never_refused() -> None:
    """A call's premium must be there in cash; closing eases margin even in an account without means."""
    call = _DESK.instrument(CALL)
    assert refusal_of(margin(1000, 0, "BUY", 1, call, price=20)) is not None
    assert refusal_of(margin(5000, 0, "BUY", 1, call, price=20)) is None
    assert refusal_of(margin(100, 100, "SELL", 100, _DESK.instrument())) is None
