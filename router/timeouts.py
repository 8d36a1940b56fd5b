"""Entries that rest too long are cancelled (platform contract 6): who is resting, since when, until when. Pure.

Entries that rested while IB could not be reached may be cancelled too. Nobody can do so meanwhile: they work at IB and
may fill, and their children protect what fills. The rule is for what is still resting when the connection is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from conf.sections import Entry
from router.bracket import stem_of
from router.end import OrderKey, ended, order_key
from router.messages import Alert, LinkPhase, LinkState, OrderLifecycleEvent, Side

PARTIAL_FACTOR = 2  # an entry that filled in part gets twice the time


@dataclass(frozen=True)
class Resting:
    """A live entry and IB's last word on it. Times are monotonic ns."""

    delivery: str
    event: OrderLifecycleEvent
    since_ns: int
    deadline_ns: int
    told: bool = False  # that its time is up: only its cancel is still to be taken

    @property
    def ref(self) -> str:
        """Its orderRef."""
        return self.event.ref


class EntryTimeouts:
    """The live entries of this router's own brackets."""

    def __init__(self, rules: Entry) -> None:
        self._rules = rules
        self._resting: dict[OrderKey, Resting] = {}
        self._lost_ns: int | None = None  # since when IB cannot be reached
        self._client_id: int | None = None  # ours, once the gateway has said it

    def observe(self, event: OrderLifecycleEvent, now_ns: int) -> None:
        """Start, extend or end the watch over the order this event is about."""
        stem = stem_of(event.ref)
        if not stem or event.ref != f"{stem}-E":
            return
        nameless = self._resting.pop((event.client_id, event.order_id), None)  # before it had a permId
        key = order_key(event)
        known = self._resting.pop(key, None) or nameless
        if ended(event) or event.status == "PendingCancel":  # or is asked to end
            return
        if self._client_id not in (None, event.client_id):
            return  # another client's, who may use our form; only he can cancel it
        since_ns = known.since_ns if known else now_ns
        limit_s = self._limit_s(event) * (PARTIAL_FACTOR if event.filled > 0 else 1)
        deadline_ns = since_ns + int(limit_s * 1e9)
        if known is not None and known.told:
            self._resting[key] = replace(known, event=event)
        else:
            self._resting[key] = Resting(stem, event, since_ns, deadline_ns)

    def due(self, now_ns: int) -> list[Resting]:
        """Entries whose time is up; each is returned once and watched no longer. None while nobody could cancel them."""
        if self._lost_ns is not None:
            return []
        due = {key: resting for key, resting in self._resting.items() if resting.deadline_ns <= now_ns}
        for key in due:
            del self._resting[key]
        return list(due.values())

    def put_back(self, resting: Resting) -> None:
        """Its cancel was refused for now: it is due again, and has been told of."""
        key = order_key(resting.event)
        newest = self._resting.get(key, resting).event
        self._resting[key] = replace(resting, event=newest, told=True, deadline_ns=0)

    def hear(self, link: LinkState, now_ns: int) -> list[Resting]:
        """The connection changed: entries from before a loss that was too long, each once, watched no longer.

        They are known to rest still: before READY everything that ended meanwhile has been told.
        """
        self._client_id = link.client_id
        if link.phase is not LinkPhase.READY:
            self._lost_ns = now_ns if self._lost_ns is None else self._lost_ns
            return []
        lost_ns, self._lost_ns = self._lost_ns, None
        longest_ns = int(self._rules.cancel_on_link_loss_s * 1e9)
        if lost_ns is None or not longest_ns or now_ns - lost_ns <= longest_ns:
            return []
        old = {key: resting for key, resting in self._resting.items() if resting.since_ns < lost_ns}
        for key in old:
            del self._resting[key]
        return list(old.values())

    def forget(self) -> None:
        """Those that ended unheard rest no more; a snapshot tells of the others, whose time begins anew as after a
        start."""
        self._resting.clear()

    def __len__(self) -> int:
        return len(self._resting)

    def _limit_s(self, event: OrderLifecycleEvent) -> float:
        if event.algo:
            return self._rules.algo_timeout_s
        return self._rules.limit_timeout_s if event.order_type == "LMT" else self._rules.market_timeout_s


def alert(resting: Resting) -> Alert:
    """`execution_timeout` for the platform (contract 2.2); quantities in shares or contracts."""
    event, seconds = resting.event, (resting.deadline_ns - resting.since_ns) / 1e9
    return Alert(
        kind="execution_timeout",
        severity="warning",
        text=f"entry cancelled after {seconds:g} s with {event.filled:g} of {event.quantity:g} filled",
        ref=event.ref,
        signal_id=resting.delivery.rpartition("-")[0],
        symbol=event.contract.symbol if event.contract else "",
        details=(
            ("order_id", event.order_id),
            ("side", side_of(event)),
            ("filled", event.filled),
            ("timeout_seconds", seconds),
        ),
    )


def side_of(event: OrderLifecycleEvent) -> Side:
    """The view behind an entry: an option's is in its right, since options are bought for either (contract 0.1)."""
    contract = event.contract
    if contract is not None and contract.sec_type == "OPT":
        return "LONG" if contract.right == "C" else "SHORT"
    return "LONG" if event.action == "BUY" else "SHORT"
