"""What an order would do to the account's margin, and whether the account can bear it. Pure."""

from decimal import Decimal

from paper.account import Account, Balance, Marks, Position, commission_on, margin_of
from paper.contracts import Instrument
from paper.orders import Margin, OrderTerms


def margin_after(
    account: Account, balance: Balance, instrument: Instrument, terms: OrderTerms, mark: Marks, under: Marks
) -> Margin:
    """Margin before, change and after if the whole order traded at the present mark, USD."""
    price, below = mark(instrument), under(instrument)
    held = account.positions.get(instrument.con_id, Position(instrument))
    signed = terms.quantity if terms.buys else -terms.quantity
    now = margin_of(held, price, below)
    then = margin_of(Position(instrument, held.quantity + signed), price, below)
    commission = commission_on(instrument, terms.quantity, price)
    paid = signed * price * instrument.multiplier if instrument.is_option else Decimal(0)
    return Margin(
        initial=_change(balance.initial_margin, then[0] - now[0]),
        maintenance=_change(balance.maintenance_margin, then[1] - now[1]),
        equity=_change(balance.equity_with_loan, -paid - commission),
        commission=commission,
    )


def refusal_of(margin: Margin) -> str | None:
    """TWS's reason for refusing an order the account cannot bear; None when it can, or when the order eases margin."""
    funds_before = margin.equity[0] - margin.initial[0]
    funds_after = margin.equity[2] - margin.initial[2]
    if funds_after >= 0 or funds_after >= funds_before:
        return None
    return (
        "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH "
        f"LOAN VALUE [{margin.equity[2]:.2f} USD] MUST EXCEED THE INITIAL MARGIN [{margin.initial[2]:.2f} USD]"
    )


def _change(before: Decimal, change: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    return before, change, before + change
