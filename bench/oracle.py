"""What a subscriber heard of executions, against the paper ledger: lost, doubled, out of order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from router.messages import ExecutionFill


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


def judge(ledger: Sequence[dict[str, Any]], fills: Iterable[ExecutionFill]) -> Verdict:
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


def _out_of_order(wanted: list[str], heard: list[str]) -> int:
    """Executions that came before one that stands earlier in the ledger."""
    place = {exec_id: number for number, exec_id in enumerate(wanted)}
    places = [place[exec_id] for exec_id in heard if exec_id in place]
    return sum(later < earlier for earlier, later in pairwise(places))
