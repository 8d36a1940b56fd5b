"""What really happened, by the paper gateway's ledger, against what the router and the platform were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from ipc.bus import JournalReader
from router.messages import ExecutionFill, OrderChange, OrderParked
from tests.storm.books import ledger, settled_differences, signed
from tests.storm.stage import Stage
from workers.store import keys

NEVER_SENT = {"STALE", "NO_MARKET_DATA", "DRY_RUN"}  # IB never saw an order of it


class Verdict(NamedTuple):
    """`orders_per_ref_max` and `entries_per_signal_max` must be 1; what follows `statuses` must be nothing, but for the last."""

    signals: int
    orders: int
    orders_per_ref_max: int
    entries_per_signal_max: int
    in_doubt: int
    parked: int
    executions: int
    statuses: dict[str, int]
    unaccounted: int  # signals without an ack
    acks_off: int  # acks told but for one per signal
    belied: int  # signals told as never sent, or as sent and never filled, whose entry was
    lost: int  # executions of the ledger that the gateway's journal lacks
    doubled: int  # executions journalled twice as news
    flipped: int  # executions that turned a position round, which no signal here ever wants
    differences: tuple[str, ...]  # between the books at the end, see `tests.storm.books`
    crashes: tuple[str, ...]  # processes that ended otherwise than by SIGKILL
    pushed_again: int  # signals that Redis had taken and lost when it was killed, see docs/reliability.md

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, in words."""
        promises = {
            "one order per orderRef": self.orders_per_ref_max <= 1,
            "one entry per signal": self.entries_per_signal_max <= 1,
            "every signal accounted for": not self.unaccounted,
            "one ack per signal": not self.acks_off,
            "no ack belied by the ledger": not self.belied,
            "no execution lost": not self.lost,
            "no execution doubled": not self.doubled,
            "no position flipped": not self.flipped,
            "all books agree": not self.differences,
            "no process crashed": not self.crashes,
        }
        return [promise for promise, kept in promises.items() if not kept]

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not self.broken


def judge(stage: Stage) -> Verdict:
    """Wait until the books agree, at most as long as that may take, then read everything and compare."""
    apart = settled_differences(stage)
    executed, filled, flipped = _executed(stage)  # before what was heard is read: the market goes on
    orders: dict[str, set[int]] = defaultdict(set)
    entries: dict[str, set[int]] = defaultdict(set)
    for record in ledger(stage, "order"):
        if record["order_ref"]:
            orders[record["order_ref"]].add(record["perm_id"])
            if "-E" in record["order_ref"]:
                entries[record["order_ref"].partition("-")[0]].add(record["perm_id"])
    told: Counter[str] = Counter()
    heard: set[str] = set()
    doubts: set[str] = set()
    parked: set[str] = set()
    for envelope in JournalReader(stage.settings.journal("gateway")).read(topic="trade"):
        match envelope.message:
            case ExecutionFill() as fill:
                heard.add(fill.exec_id)
                told[fill.exec_id] += not fill.replayed
            case OrderParked(delivery=delivery):
                doubts.add(delivery)
                parked.add(delivery)
            case OrderChange(what="parked", name=delivery):
                doubts.add(delivery)
            case _:
                pass
    acks = {signal_id: stage.ack(signal_id) for signal_id in stage.sent}
    counted = int(stage.call("GET", keys.ACK_COUNTER) or 0)
    return Verdict(
        signals=len(stage.sent),
        orders=len(set().union(*orders.values())),
        orders_per_ref_max=max(map(len, orders.values()), default=0),
        entries_per_signal_max=max(map(len, entries.values()), default=0),
        in_doubt=len(doubts),
        parked=len(parked),
        executions=len(executed),
        statuses=dict(Counter(ack["status"] for ack in acks.values() if ack)),
        unaccounted=sum(ack is None for ack in acks.values()),
        acks_off=counted - sum(ack is not None for ack in acks.values()),
        belied=sum(
            ack is not None and belies(ack["status"], sent=signal_id in entries, filled=signal_id in filled)
            for signal_id, ack in acks.items()
        ),
        lost=len(executed - heard),
        doubled=sum(count > 1 for count in told.values()),
        flipped=flipped,
        differences=tuple(apart),
        crashes=tuple(stage.crashes),
        pushed_again=stage.pushed_again,
    )


def belies(status: str, *, sent: bool, filled: bool) -> bool:
    """Whether the ledger says otherwise than an ack."""
    if status == "FILLED":
        return not filled
    return filled or (sent and status in NEVER_SENT)


def _executed(stage: Stage) -> tuple[set[str], set[str], int]:
    """Every execution of the ledger, the signals whose entry filled, and how many executions left a position short."""
    held: defaultdict[int, float] = defaultdict(float)
    flipped = 0
    records = ledger(stage, "execution")
    for record in records:
        held[record["con_id"]] += signed(record)
        flipped += held[record["con_id"]] < 0
    filled = {ref.partition("-")[0] for record in records if "-E" in (ref := record["order_ref"])}
    return {record["exec_id"] for record in records}, filled, flipped
