"""The guard on a worker: sees to it that every position has its stops, and that each stop climbs its ladder.

What to do is `router.protection` and `router.stops`; what is known is `router.exposure`, folded from IB's events alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from conf.settings import Settings
from conf.stop_profiles import StopProfile, load_stop_profiles
from ipc.bus import Requester
from router import ticks
from router.bracket import stem_of
from router.errors import FieldError
from router.exposure import Exposure, Place
from router.messages import (
    Action,
    Adjustment,
    CancelOrders,
    ContractReady,
    HoldingsQuery,
    HoldingsReply,
    Leg,
    LinkPhase,
    LinkState,
    Message,
    ModifyOrder,
    OrderLifecycleEvent,
    PlaceOrders,
    Quote,
)
from router.protection import GUARD, Repair, alert, closers_of, is_ours, judge
from router.quantity import EPSILON
from router.quote import QuoteBook
from router.repair import Bare, pair
from router.stops import rearmed
from workers.clock import now_ms
from workers.errands import Errands

HOLD_S = 1.0  # for a repair to show in IB's events before the place is judged again; doubles while it does not help
LONGEST_HOLD_S = 60.0
REARM_S = 10.0  # before a rung that IB has not reported is sent once more
IN_VAIN = 2  # repairs after which a person is told: one may cut, the next one add
NUMBERED_FROM_MS = 1_700_000_000_000  # epoch; keeps the numbers of the guard's orders short


class Guardian:
    """One per submission; call `observe` with every message of the gateway and `sweep` often."""

    def __init__(
        self,
        settings: Settings,
        gateway: Requester,
        log: FilteringBoundLogger,
        publish: Callable[[Message], object],
    ) -> None:
        self._settings = settings
        self._errands = Errands(gateway, log)
        self._log = log
        self._publish = publish
        self._profiles = load_stop_profiles(settings.root)
        self._exposure = Exposure()
        self._quotes = QuoteBook()
        self._armed: dict[tuple[str, Adjustment], int] = {}  # rungs sent, and until when not again
        self._number = 0
        self.counts = {"repaired": 0, "unprotected": 0, "rungs": 0}

    def ladder(self, sec_type: str) -> StopProfile | None:
        """The ladder for IB's security type, None where ladders are switched off."""
        return self._profiles.of(sec_type) if self._settings.protection.ladder else None

    def observe(self, message: Message) -> None:
        """Learn from IB."""
        if isinstance(message, Quote):
            self._quotes.update(message)
            return
        if isinstance(message, LinkState) and message.phase is LinkPhase.SYNCING:
            self._quotes.clear()  # those of the connection before price nothing
        self._exposure.observe(message, time.monotonic_ns())

    def forget(self) -> None:
        """What was learned may be over unheard; a snapshot follows."""
        self._exposure.forget()
        self._quotes.clear()

    def sweep(self) -> None:
        """Judge what has settled, and repair it."""
        now_ns = time.monotonic_ns()
        for place in self._exposure.settled(now_ns):
            if place.account != self._exposure.account:
                continue
            position = place.quantity
            closers = closers_of(position, place.orders.values(), client_id=self._exposure.client_id)
            repair = judge(position, closers)
            if repair.needed:
                explained = not repair.cuts or place.is_explained(now_ns)
                if explained and place.may_repair(now_ns):
                    self._confirm(place, now_ns)
            else:
                place.attempts = place.repairs = place.held_back_ns = 0
                place.alerted = ""
                if position:
                    self._climb(place, now_ns)

    # ------------------------------------------------------------ repair

    def _confirm(self, place: Place, now_ns: int) -> None:
        """Ask the gateway what is true before anything is changed: what was heard here may be a connection old."""
        self._hold_back(place, now_ns)

        def on_reply(reply: Message) -> None:
            if not isinstance(reply, HoldingsReply):
                return  # not READY: everything will be told again
            here = (place.account, place.contract.con_id)
            held = [one.quantity for one in reply.positions if (one.account, one.contract.con_id) == here]
            position = held[0] if held else 0.0
            orders = [e for e in reply.orders if e.contract and (e.account, e.contract.con_id) == here]
            if abs(position - place.quantity) > EPSILON:
                self._log.warning("position not agreed on yet", con_id=here[1], position=position)
                return
            closers = closers_of(position, orders, client_id=self._exposure.client_id)
            repair = judge(position, closers)
            if repair.needed:
                self._repair(place, position, repair, orders)

        self._errands.ask(HoldingsQuery(), on_reply)

    def _repair(
        self, place: Place, position: float, repair: Repair, orders: Sequence[OrderLifecycleEvent]
    ) -> None:
        self.counts["unprotected"] += 1
        self._log.error(
            "position not protected as it is held",
            account=place.account,
            con_id=place.contract.con_id,
            symbol=place.contract.symbol,
            position=position,
            missing=repair.missing,
            too_much=[cut.ref for cut in repair.cuts],
            mode=self._settings.protection.mode,
        )
        if self._settings.protection.mode == "alert":
            self._alert(place, position, repair, "protection.mode is alert: nothing is done")
            return
        ready = self._errands.known(place.contract)
        if repair.missing and ready is None:  # judged again once it is there: much may have changed by then
            self._errands.look_up(
                place.contract,
                lambda _: place.look_again(),
                lambda why: self._alert(place, position, repair, why),
            )
            return
        place.repairs += 1
        if place.repairs > IN_VAIN:
            self._alert(place, position, repair, f"{IN_VAIN} repairs have not helped, trying on")
        for cut in repair.cuts:
            event = next(
                one for one in orders if (one.client_id, one.ref) == (self._exposure.client_id, cut.ref)
            )
            if cut.quantity:
                total = round(event.filled) + cut.quantity
                self._errands.send(
                    ModifyOrder(ref=cut.ref, reason="larger than the position", quantity=total)
                )
            else:
                self._errands.send(CancelOrders(refs=(cut.ref,)))
        if repair.missing and ready is not None:
            self._protect(place, position, repair, ready)
        self.counts["repaired"] += 1

    def _alert(self, place: Place, position: float, repair: Repair, why: str) -> None:
        """Tell a person, each thing once until all is well again."""
        told = alert(place.account, place.contract, position, repair, why)
        if place.alerted != told.text:
            place.alerted = told.text
            self._publish(told)

    def _protect(self, place: Place, position: float, repair: Repair, ready: ContractReady) -> None:
        action: Action = "BUY" if position > 0 else "SELL"
        try:
            legs = self._pair(place, action, repair, ready)
        except FieldError as error:
            self._log.error("no price for a stop", con_id=place.contract.con_id, problem=str(error))
            self._alert(place, position, repair, f"no price for a stop: {error}")
            return
        command = PlaceOrders(
            name=legs[0].ref,
            account=place.account,
            contract=ready.contract,
            legs=legs,
            reason="position without a stop",
        )
        self._errands.send(command, lambda why: self._alert(place, position, repair, why))

    def _pair(self, place: Place, action: Action, repair: Repair, ready: ContractReady) -> tuple[Leg, ...]:
        self._number = max(self._number + 1, now_ms() - NUMBERED_FROM_MS)
        bare = Bare(
            contract=place.contract,
            action=action,
            quantity=repair.missing,
            entry=place.price(),
            market=self._market(place, action),
            ratchet=place.ratchet,
            alone=repair.alone,
        )
        return pair(
            bare,
            self._settings.protection,
            self.ladder(place.contract.sec_type),
            stem=place.owner or f"{GUARD}{place.contract.con_id}",
            number=self._number,
            tick=ready.bands or ready.min_tick,
        )

    def _market(self, place: Place, action: Action) -> float | None:
        """What the position could be closed at."""
        quote = self._quotes.get(place.contract.con_id)
        if quote is None:
            return None
        return quote.bid if action == "BUY" else quote.ask

    # ------------------------------------------------------------ ladder

    def _climb(self, place: Place, now_ns: int) -> None:
        """Arm the next rung on each stop of ours whose last one IB has taken."""
        profile = self.ladder(place.contract.sec_type)
        if profile is None:
            return
        for event in list(place.orders.values()):
            if event.client_id == self._exposure.client_id and is_ours(event.ref) and not place.waits(event):
                self._arm(place, event, profile, now_ns)

    def _arm(self, place: Place, event: OrderLifecycleEvent, profile: StopProfile, now_ns: int) -> None:
        ready = self._errands.known(place.contract)
        if ready is None:
            self._errands.look_up(place.contract, lambda _: None)
            return
        tick: ticks.Grid = ready.bands or ready.min_tick
        rung = rearmed(event, profile, entry=place.price(stem_of(event.ref)), tick=tick)
        if rung is None or now_ns < self._armed.get((event.ref, rung), 0):
            return
        self._armed = {sent: until for sent, until in self._armed.items() if until > now_ns}
        self._armed[event.ref, rung] = now_ns + int(REARM_S * 1e9)
        self.counts["rungs"] += 1
        self._errands.send(
            ModifyOrder(ref=event.ref, reason=f"next rung at {rung.trigger_price:g}", adjustment=rung)
        )

    # ------------------------------------------------------------ parts

    def _hold_back(self, place: Place, now_ns: int) -> None:
        hold_s = min(LONGEST_HOLD_S, HOLD_S * 2**place.attempts)
        place.held_back_ns = now_ns + int(hold_s * 1e9)
        place.repaired_ns = now_ns
        place.attempts = min(place.attempts + 1, 10)
