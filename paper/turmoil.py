"""Random orders for an engine: every type, brackets, groups, changes, cancels, days. Follows from its seed alone."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from random import Random

from paper.account import Account
from paper.audit import AuditedAccount, Auditor
from paper.book import Ids
from paper.contracts import Catalog, ContractQuery, Instrument
from paper.engine import Engine
from paper.hours import NEW_YORK, Hours, Phase, boundaries, next_open, phase_of
from paper.market import Market, Mood
from paper.orders import Adjustment, Order, OrderTerms, Trail
from paper.quotes import on_grid
from paper.switches import Switches

_TYPES = ("MKT", "LMT", "LMT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MOC", "LOC", "MIDPRICE")
_STOCKS = ("SPY", "AAPL", "TLT")
_MOST_LIVE = 40
_CLIENT = 1


@dataclass
class Turmoil:
    """One engine and the hand that shakes it."""

    engine: Engine
    account: Account
    random: Random
    now: datetime
    instruments: list[Instrument]
    auditor: Auditor
    next_id: int = 1
    groups: int = 0

    def act(self) -> None:
        """Do one thing, chosen at random."""
        action = self.random.choices(
            (self._place, self._bracket, self._group, self._modify, self._cancel, self._move, self._jump),
            (30, 8, 4, 10, 8, 40, 0.5),
        )[0]
        action()
        while len(self.engine.book.live) > _MOST_LIVE:  # at once, whatever delay the switches ask for
            self.engine.exchange.finish_cancel(next(self.engine.book.each_live()), self.now)
        self.engine.exchange.drain()

    def _move(self) -> None:
        """A moment; when the exchanges are closed, the night or the weekend."""
        if phase_of(self.engine.exchange.hours, self.now) is Phase.CLOSED:
            self._pass(next_open(self.now) - self.now)
        self._pass(timedelta(seconds=self.random.choice((0.2, 1, 5, 30))))

    def _jump(self) -> None:
        self._pass(timedelta(hours=self.random.choice((1, 8, 24, 72))))

    def _pass(self, step: timedelta) -> None:
        since, self.now = self.now, self.now + step
        hours = self.engine.exchange.hours
        for moment, boundary in boundaries(hours, since, self.now):
            self.engine.pass_boundary(boundary, moment)
        self.instruments = _listed(self.engine.catalog, self.now)
        self.engine.tick(self.engine.market.step(self.now), self.now)
        self.auditor.order_books()

    def _send(self, terms: OrderTerms) -> int:
        order_id, self.next_id = self.next_id, self.next_id + 1
        self.engine.place(_CLIENT, order_id, terms, self.now)
        return order_id

    def _place(self) -> None:
        one = self.random.choice(self.instruments)
        terms = self._terms(one, self.random.choice(_TYPES), self.random.choice(("BUY", "SELL")))
        if terms.has_stop and self.random.random() < 0.5:
            terms = replace(terms, adjustment=self._adjustment(one))
        self._send(terms)

    def _bracket(self) -> None:
        """A parent and two exits; the exits together trade no more than the parent's quantity."""
        one = self.random.choice(self.instruments)
        side, other = self.random.choice((("BUY", "SELL"), ("SELL", "BUY")))
        quantity = self._quantity()
        parent_id = self.next_id
        self._send(self._terms(one, "LMT", side, quantity, transmit=False))
        for kind, last in (("LMT", False), (self.random.choice(("STP", "TRAIL", "STP LMT")), True)):
            order_id = self.next_id
            self.auditor.caps[_CLIENT, order_id] = (f"bracket {parent_id}", quantity)
            self._send(self._terms(one, kind, other, quantity, transmit=last, parent_id=parent_id))

    def _group(self) -> None:
        """Three orders of one size in an OCA group; with block they never trade more than one order's size."""
        one, quantity, kind = (
            self.random.choice(self.instruments),
            self._quantity(),
            self.random.randint(1, 3),
        )
        self.groups += 1
        name = f"group {self.groups}"
        away = {"LMT": Decimal("1.01"), "STP": Decimal("0.99")}
        mark = self.engine.market.mark(one)
        for _ in range(3):
            if kind < 3:
                self.auditor.caps[_CLIENT, self.next_id] = (name, quantity)
            side = self.random.choice(("LMT", "STP"))
            terms = self._terms(one, side, "SELL", quantity, oca_group=name, oca_type=kind)
            price = on_grid(mark * away[side], one.tick_at(mark * away[side]))
            is_limit = side == "LMT"
            limit, aux = (price, None) if is_limit else (None, price)
            self._send(replace(terms, tif="GTC", limit=limit, aux=aux))

    def _modify(self) -> None:
        order = self._any_live()
        if order is None or order.key in self.auditor.caps:
            return
        terms = self._terms(
            order.instrument,
            self.random.choice((order.terms.order_type, "MKT")),
            order.terms.action,
            oca_group=order.terms.oca_group,
            oca_type=order.terms.oca_type,
            parent_id=order.terms.parent_id,
        )
        self.engine.place(*order.key, terms, self.now)

    def _cancel(self) -> None:
        order = self._any_live()
        if order is not None:
            self.engine.cancel(*order.key, self.now)
        if self.random.random() < 0.005:
            self.engine.cancel_all(self.now)

    def _any_live(self) -> Order | None:
        live = self.engine.book.live_orders()
        return self.random.choice(live) if live else None

    def _quantity(self) -> Decimal:
        return Decimal(self.random.choice((1, 2, 3, 7, 10, 50, 200)))

    def _near(self, one: Instrument, spread: float = 0.01) -> Decimal:
        mark = self.engine.market.mark(one)
        price = float(mark) * (1 + self.random.uniform(-spread, spread))
        tick = one.tick_at(Decimal(price))
        return max(on_grid(price, tick), tick)

    def _adjustment(self, one: Instrument) -> Adjustment:
        kind = self.random.choice(("STP", "STP LMT", "TRAIL", "TRAIL LIMIT"))
        unit = self.random.choice(list(Trail))
        trailing = Decimal(2) if unit is Trail.PERCENT else one.tick_at(Decimal(10)) * 20
        return Adjustment(kind, self._near(one), self._near(one), self._near(one), trailing, unit)

    def _terms(
        self,
        one: Instrument,
        kind: str,
        action: str,
        quantity: Decimal | None = None,
        *,
        transmit: bool = True,
        parent_id: int = 0,
        oca_group: str = "",
        oca_type: int = 0,
    ) -> OrderTerms:
        trails = kind in ("TRAIL", "TRAIL LIMIT")
        percent = trails and self.random.random() < 0.5
        amount = one.tick_at(self.engine.market.mark(one)) * self.random.randint(1, 50)
        near = self._near(one)
        aux = near if kind in ("STP", "STP LMT") else amount if trails and not percent else None
        return OrderTerms(
            contract=ContractQuery(con_id=one.con_id),
            action=action,
            quantity=self._quantity() if quantity is None else quantity,
            order_type=kind,
            limit=self._near(one) if kind in ("LMT", "STP LMT", "LOC") else None,
            aux=aux,
            tif=self.random.choice(("DAY", "DAY", "GTC", "IOC", "FOK")) if not parent_id else "GTC",
            oca_group=oca_group,
            oca_type=oca_type,
            account="",
            order_ref="",
            transmit=transmit,
            parent_id=parent_id,
            what_if=False,
            trail_stop=near if kind == "TRAIL LIMIT" else None,
            trail_percent=Decimal(1) if percent else None,
            limit_offset=amount if kind == "TRAIL LIMIT" else None,
        )


def make_turmoil(seed: int, hours: Hours, switches: Switches) -> Turmoil:
    """An engine with an audited account and a seeded hand, on a Monday morning."""
    now = datetime(2026, 11, 23, 10, 0, tzinfo=NEW_YORK)
    catalog, random = Catalog(), Random(seed)
    market = Market(catalog, seed, Mood.LIVELY, now)
    account = AuditedAccount("DU1", Decimal(100_000_000))
    engine = Engine(catalog, market, account, Ids(now), hours, switches)
    auditor = Auditor(engine.exchange, account)
    engine.exchange.watch = auditor.watch
    instruments = _listed(catalog, now)
    return Turmoil(engine, account, random, now, instruments, auditor)


_OPTIONS = (("SPY", 450, "C"), ("SPY", 445, "P"), ("AAPL", 265, "C"), ("SPX", 6700, "P"))


def _listed(catalog: Catalog, now: datetime) -> list[Instrument]:
    """The stocks, and the options that expire on the fourth session from now on."""
    day = now.astimezone(NEW_YORK).date()
    return list(_listed_on(catalog, day))


@cache
def _listed_on(catalog: Catalog, day: date) -> tuple[Instrument, ...]:
    expiry = f"{next(islice(catalog.expiries(day), 3, None)):%Y%m%d}"
    queries = [ContractQuery(symbol=name, sec_type="STK") for name in _STOCKS]
    queries += [
        ContractQuery(symbol=name, sec_type="OPT", expiry=expiry, strike=Decimal(strike), right=right)
        for name, strike, right in _OPTIONS
    ]
    return tuple(one for query in queries for one in catalog.find(query, day))
