"""The account's money: cash, positions and what they are worth, in exact decimals so that it always adds up.

At every moment net liquidation = starting cash + PnL realised on earlier days + PnL realised today + unrealised
PnL, and the positions' daily PnL sum to the account's. Average cost includes commissions, as IB's does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from paper.contracts import Instrument

_ZERO = Decimal(0)
_STARTING_CASH = Decimal(1_000_000)
_GRAIN = Decimal("1E-8")  # USD; shares of a cost are cut to it, so that sums stay exact
Marks = Callable[[Instrument], Decimal]  # present value of one share of an instrument, USD


@dataclass(slots=True)
class Position:
    """Holdings of one instrument. `basis` is the signed cost of what is held, USD, commissions included."""

    instrument: Instrument
    quantity: Decimal = _ZERO
    basis: Decimal = _ZERO
    realized: Decimal = _ZERO
    carried: Decimal = _ZERO  # unrealised PnL at the start of the day, USD

    @property
    def average_cost(self) -> Decimal:
        """USD per share or contract."""
        return self.basis / self.quantity if self.quantity else _ZERO

    def value(self, mark: Decimal) -> Decimal:
        """Market value at `mark` USD per share."""
        return self.quantity * mark * self.instrument.multiplier

    def unrealized(self, mark: Decimal) -> Decimal:
        """What closing at `mark` would realise, USD."""
        return self.value(mark) - self.basis

    def daily(self, mark: Decimal) -> Decimal:
        """PnL since the start of the day, USD."""
        return self.unrealized(mark) - self.carried + self.realized


@dataclass(frozen=True, slots=True)
class Balance:
    """The account at one moment, USD."""

    cash: Decimal
    stock_value: Decimal
    option_value: Decimal
    gross_value: Decimal
    unrealized: Decimal
    realized: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    day_start: Decimal

    @property
    def net_liquidation(self) -> Decimal:
        """Cash and everything held at market."""
        return self.cash + self.stock_value + self.option_value

    @property
    def equity_with_loan(self) -> Decimal:
        """What counts against margin: options are excluded, as under Reg T."""
        return self.cash + self.stock_value

    @property
    def available_funds(self) -> Decimal:
        """Equity with loan beyond the initial margin."""
        return self.equity_with_loan - self.initial_margin

    @property
    def excess_liquidity(self) -> Decimal:
        """Equity with loan beyond the maintenance margin."""
        return self.equity_with_loan - self.maintenance_margin

    @property
    def buying_power(self) -> Decimal:
        """Four times the available funds, never negative."""
        return max(self.available_funds * 4, _ZERO)

    @property
    def daily(self) -> Decimal:
        """PnL since the start of the day."""
        return self.net_liquidation - self.day_start


def margin_of(position: Position, mark: Decimal, under: Decimal) -> tuple[Decimal, Decimal]:
    """Initial and maintenance margin, USD.

    Stocks 50 % and 25 %, currencies 3 %, long options none, short ones 20 % of the stock.
    """
    value = abs(position.value(mark))
    if position.instrument.is_cash:
        return value * 3 / 100, value * 3 / 100
    if not position.instrument.is_option:
        return value / 2, value / 4
    if position.quantity >= 0:
        return _ZERO, _ZERO
    short = value + under * position.instrument.multiplier * abs(position.quantity) / 5
    return short, short


class Account:
    """Books fills and says what the account is worth."""

    def __init__(self, name: str, starting_cash: Decimal = _STARTING_CASH) -> None:
        self.name = name
        self.starting_cash = starting_cash
        self.cash = starting_cash
        self.realized = _ZERO  # today
        self.realized_before = _ZERO
        self.day_start = starting_cash
        self.positions: dict[int, Position] = {}

    def apply(
        self, instrument: Instrument, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> Decimal | None:
        """Book a fill of signed `quantity`. Returns the realised PnL in USD, None when it only opened."""
        position = self.positions.setdefault(instrument.con_id, Position(instrument))
        worth = quantity * price * instrument.multiplier
        self.cash -= worth + commission
        held = position.quantity
        position.quantity += quantity
        if held * quantity >= 0:
            position.basis += worth + commission
            return None
        total = worth + commission
        flips = abs(quantity) > abs(held)
        closing = (total * held / -quantity).quantize(_GRAIN) if flips else total
        share = position.basis if flips else (position.basis * -quantity / held).quantize(_GRAIN)
        realized = -closing - share
        position.basis += total - closing - share
        position.realized += realized
        self.realized += realized
        return realized

    def new_day(self, mark: Marks, under: Marks) -> None:
        """Start the day's PnL anew; positions that are no more are forgotten."""
        self.day_start = self.balance(mark, under).net_liquidation
        self.realized_before += self.realized
        self.realized = _ZERO
        self.positions = {con_id: held for con_id, held in self.positions.items() if held.quantity}
        for held in self.positions.values():
            held.realized = _ZERO
            held.carried = held.unrealized(mark(held.instrument))

    def hold(self, instrument: Instrument, quantity: Decimal, average_cost: Decimal) -> None:
        """Put a position into the account that was there before: cost and cash as if bought without commission."""
        before = self.positions.get(instrument.con_id, Position(instrument))
        basis = quantity * average_cost
        self.cash -= basis - before.basis
        self.positions[instrument.con_id] = Position(
            instrument, quantity, basis, before.realized, before.carried
        )

    def balance(self, mark: Marks, under: Marks) -> Balance:
        """The account at the given prices; `under` gives the price of an instrument's underlying."""
        stock_value = option_value = gross = unrealized = initial = maintenance = _ZERO
        for position in self.positions.values():
            price = mark(position.instrument)
            value = position.value(price)
            if position.instrument.is_option:
                option_value += value
            else:
                stock_value += value
            gross += abs(value)
            unrealized += value - position.basis
            needs = margin_of(position, price, under(position.instrument))
            initial, maintenance = initial + needs[0], maintenance + needs[1]
        return Balance(
            cash=self.cash,
            stock_value=stock_value,
            option_value=option_value,
            gross_value=gross,
            unrealized=unrealized,
            realized=self.realized,
            initial_margin=initial,
            maintenance_margin=maintenance,
            day_start=self.day_start,
        )


def commission_on(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Commission of a whole order, USD.

    IB's fixed schedule: options 0.65 a contract, stocks 0.005 a share, at least 1, for stocks at most 1 % of the
    value, currencies 0.2 basis points, at least 2. Fees of exchanges and regulators are left out.
    """
    if instrument.is_cash:
        return max(quantity * price * Decimal("0.00002"), Decimal(2)).quantize(Decimal("0.0001"))
    if instrument.is_option:
        return max(quantity * Decimal("0.65"), Decimal(1))
    fee = max(quantity * Decimal("0.005"), Decimal(1))
    return min(fee, max(quantity * price / 100, Decimal("0.01"))).quantize(Decimal("0.0001"))


def commission_of_fill(
    instrument: Instrument, filled: Decimal, average: Decimal, charged: Decimal
) -> Decimal:
    """What a fill adds to an order's commission, USD: the minimum is the order's, not each fill's."""
    return max(commission_on(instrument, filled, average) - charged, _ZERO)
