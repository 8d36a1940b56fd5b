"""What really happened, by the paper gateway's ledger, against what the router and the platform were told."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from ipc.bus import JournalReader
from router.messages import ExecutionFill, OrderChange, OrderParked
from tests.storm.stage import Stage
from workers.store import keys


class Verdict(NamedTuple):
    """`orders_per_ref_max` and `entries_per_signal_max` must be 1; `unaccounted`, `acks_off`, `lost` must be 0."""

    signals: int
    orders: int
    orders_per_ref_max: int
    entries_per_signal_max: int
    in_doubt: int
    parked: int
    unaccounted: int
    acks_off: int  # acks told but for one per signal
    executions: int
    lost: int  # executions of the ledger that the gateway's journal lacks
    doubled: int  # executions journalled twice as news
    flipped: int  # executions that turned a position round, which no signal here ever wants
    statuses: dict[str, int]

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        most = max(self.orders_per_ref_max, self.entries_per_signal_max)
        broken = self.unaccounted or self.acks_off or self.lost or self.doubled or self.flipped
        return most <= 1 and not broken


def judge(stage: Stage) -> Verdict:
    """Read everything and compare."""
    orders: dict[str, set[int]] = defaultdict(set)
    entries: dict[str, set[int]] = defaultdict(set)
    executed: set[str] = set()
    held: defaultdict[int, float] = defaultdict(float)
    flipped = 0
    for record in _ledger(stage):
        if record["kind"] == "order" and record["order_ref"]:
            orders[record["order_ref"]].add(record["perm_id"])
            if "-E" in record["order_ref"]:
                entries[record["order_ref"].partition("-")[0]].add(record["perm_id"])
        elif record["kind"] == "execution":
            executed.add(record["exec_id"])
            sign = 1 if record["action"] == "BUY" else -1
            held[record["con_id"]] += sign * float(record["shares"])
            flipped += held[record["con_id"]] < 0
    told: Counter[str] = Counter()
    heard: set[str] = set()
    in_doubt = parked = 0
    for envelope in JournalReader(stage.settings.journal("gateway")).read(topic="trade"):
        match envelope.message:
            case ExecutionFill() as fill:
                heard.add(fill.exec_id)
                told[fill.exec_id] += not fill.replayed
            case OrderParked():
                in_doubt += 1
                parked += 1
            case OrderChange(what="parked"):
                in_doubt += 1
            case _:
                pass
    acks = {signal_id: stage.ack(signal_id) for signal_id in stage.sent}
    counted = int(stage.redis.call("GET", keys.ACK_COUNTER) or 0)
    return Verdict(
        signals=len(stage.sent),
        orders=len(set().union(*orders.values())) if orders else 0,
        orders_per_ref_max=max(map(len, orders.values()), default=0),
        entries_per_signal_max=max(map(len, entries.values()), default=0),
        in_doubt=in_doubt,
        parked=parked,
        unaccounted=sum(ack is None for ack in acks.values()),
        acks_off=counted - sum(ack is not None for ack in acks.values()),
        executions=len(executed),
        lost=len(executed - heard),
        doubled=sum(count > 1 for count in told.values()),
        flipped=flipped,
        statuses=dict(Counter(ack["status"] for ack in acks.values() if ack)),
    )


def _ledger(stage: Stage) -> list[dict[str, Any]]:
    text = (stage.settings.paths.var / "paper.ledger").read_text()
    return [json.loads(line) for line in text.splitlines()]
