"""No unprotected position, and none protected twice (platform contract 0.14): what to do about one position. Pure.

A stop that is larger than its position would turn it round, so too much is as wrong as too little. Orders that close
come in groups of which only one fills (OCA), a stop and its target; a group protects as much as its largest stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from router.bracket import split_ref, stem_of
from router.contract import describe
from router.messages import Alert, ContractSpec, Leg, OrderLifecycleEvent
from router.quantity import EPSILON, orderable
from router.stops import TRAILS

STOPS = frozenset({"STP", "STP LMT"}) | TRAILS
AT_ONCE = frozenset({"MKT", "MIDPRICE"})
GUARD = "guard:"  # orderRefs of protection for what no delivery of ours has opened

Kind = Literal["stop", "target", "exit"]


class Closer(NamedTuple):
    """A live order that would close the position. `quantity` is what of it is at work, not waiting for a parent."""

    ref: str
    group: str
    kind: Kind
    quantity: float
    ours: bool
    made_by_guard: bool = False


class Cut(NamedTuple):
    """Leave only this much of an order; 0 cancels it."""

    ref: str
    quantity: int


class Repair(NamedTuple):
    """`missing` is the quantity for a new stop; `alone`: without a target, because somebody else's is there."""

    missing: int
    cuts: tuple[Cut, ...]
    alone: bool = False

    @property
    def needed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.missing or self.cuts)


NOTHING = Repair(0, ())


def judge(position: float, closers: Sequence[Closer]) -> Repair:
    """What makes the live stops equal to the position. Cuts come first: nothing is added while too much is there.

    Of a position with a fraction, its whole part: a stop for the next whole number would turn it round.
    """
    held = abs(position)
    by_group: dict[object, list[Closer]] = {}
    for number, closer in enumerate(closers):
        # two of ours under one ref are an incident, of which the gateway cancels one; others may name theirs alike
        alone = (closer.ref, closer.ours, 0 if closer.ours else number)
        by_group.setdefault(closer.group or alone, []).append(closer)
    groups = list(by_group.values())
    covered = sum(_covered(members) for members in groups)
    cuts = (*_loose_targets(groups), *_too_much(groups, covered - held))
    if cuts:
        return Repair(0, cuts)
    foreign_target = any(not _covered(members) for members in groups)  # ours were cut
    missing = orderable(max(0.0, held - covered))
    return Repair(missing, (), alone=foreign_target) if missing > 0 else NOTHING


def _loose_targets(groups: Iterable[list[Closer]]) -> tuple[Cut, ...]:
    """Our targets beyond the stop of their group: when one fills, it would sell what another stop protects."""
    return tuple(
        Cut(member.ref, orderable(_covered(members)))
        for members in groups
        for member in members
        if member.ours and member.kind == "target" and member.quantity > _covered(members) + EPSILON
    )


def _too_much(groups: Iterable[list[Closer]], excess: float) -> tuple[Cut, ...]:
    """Take the excess from groups that are all ours: first what the guard itself had put there."""
    cuts: list[Cut] = []
    ours = [members for members in groups if all(member.ours for member in members) and _covered(members)]
    for members in sorted(ours, key=lambda group: not any(member.made_by_guard for member in group)):
        if excess <= EPSILON:
            break
        size = _covered(members)
        left = orderable(max(0.0, size - excess))
        cuts += [Cut(member.ref, left) for member in members if member.quantity > left + EPSILON]
        excess -= size - left
    return tuple(cuts)


def alert(account: str, contract: ContractSpec, position: float, repair: Repair, why: str) -> Alert:
    """What a person is told of a position that is not protected as it is held; `why` says what was or was not done."""
    wrong = f"{repair.missing:g} without a stop" if repair.missing else "more at work than is held"
    return Alert(
        kind="position_unprotected",
        severity="critical",
        text=f"{position:g} {describe(contract)} in {account}, {wrong}: {why}",
        symbol=contract.symbol,
        details=(
            ("account", account),
            ("con_id", str(contract.con_id)),
            ("position", f"{position:g}"),
            ("missing", str(repair.missing)),
            ("too_much", ", ".join(cut.ref for cut in repair.cuts)),
        ),
    )


def superfluous(
    legs: Sequence[Leg], position: float, orders: Iterable[OrderLifecycleEvent], *, client_id: int
) -> bool:
    """Whether the guard's new stops would protect more than is held: it found them missing a moment ago.

    `orders`: the live ones of the position's account and contract.
    """
    wanted = [leg for leg in legs if is_guards(leg.ref) and leg.role == "stop"]
    if not wanted:
        return False
    closes = "SELL" if position > 0 else "BUY"
    missing = judge(position, closers_of(position, orders, client_id=client_id)).missing
    return any(leg.action != closes for leg in wanted) or sum(leg.quantity for leg in wanted) > missing


def closers_of(position: float, orders: Iterable[OrderLifecycleEvent], *, client_id: int) -> list[Closer]:
    """The live orders of one account and contract that close a position of this sign."""
    listed = list(orders)
    parents = {event.order_id: event for event in listed if event.client_id == client_id}
    action = "SELL" if position > 0 else "BUY"
    found = []
    for event in listed:
        if event.action != action and abs(position) > EPSILON:
            continue
        if event.ref.endswith("-E"):
            continue
        parent = parents.get(event.parent_id) if event.parent_id else None
        quantity = event.remaining if parent is None else _awake(event, parent)
        if quantity > EPSILON:
            found.append(
                Closer(
                    ref=event.ref,
                    group=event.oca_group,
                    kind=_kind(event.order_type),
                    quantity=quantity,
                    ours=event.client_id == client_id and is_ours(event.ref),
                    made_by_guard=is_guards(event.ref),
                )
            )
    return found


def is_ours(ref: str) -> bool:
    """Whether an orderRef is one that the router made."""
    return bool(stem_of(ref)) or ref.startswith(GUARD)


def is_guards(ref: str) -> bool:
    """Whether the guard made it: its stops and targets are numbered by time, those of a bracket from one."""
    stem, leg = split_ref(ref)
    return ref.startswith(GUARD) or (bool(stem) and leg[0] in "ST" and len(leg) > 5)


def _awake(event: OrderLifecycleEvent, parent: OrderLifecycleEvent) -> float:
    """A child whose parent lives waits, or works for what the parent has filled."""
    if "child" in event.why_held:
        return 0.0
    return min(event.remaining, parent.filled)


def _kind(order_type: str) -> Kind:
    if order_type in STOPS:
        return "stop"
    return "exit" if order_type in AT_ONCE else "target"


def _covered(members: Sequence[Closer]) -> float:
    """What a group protects: its largest order that is no target."""
    return max((member.quantity for member in members if member.kind != "target"), default=0.0)
