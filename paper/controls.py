"""What a hand can do to a running gateway: move prices and time, trade for a client, break things on purpose.

Plain methods on the gateway, for tests and for whatever control socket or scenario calls them. Each one is
carried out at once: what it causes is already in the sessions' outboxes when it returns. An instrument is named
by its symbol (`SPY`), by its OCC symbol (`SPY   261218C00451000`) or by its conId. Prices are in USD per share.
"""

from datetime import timedelta
from decimal import Decimal

from paper.clock import VirtualClock
from paper.contracts import ContractQuery, Instrument
from paper.gateway import Gateway
from paper.hours import NEW_YORK
from paper.paths import PathName
from paper.quotes import quote_by_hand

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
            query = ContractQuery(symbol=name, sec_type="STK")
        today = self._gateway.clock.now().astimezone(NEW_YORK).date()
        found = self._gateway.catalog.find(query, today)
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
