"""What a hand can do to a running gateway: move prices and time, trade for a client, break things on purpose.

Plain methods on the gateway, for tests and for whatever control socket or scenario calls them. Each one is
carried out at once: what it causes is already in the sessions' outboxes when it returns. An instrument is named
by its symbol (`SPY`), by its OCC symbol (`SPY   261218C00451000`) or by its conId. Prices are in USD per share.
"""

from datetime import date, timedelta
from decimal import Decimal

from paper.clock import VirtualClock
from paper.contracts import ContractQuery, Instrument
from paper.gateway import Gateway
from paper.hours import NEW_YORK
from paper.orders import Order, OrderTerms, PositionChanged
from paper.paths import PathName
from paper.quotes import flat_quote, quote_by_hand
from paper.validation import check_instrument, check_terms

_DEEP = 10_000  # size at the quote of what was listed by hand
_OCC_TAIL = 15  # yymmdd, right, strike in thousandths


class ControlError(ValueError):
    """A control was given something it cannot do; the text says what."""


class Controls:
    """The hand on one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def instrument(self, name: str) -> Instrument:
        """The one instrument of that name. Raises ControlError when there is none."""
        if name.isdecimal():
            query = ContractQuery(con_id=int(name))
        elif len(name) > _OCC_TAIL:
            query = ContractQuery(local_symbol=name, sec_type="OPT")
        else:
            query = ContractQuery(symbol=name, sec_type=self._gateway.catalog.kind_of(name))
        found = self._gateway.catalog.find(query, self._today())
        if len(found) != 1:
            raise ControlError(f"{name!r} names {len(found)} instruments, not one")
        return found[0]

    # Prices.

    def move(self, name: str, price: Decimal) -> None:
        """Put the price of a stock (its options follow) or of one option; it moves on by itself from there."""
        one, market = self.instrument(name), self._gateway.market
        if one.is_option:
            self.quote(name, price - one.tick_at(price), price + one.tick_at(price), price)
            return
        market.move(one.symbol, float(price))
        self._gateway.tick()

    def quote(
        self, name: str, bid: Decimal, ask: Decimal, last: Decimal | None = None, size: int | None = None
    ) -> None:
        """Fix bid, ask, last and the size on both sides of an instrument until `release`."""
        if not 0 < bid < ask:
            raise ControlError(f"bid {bid} is not above 0 and below ask {ask}")
        one, market = self.instrument(name), self._gateway.market
        market.pin(one, quote_by_hand(one, market.quote(one), bid, ask, last, size))
        self._gateway.tick()

    def release(self, name: str) -> None:
        """Let a fixed instrument move by itself again; ends a path too."""
        self._gateway.market.let_go(self.instrument(name))
        self._gateway.tick()

    def path(self, name: str, path: str, level: Decimal, seconds: float) -> None:
        """Start a scripted path: gap, touch, drift, halt, wide or spike (see `paper.paths`)."""
        if path not in list(PathName):
            raise ControlError(f"{path!r} is none of {', '.join(PathName)}")
        if seconds <= 0 or level <= 0:
            raise ControlError(f"a path needs a level and a length above 0, not {level} and {seconds}")
        self._gateway.market.follow(self.instrument(name), PathName(path), float(level), seconds)
        self._gateway.tick()

    def halt(self, name: str) -> None:
        """Stop trading in a stock and its options until `resume`."""
        self._gateway.market.halt(self.instrument(name).symbol, True)
        self._gateway.tick()

    def resume(self, name: str) -> None:
        """Start trading again after `halt`."""
        self._gateway.market.halt(self.instrument(name).symbol, False)
        self._gateway.tick()

    # Time.

    def advance(self, seconds: float, step: float = 1.0) -> None:
        """Move a virtual clock forward, letting the market and the day happen every `step` seconds."""
        clock = self._gateway.clock
        if not isinstance(clock, VirtualClock):
            raise ControlError("the clock is the machine's; only a virtual one can be moved")
        if seconds < 0 or step <= 0:
            raise ControlError(f"cannot advance by {seconds} s in steps of {step} s")
        end = clock.now() + timedelta(seconds=seconds)
        while clock.now() < end:
            clock.advance(min(timedelta(seconds=step), end - clock.now()))
            self._gateway.tick()
        self._gateway.tick()

    # Orders and the account.

    def order(self, client_id: int, order_id: int) -> Order:
        """An order by its ids. Raises ControlError when there is none."""
        order = self._gateway.engine.book.orders.get((client_id, order_id))
        if order is None:
            raise ControlError(f"client {client_id} has no order {order_id}")
        return order

    def fill(self, order: Order, shares: Decimal | None = None, price: Decimal | None = None) -> None:
        """Trade an order whatever the market says: all that remains and at the market's price unless told otherwise."""
        shares = order.remaining if shares is None else shares
        quote = self._gateway.market.quote(order.instrument)
        price = (quote.ask if order.terms.buys else quote.bid) if price is None else price
        if not order.is_live or not 0 < shares <= order.remaining or price <= 0:
            raise ControlError(f"order {order.order_id} ({order.status}) cannot trade {shares} at {price}")
        gateway = self._gateway
        gateway.publish(gateway.engine.fill(order, shares, price, gateway.clock.now()))

    def manual_order(
        self,
        name: str,
        action: str,
        quantity: Decimal,
        limit: Decimal | None = None,
        stop: Decimal | None = None,
        order_ref: str = "",
    ) -> Order:
        """An order made in TWS itself, for client id 0: at the market, or with a limit or a stop price.

        Returns the order as it stands afterwards. Raises ControlError for what TWS would not take.
        """
        one, gateway = self.instrument(name), self._gateway
        kind = "LMT" if limit is not None else "STP" if stop is not None else "MKT"
        terms = OrderTerms(
            contract=ContractQuery(con_id=one.con_id),
            action=action,
            quantity=quantity,
            order_type=kind,
            limit=limit,
            aux=stop,
            tif="DAY",
            oca_group="",
            oca_type=0,
            account=gateway.account.name,
            order_ref=order_ref,
            transmit=True,
            parent_id=0,
            what_if=False,
        )
        refusal = check_terms(terms, gateway.account.name) or check_instrument(terms, one)
        if refusal:
            raise ControlError(refusal[1])
        gateway.publish(gateway.engine.place_by_hand(terms, gateway.clock.now()))
        return next(reversed(gateway.engine.book.orders.values()))

    def close_by_hand(self, name: str) -> Order:
        """Close what is held of an instrument at the market, as if in TWS itself."""
        one = self.instrument(name)
        held = self._gateway.account.positions.get(one.con_id)
        if held is None or not held.quantity:
            raise ControlError(f"nothing is held of {name!r}")
        return self.manual_order(name, "SELL" if held.quantity > 0 else "BUY", abs(held.quantity))

    def cancel_by_hand(self, order: Order, reason: str | None = None) -> None:
        """Cancel anybody's order as if in TWS itself, or, with a reason, as IB does by itself."""
        if not order.is_live:
            raise ControlError(f"order {order.order_id} is {order.status}")
        gateway = self._gateway
        now = gateway.clock.now()
        if reason is None:
            gateway.publish(gateway.engine.cancel(*order.key, now))
        else:
            gateway.publish(gateway.engine.cancel_by_system(order, reason, now))

    def hold(self, one: str | Instrument, quantity: Decimal, average_cost: Decimal) -> None:
        """Give the account a position it had before; `average_cost` in USD a share or contract.

        An instrument that the catalogue lacks may be given itself; it is worth its cost for good.
        """
        gateway = self._gateway
        instrument = self.instrument(one) if isinstance(one, str) else one
        if not isinstance(one, str):
            price = average_cost / instrument.multiplier
            gateway.market.pin(instrument, flat_quote(price))
        gateway.account.hold(instrument, quantity, average_cost)
        gateway.publish([PositionChanged(instrument)])

    def enlist(self, instrument: Instrument, price: Decimal) -> None:
        """List an instrument that the catalogue lacks; it stands at `price` until a `quote` says otherwise."""
        gateway = self._gateway
        gateway.catalog.add(instrument)
        tick = instrument.tick_at(price)
        gateway.market.pin(instrument, flat_quote(price))
        self.quote(str(instrument.con_id), price - tick, price + tick, price, _DEEP)

    def next_id(self, client_id: int, order_id: int) -> None:
        """Say which order id a client is given next."""
        self._gateway.engine.book.set_next_id(client_id, order_id)

    def switch(self, name: str, value: str) -> None:
        """Set a switch: `on`, `off`, a number of seconds or a word. Raises ControlError."""
        engine = self._gateway.engine
        try:
            engine.switches = engine.switches.with_value(name, value)
        except ValueError as error:
            raise ControlError(str(error)) from None

    def _today(self) -> date:
        return self._gateway.clock.now().astimezone(NEW_YORK).date()
