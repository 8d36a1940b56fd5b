"""One-way ratchet (platform contract 0.8): whatever the market does, and whatever happens to router, order and
connection meanwhile, the stop of what is held never loosens. IB is played by what `docs/paper-vs-live.md` documents.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from conf.sections import Protection
from conf.stop_profiles import Rung, StopProfile, load_stop_profiles
from router import ticks
from router.exposure import Exposure
from router.messages import (
    Leg,
    LinkPhase,
    LinkState,
    Message,
    ModifyOrder,
    OrderLifecycleEvent,
    PositionSnapshot,
    PriceBand,
)
from router.modify import modified
from router.repair import Bare, pair
from router.stops import TRAILS, Stop, in_force, next_adjustment, rearmed
from tests.helpers import PROJECT
from tests.router.factory import OPTION, order_event

LADDERS = load_stop_profiles(PROJECT)
MIXED = StopProfile(
    min_improvement_pct=0.5,
    rungs=(
        Rung(5.0, "FIXED", 20.0, 2.0),
        Rung(10.0, "STEP", 15.0),
        Rung(15.0, "TRAIL", 12.0, 1.0),
        Rung(30.0, "STEP", 9.0, 1.0),
        Rung(50.0, "FIXED", 5.0),
    ),
)
BANDS = (PriceBand(0.0, 0.01), PriceBand(3.0, 0.05))
QUANTITY = 40


class Ratchet(RuleBasedStateMachine):
    """One position and its stop at IB, a router that comes and goes, a market that goes anywhere."""

    @initialize(
        entry=st.integers(100, 20_000),
        long=st.booleans(),
        profile=st.sampled_from([LADDERS.option, LADDERS.stock, LADDERS.default, MIXED]),
        tick=st.sampled_from([0.01, 0.05, BANDS]),
    )
    def begin(self, entry: int, long: bool, profile: StopProfile, tick: ticks.Grid) -> None:
        """Entered, with the initial stop and its first rung."""
        self.tick, self.profile, self.long = tick, profile, long
        self.sign, self.number, self.now_ns = (1 if long else -1), 0, 10**12
        self.market = ticks.nearest(entry / 100, tick)
        self.order: OrderLifecycleEvent | None = None
        self.enter()

    @precondition(lambda self: self.order is None)
    @rule()
    def enter(self) -> None:
        """At the market; the last trade is over."""
        self.entry, self.quantity = self.market, QUANTITY
        self.number += 1
        bare = Bare(OPTION, "BUY" if self.long else "SELL", QUANTITY, self.entry, self.market)
        (leg, _) = pair(bare, Protection(), self.profile, stem="a-b", number=self.number, tick=self.tick)
        self.order = placed(leg)
        self.tightest = self.stop.price
        self.restart()

    @property
    def stop(self) -> Stop:
        """The live stop."""
        assert self.order is not None
        stop = in_force(self.order)
        assert stop is not None
        return stop

    def hear(self, *messages: Message) -> None:
        """The router hears of it."""
        for message in messages:
            self.exposure.observe(message, self.now_ns)

    @precondition(lambda self: self.order is not None)
    @rule(factor=st.floats(0.85, 1.25))
    def move(self, factor: float) -> None:
        """The market moves: IB adjusts, trails, or sells."""
        assert self.order is not None
        self.market = max(ticks.nearest(self.market * factor, self.tick), 1.0)
        rung = self.order.adjustment
        if rung is not None and self.sign * (self.market - rung.trigger_price) >= 0:
            self.order = taken(self.order)
        stop = self.stop
        if stop.trail_percent or stop.trail_amount:
            distance = stop.trail_amount or self.market * (stop.trail_percent or 0.0) / 100
            trailed = self.market - self.sign * distance
            if self.sign * (trailed - stop.price) > 0:  # not announced by IB
                self.order = replace(self.order, trail_stop=trailed)
        if self.sign * (self.market - self.stop.price) <= 0:
            self.order, self.quantity = None, 0  # stopped out: the end

    @precondition(lambda self: self.order is not None)
    @rule()
    def told(self) -> None:
        """IB's newest word on the order reaches the router."""
        assert self.order is not None
        self.hear(self.order)

    @precondition(lambda self: self.order is not None)
    @rule()
    def climb(self) -> None:
        """The router arms the next rung; a trail is looked up at IB first, as the desk does."""
        assert self.order is not None
        rung = rearmed(self.order, self.profile, entry=self.entry, tick=self.tick)
        if rung is not None:
            self.change(ModifyOrder(self.order.ref, "next rung", adjustment=rung))

    @precondition(lambda self: self.order is not None and self.quantity > 1)
    @rule(share=st.floats(0.1, 0.9))
    def scale_out(self, share: float) -> None:
        """A part is sold at its target or by hand: the stop is made as small as what is left."""
        assert self.order is not None
        self.quantity = max(1, int(self.quantity * share))
        self.hear(PositionSnapshot("DU1000001", OPTION, self.sign * self.quantity, 250.0, False, 1))
        self.change(ModifyOrder(self.order.ref, "larger than the position", quantity=self.quantity))

    @precondition(lambda self: self.order is not None)
    @rule()
    def restart(self) -> None:
        """The router dies, or the connection: everything is told again, and nothing else is known."""
        self.exposure = Exposure()
        self.hear(LinkState(phase=LinkPhase.SYNCING, reason="", account="DU1000001", client_id=1))
        self.hear(PositionSnapshot("DU1000001", OPTION, self.sign * self.quantity, 250.0, True, 1))
        assert self.order is not None
        self.hear(self.order, LinkState(phase=LinkPhase.READY, reason="", account="DU1000001", client_id=1))

    @precondition(lambda self: self.order is not None)
    @rule(known=st.booleans())
    def lose_and_rebuild(self, known: bool) -> None:
        """The stop is cancelled by somebody; the guard puts another in its place, tight as the last that it knew of."""
        assert self.order is not None
        self.hear(self.order, replace(self.order, status="Cancelled"))
        self.now_ns += 10**9
        (place,) = self.exposure.settled(self.now_ns)
        self.number += 1
        bare = Bare(
            OPTION, "BUY" if self.long else "SELL", self.quantity, self.entry,
            self.market if known else None, place.ratchet,
        )  # fmt: skip
        (leg, _) = pair(bare, Protection(), self.profile, stem="a-b", number=self.number, tick=self.tick)
        self.order = placed(leg)
        if self.sign * (self.market - self.stop.price) <= 0:
            self.order = None  # it sells at once
        else:
            self.hear(self.order)

    def change(self, command: ModifyOrder) -> None:
        """Through the one function that makes modifications; IB takes every term of it."""
        assert self.order is not None
        before = self.order
        leg = modified(before, command, with_parent=True)
        assert (leg.action, leg.tif, leg.oca_group, leg.oca_type) == (
            before.action,
            before.tif,
            before.oca_group,
            before.oca_type,
        )
        self.order = replace(placed(leg), perm_id=before.perm_id)

    @invariant()
    def never_looser(self) -> None:
        """By less than a tick only, which is what rounding to the market rule's bands may take."""
        order = getattr(self, "order", None)
        if order is None:
            return
        step = ticks.at(self.tick, self.tightest)
        off_market = self.sign * (self.market - self.stop.price) <= 2 * step  # no nearer to it than a tick
        assert self.sign * (self.stop.price - self.tightest) > -step or off_market
        self.tightest = max(self.sign * self.stop.price, self.sign * self.tightest) * self.sign


def placed(leg: Leg) -> OrderLifecycleEvent:
    """The order as IB reports it after this leg."""
    return order_event(
        leg.ref,
        action=leg.action,
        order_type=leg.order_type,
        quantity=float(leg.quantity),
        remaining=float(leg.quantity),
        limit_price=leg.limit_price,
        stop_price=leg.stop_price,
        tif=leg.tif,
        oca_group=leg.oca_group,
        oca_type=leg.oca_type,
        outside_rth=leg.outside_rth,
        trail_percent=leg.trail_percent,
        trail_stop=leg.trail_stop,
        adjustment=leg.adjustment,
    )


def taken(order: OrderLifecycleEvent) -> OrderLifecycleEvent:
    """The order after its adjustment."""
    rung = order.adjustment
    assert rung is not None
    trails = rung.order_type in TRAILS
    return replace(
        order,
        order_type=rung.order_type,
        stop_price=rung.trail_amount if trails else rung.stop_price,
        limit_price=rung.limit_price,
        trail_percent=rung.trail_percent,
        trail_stop=rung.stop_price if trails else None,
        adjustment=None,
    )


TestRatchet = Ratchet.TestCase
TestRatchet.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def test_the_initial_rung_is_armed() -> None:
    """What the machine begins with: were nothing ever armed, nothing could ever loosen."""
    assert next_adjustment(LADDERS.option, Stop(1.38), long=True, entry=2.50, tick=0.01) is not None
