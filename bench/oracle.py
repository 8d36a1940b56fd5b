"""What a subscriber heard, against the paper ledger: executions lost, doubled, out of order; orders left wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

CANCELLED = 202  # the code that says so
ENDS = frozenset({"Filled", "Cancelled"})


class Fill(Protocol):
    """An execution as it was heard."""

    @property
    def exec_id(self) -> str: ...
    @property
    def perm_id(self) -> int: ...
    @property
    def replayed(self) -> bool: ...


class Verdict(NamedTuple):
    """`lost`: executions never heard; `doubled`: heard again as news; `invented`: not in the ledger."""

    executions: int
    lost: int
    doubled: int
    out_of_order: int
    invented: int

    @property
    def sound(self) -> bool:
        """Whether every execution was heard once, in order, and no other."""
        return not (self.lost or self.doubled or self.out_of_order or self.invented)


def judge(ledger: Sequence[dict[str, Any]], fills: Iterable[Fill]) -> Verdict:
    """Compare the ledger's `execution` records with fills in the order they were heard.

    A repeat that is marked replayed is allowed; order is that of first appearances, per order.
    """
    wanted: dict[int, list[str]] = defaultdict(list)
    for record in ledger:
        wanted[record["perm_id"]].append(record["exec_id"])
    known = {record["exec_id"] for record in ledger}
    seen: set[str] = set()
    doubled = 0
    heard: dict[int, list[str]] = defaultdict(list)
    for fill in fills:
        if fill.exec_id not in seen:
            seen.add(fill.exec_id)
            heard[fill.perm_id].append(fill.exec_id)
        elif not fill.replayed:
            doubled += 1
    return Verdict(
        executions=len(known),
        lost=len(known - seen),
        doubled=doubled,
        out_of_order=sum(_out_of_order(ids, heard[perm_id]) for perm_id, ids in wanted.items()),
        invented=len(seen - known),
    )


def ends(ledger: Iterable[dict[str, Any]]) -> dict[int, str]:
    """What became of each order by its permId: Filled, Cancelled, or an empty text while it works.

    From the ledger's `order`, `execution` and `error` records alone.
    """
    quantity: dict[int, float] = {}
    perm_ids: dict[tuple[int, int], int] = {}
    filled: Counter[int] = Counter()
    cancelled = set()
    for record in ledger:
        match record["kind"]:
            case "order":
                quantity[record["perm_id"]] = float(record["quantity"])
                perm_ids[record["client_id"], record["order_id"]] = record["perm_id"]
            case "execution":
                filled[record["perm_id"]] += round(float(record["shares"]))
            case "error" if record["code"] == CANCELLED:
                cancelled.add(perm_ids[record["client_id"], record["order_id"]])
            case _:
                pass
    return {
        perm_id: "Filled" if filled[perm_id] == whole else "Cancelled" if perm_id in cancelled else ""
        for perm_id, whole in quantity.items()
    }


def as_end(status: str) -> str:
    """A status of IB as `ends` has it."""
    return status if status in ENDS else ""


def wrong_orders(told: Mapping[int, str], heard: Mapping[int, str]) -> int:
    """Orders whose last status that was heard is not their end in the ledger, and orders only one of them has."""
    return sum(
        perm_id not in told or perm_id not in heard or told[perm_id] != as_end(heard[perm_id])
        for perm_id in told.keys() | heard.keys()
    )


def holdings(executions: Iterable[dict[str, Any]]) -> dict[int, int]:
    """Positions by conId that the ledger's executions add up to, flat ones left out."""
    held: Counter[int] = Counter()
    for record in executions:
        held[record["con_id"]] += round(float(record["shares"])) * (1 if record["action"] == "BUY" else -1)
    return {con_id: quantity for con_id, quantity in held.items() if quantity}


def _out_of_order(wanted: list[str], heard: list[str]) -> int:
    """Executions that came before one that stands earlier in the ledger."""
    place = {exec_id: number for number, exec_id in enumerate(wanted)}
    places = [place[exec_id] for exec_id in heard if exec_id in place]
    return sum(later < earlier for earlier, later in pairwise(places))
