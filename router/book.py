"""Everything dispatch knows, and the one step that takes a bus message in and gives the platform's news out.

Pure and deterministic: the same messages with the same stamps give the same effects, which is what makes a
replay after a crash safe. What changed is returned too (`memory`), to be stored in the same breath as the effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from router import attribution, gauges, learning, lifecycle, listing
from router import holding as holdings
from router.bracket import split_ref
from router.delivery import Delivery
from router.effects import Effect, PositionClosed, PositionCount, PositionGone, PositionOpen, Warn
from router.executions import Executions, revisions
from router.holding import Holding
from router.memory import DeliveryChanged, DeliveryForgotten, HoldingChanged, HoldingForgotten, Memory, Seen
from router.messages import (
    AccountSnapshot,
    Alert,
    BrokerError,
    CommissionReport,
    ContractSpec,
    ExecutionFill,
    LinkPhase,
    LinkState,
    Message,
    OrderChange,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderTimedOut,
    PnLSnapshot,
    PositionSnapshot,
    SignalReceived,
    SignalRefused,
    SignalSized,
)
from router.payloads import alert_document
from router.protection import is_guards

DAY_MS = 86_400_000
KEEP_DELIVERY_MS = 3 * DAY_MS  # after its last news; IB repeats the executions of a day
KEEP_SEEN_MS = 8 * DAY_MS
KEEP_RECORDS = 8  # closed records remembered per contract, to number those of one day
FILL_WAIT_MS = 5_000  # for the executions of what IB, connected, says is held no longer


class Outcome(NamedTuple):
    """What one message led to. `repeated` says that it was told before under the same name; of a snapshot `news` are
    the executions and reports that were not."""

    effects: list[Effect]
    memory: list[Memory]
    repeated: bool = False
    news: tuple[Message, ...] = ()


class Book:
    """Deliveries, holdings, and the executions seen. `account` empty means whatever account there is."""

    def __init__(self, *, account: str, wait_ms: int) -> None:
        self._account = account
        self._wait_ms = wait_ms
        self.deliveries: dict[str, Delivery] = {}
        self.holdings: dict[str, Holding] = {}
        self.executions = Executions()
        self._refs: dict[int, str] = {}  # order id -> orderRef of orders IB has not acknowledged
        self._due: dict[str, int] = {}
        self._gone: dict[str, int] = {}  # positions IB holds no longer, and how long to wait for executions
        self._connected = True
        self._outcome = Outcome([], [])

    def load(
        self,
        deliveries: Iterable[Delivery],
        holdings: Iterable[Holding],
        seen: Iterable[Seen],
        orphans: Iterable[CommissionReport],
        now_ms: int,
    ) -> None:
        """Continue from what was stored. Everything is settled anew, so no deadline is lost with the process."""
        self.holdings = {one.id: one for one in holdings}
        self.executions.load(seen, orphans)
        for delivery in deliveries:
            self.deliveries[delivery.name] = delivery
            self._index(delivery)
            self._due[delivery.name] = now_ms
        for one in self.holdings.values():
            self._expect_executions(one, now_ms)

    # ------------------------------------------------------------ steps

    def apply(self, message: Message, *, at_ms: int) -> Outcome:
        """One bus message; `at_ms` is when its publisher published it."""
        self._outcome = Outcome([], [])
        match message:
            case SignalReceived() | SignalSized() | OrderIntent() | OrderParked() | OrderTimedOut():
                self._on_delivery(message, at_ms)
            case OrderChange(what="parked"):
                self._on_ref(f"{message.name}-E", message, at_ms)
            case SignalRefused():
                self._on_refusal(message, at_ms)
            case OrderLifecycleEvent():
                if self._refs.get(message.order_id) == message.ref:  # another client may use the same id
                    del self._refs[message.order_id]
                self._on_ref(message.ref, message, at_ms)
            case BrokerError():
                self._on_ref(message.ref or self._refs.get(message.request_id, ""), message, at_ms)
            case ExecutionFill():
                self._on_fill(message, at_ms)
            case CommissionReport():
                self._on_commission(message, at_ms)
            case Alert():
                self._outcome.effects.append(Warn(alert_document(message, at_ms)))
            case _:
                self._on_account(message, at_ms)
        self._outcome.memory.extend(self.executions.news())
        return self._outcome

    def restate(self, messages: Sequence[Message], *, at_ms: int) -> Outcome:
        """A snapshot, or a LinkState with a list: what is not listed is not held, if IB had been asked (link READY)."""
        whole, news = Outcome([], []), []
        for message in (*messages, *listing.unlisted(messages, self.holdings.values())):
            part = self.apply(message, at_ms=at_ms)
            whole.effects.extend(part.effects)
            whole.memory.extend(part.memory)
            if isinstance(message, ExecutionFill | CommissionReport) and not part.repeated:
                news.append(message)
        self._outcome = whole
        for delivery in listing.lapsed(messages, self.deliveries.values()):
            self._settle(delivery, learning.lapsed(delivery, at_ms), at_ms)
            whole.effects.append(Warn(alert_document(listing.end_unknown(delivery), at_ms)))
        return whole._replace(news=tuple(news))

    def connection(self, ready: bool, at_ms: int) -> None:
        """Whether IB can tell what is missing: from READY on what waits for it has its time."""
        if ready and not self._connected:
            self._gone = dict.fromkeys(self._gone, at_ms + FILL_WAIT_MS)
            waiting = (one.name for one in self.deliveries.values() if one.progress.in_doubt)
            self._due |= {name: at_ms for name in waiting if name not in self._due}
        self._connected = ready

    def next_due_ms(self) -> int | None:
        """When `expire` has something to do."""
        gone = self._gone.values() if self._connected else ()
        return min((*self._due.values(), *gone), default=None)

    def expire(self, now_ms: int) -> Outcome:
        """Settle what has waited long enough."""
        self._outcome = Outcome([], [])
        for name in [name for name, due in self._due.items() if due <= now_ms]:
            delivery = self.deliveries[name]
            self._settle(delivery, delivery, now_ms)
        if self._connected:
            for position_id in [one for one, due in self._gone.items() if due <= now_ms]:
                self._write_off(self.holdings[position_id], now_ms)
        return self._outcome

    def forget(self, now_ms: int) -> Outcome:
        """Drop what is long over, so that memory and Redis stay bounded."""
        self._outcome = Outcome([], [])
        held = {name for one in self.holdings.values() for name in one.deliveries}
        for name, delivery in list(self.deliveries.items()):
            over = delivery.progress.acked and name not in held and name not in self._due
            if over and delivery.progress.changed_ms < now_ms - KEEP_DELIVERY_MS:
                self._forget_delivery(delivery)
        for position_id, one in list(self.holdings.items()):
            waits = position_id in self._gone  # for executions, however long IB is away
            told = any(name in self.deliveries for name in one.closed.values())
            if not (one.shown or waits or told):
                del self.holdings[position_id]
                self._outcome.memory.append(HoldingForgotten(position_id))
        self.executions.forget(now_ms - KEEP_SEEN_MS)
        self._outcome.memory.extend(self.executions.news())
        return self._outcome

    def working(self) -> list[int]:
        """Ids of the entry orders that work: their records in Redis expire unless they are kept alive."""
        told = [d for d in self.deliveries.values() if d.progress.pending_told]
        return [leg.order_id for d in told for leg in d.context.legs if leg.role == "entry"]

    # ------------------------------------------------------------ deliveries

    def _on_delivery(
        self, message: SignalReceived | SignalSized | OrderIntent | OrderParked | OrderTimedOut, at_ms: int
    ) -> None:
        before = self.deliveries.get(message.delivery)
        if before is None and isinstance(message, OrderTimedOut):
            return
        after = learning.learn(before or Delivery(message.delivery), message, "", at_ms)
        if isinstance(message, OrderIntent):
            self._refs |= {leg.order_id: leg.ref for leg in message.legs}
        self._settle(before, after, at_ms)

    def _on_refusal(self, message: SignalRefused, at_ms: int) -> None:
        name = message.delivery or f"ticket {message.ticket.key} {message.ticket.entry}"
        before = self.deliveries.get(name)
        settled = lifecycle.refuse(before or Delivery(name), message, now_ms=at_ms)
        self._keep(before, settled)

    def _on_ref(self, ref: str, message: Message, at_ms: int) -> None:
        name, leg = split_ref(ref)
        before = self.deliveries.get(name)
        if before is None:
            return
        after = learning.learn(before, message, leg, at_ms)
        if after is not before:
            self._settle(before, after, at_ms)

    def _on_fill(self, fill: ExecutionFill, at_ms: int) -> None:
        if not self._first_time(fill, at_ms):
            return
        found = self._parts(fill)
        reports = self.executions.reports_for(fill) if found else []
        for part in found:
            self._on_part(part, reports, at_ms)

    def _parts(self, fill: ExecutionFill) -> list[attribution.Part]:
        """Whose it is: theirs whose it corrects, the delivery's whose order it was, theirs whose position it closed."""
        if self.executions.deliveries_of(fill.exec_id):
            return []  # corrected before it came
        for replaced in revisions(fill.supersedes):
            if owners := self._known(self.executions.deliveries_of(replaced)):
                return attribution.corrected(replace(fill, supersedes=replaced), owners)
        name, leg = split_ref(fill.ref)
        own = next((one for one in self._known((name,)) if one.context.request is not None), None)
        place = self._holding(fill.account, fill.contract)
        holders = self._known(dict.fromkeys((*place.closed.values(), *place.deliveries)))  # oldest first
        if own is not None:
            return attribution.named(fill, own, leg, holders)
        # the guard's stop may stand under the name of a delivery that is over longer than those it protects
        return attribution.parts(fill, holders) if not name or is_guards(fill.ref) else []

    def _on_part(self, part: attribution.Part, reports: Iterable[CommissionReport], at_ms: int) -> None:
        """An execution, or a share of it, that is one delivery's."""
        before, fill = part.delivery, part.fill
        after = learning.learn(before, fill, part.leg, at_ms, part.share)
        for report in reports:
            after = learning.learn(after, report, "", at_ms)
        self.executions.assign((fill.exec_id, *revisions(fill.supersedes)), after.name)
        self._hold(before, after, fill, at_ms)
        self._settle(before, after, at_ms)

    def _on_commission(self, report: CommissionReport, at_ms: int) -> None:
        if not self._first_time(report, at_ms):
            return
        named = (split_ref(report.ref)[0],)
        found = self._known(self.executions.deliveries_of(report.exec_id) or named)
        if not found:
            self.executions.keep(report)
        for before in found:
            after = learning.learn(before, report, "", at_ms)
            self.deliveries[after.name] = after
            for one in [one for one in self.holdings.values() if after.name in one.deliveries]:
                self._show(one, at_ms)
            self._settle(before, after, at_ms)

    def _settle(self, before: Delivery | None, after: Delivery, now_ms: int) -> None:
        place = self.holdings.get(after.position_id) if after.context.request else None
        settled = lifecycle.settle(
            after,
            place.closed if place else {},
            now_ms=now_ms,
            wait_ms=self._wait_ms,
            connected=self._connected,
        )
        self._keep(before, settled)

    def _keep(self, before: Delivery | None, settled: lifecycle.Settled) -> None:
        delivery = settled.delivery
        self.deliveries[delivery.name] = delivery
        if settled.due_ms is None:
            self._due.pop(delivery.name, None)
        else:
            self._due[delivery.name] = settled.due_ms
        self._outcome.effects.extend(settled.effects)
        if delivery is not before:
            self._outcome.memory.append(DeliveryChanged(before, delivery))
        for effect in settled.effects:
            if isinstance(effect, PositionClosed):
                self._record(effect, delivery)

    def _record(self, effect: PositionClosed, delivery: Delivery) -> None:
        one = self._holding(delivery.request.account, delivery.request.contract)
        closed = {**one.closed, f"{effect.day}:{effect.record_id}": delivery.name}
        self._put(replace(one, closed=dict(list(closed.items())[-KEEP_RECORDS:])))

    def _forget_delivery(self, delivery: Delivery) -> None:
        del self.deliveries[delivery.name]
        self.executions.release((*delivery.executions, *delivery.progress.superseded))
        self._outcome.memory.append(DeliveryForgotten(delivery.name))

    def _index(self, delivery: Delivery) -> None:
        self.executions.assign((*delivery.executions, *delivery.progress.superseded), delivery.name)
        if delivery.progress.pending_told and not delivery.progress.entry.status:
            self._refs |= {leg.order_id: leg.ref for leg in delivery.context.legs}

    def _known(self, names: Iterable[str]) -> list[Delivery]:
        return [self.deliveries[name] for name in names if name in self.deliveries]

    def _first_time(self, message: ExecutionFill | CommissionReport, at_ms: int) -> bool:
        first = self.executions.first_time(message, at_ms)
        if not first:
            self._outcome = self._outcome._replace(repeated=True)
        return first

    # ------------------------------------------------------------ positions, PnL, account

    def _hold(self, before: Delivery, after: Delivery, fill: ExecutionFill, at_ms: int) -> None:
        """Move the position by what this execution, or correction, changed of its delivery."""
        self.deliveries[after.name] = after
        one = self._holding(fill.account, fill.contract)
        delta = after.net - before.net
        if not fill.replayed and abs(delta) > 0:  # IB's positions of a rebuild contain its executions already
            one = holdings.executed(one, delta)
        others = tuple(name for name in one.deliveries if name != after.name)
        self._show(replace(one, deliveries=(*others, after.name) if after.net else others), at_ms)

    def _on_account(self, message: Message, at_ms: int) -> None:
        match message:
            case PositionSnapshot():
                self._on_position(message, at_ms)
            case PnLSnapshot():
                self._on_pnl(message, at_ms)
            case AccountSnapshot() if self._ours(message.account):
                self._outcome.effects.extend(gauges.of_account(message))
            case LinkState():
                self._on_link(message, at_ms)
            case _:
                pass

    def _on_position(self, snapshot: PositionSnapshot, at_ms: int) -> None:
        if not self._ours(snapshot.account):
            return
        one = self._holding(snapshot.account, snapshot.contract)
        self._show(holdings.observed(one, snapshot), at_ms)

    def _on_pnl(self, pnl: PnLSnapshot, at_ms: int) -> None:
        if pnl.con_id:
            one = self.holdings.get(f"{pnl.account}:{pnl.con_id}")
            if one is not None and one.shown:
                self._show(replace(one, unrealized=pnl.unrealized, value=pnl.value), at_ms)
        elif self._ours(pnl.account):
            self._outcome.effects.extend(gauges.of_pnl(pnl))

    def _on_link(self, link: LinkState, at_ms: int) -> None:
        self.connection(link.phase is LinkPhase.READY, at_ms)
        self._outcome.effects.extend(gauges.of_link(link))

    def _show(self, one: Holding, at_ms: int) -> None:
        """Tell the platform what is held, or that nothing is any more."""
        symbol, effects = one.contract.symbol, self._outcome.effects
        was_shown = one.shown
        if one.quantity:
            one = one if was_shown else replace(one, shown=True, since_ms=at_ms)
            document = holdings.document(one, self._known(one.deliveries), at_ms)
            effects.append(PositionOpen(symbol, one.id, document))
        else:
            open_ = tuple(delivery.name for delivery in self._known(one.deliveries) if delivery.held)
            one = replace(one, shown=False, deliveries=open_, unrealized=None, value=None)
            if was_shown:
                effects.append(PositionGone(symbol, one.id))
        self._expect_executions(one, at_ms)
        self._put(one)
        if one.shown != was_shown:
            effects.append(PositionCount(self.held))

    def _expect_executions(self, one: Holding, at_ms: int) -> None:
        """IB's word that a position is gone runs ahead of the executions; they are waited for, not for ever."""
        if not one.quantity and any(delivery.held for delivery in self._known(one.deliveries)):
            self._gone.setdefault(one.id, at_ms + FILL_WAIT_MS)
        else:
            self._gone.pop(one.id, None)

    def _write_off(self, one: Holding, now_ms: int) -> None:
        """IB does not hold it, and nobody has said how it was closed (contract 7: SYNCED_CLOSED)."""
        for before in self._known(one.deliveries):
            self._settle(before, learning.written_off(before, now_ms), now_ms)
        self._outcome.effects.append(Warn(alert_document(holdings.missing_fill(one), now_ms)))
        self._show(replace(self.holdings[one.id], deliveries=()), now_ms)  # with their records

    @property
    def held(self) -> int:
        """How many contracts are held."""
        return sum(one.shown for one in self.holdings.values())

    def _holding(self, account: str, contract: ContractSpec) -> Holding:
        return self.holdings.get(f"{account}:{contract.con_id}") or Holding(account, contract)

    def _put(self, one: Holding) -> None:
        self.holdings[one.id] = one
        self._outcome.memory.append(HoldingChanged(one))

    def _ours(self, account: str) -> bool:
        return account == (self._account or account)
