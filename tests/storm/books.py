"""Whether everybody ended with the same books: the paper ledger, the gateway, Redis, the guard and the events told."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from router.bracket import stem_of
from router.messages import HoldingsReply
from router.protection import closers_of, judge
from tests.storm.stage import Stage
from workers.store import keys

SETTLE_S = (
    20.0  # for a market that moves on to let all of them agree once: the guard's repairs take the longest
)
EPSILON = 1e-6

Record = Mapping[str, Any]


def ledger(stage: Stage, kind: str) -> list[dict[str, Any]]:
    """Records of the paper ledger of one kind, oldest first; one that is being written is left out."""
    lines = (stage.settings.paths.var / "paper.ledger").read_bytes().split(b"\n")[:-1]
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def settled_differences(stage: Stage) -> list[str]:
    """What is still different when everybody had the time to agree; empty as soon as nothing is."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        stage.revive()
        found = differences(stage)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def differences(stage: Stage) -> list[str]:
    """In words, at this moment."""
    holdings = stage.holdings()
    if holdings is None:
        return ["the gateway is not READY"]
    executions = ledger(stage, "execution")
    return [
        *_positions(stage, executions, holdings),
        *_unprotected(stage, holdings),
        *events_off(executions, told(stage)),
    ]


def held(executions: Iterable[Record]) -> dict[int, float]:
    """conId -> signed quantity of every contract that is not flat."""
    net: defaultdict[int, float] = defaultdict(float)
    for record in executions:
        net[record["con_id"]] += signed(record)
    return {con_id: quantity for con_id, quantity in net.items() if abs(quantity) > EPSILON}


def signed(execution: Record) -> float:
    """Its shares, negative for a sale."""
    return float(execution["shares"]) * (1 if execution["action"] == "BUY" else -1)


def _positions(stage: Stage, executions: Iterable[Record], holdings: HoldingsReply) -> list[str]:
    """The ledger's positions, the gateway's, and those the platform reads."""
    really = held(executions)
    gateway = {one.contract.con_id: one.quantity for one in holdings.positions}
    documents = [json.loads(raw) for key in _open_keys(stage) if (raw := stage.call("GET", key))]
    platform = {one["ib_con_id"]: one["quantity"] * (1 if one["side"] == "LONG" else -1) for one in documents}
    count = int(stage.call("GET", keys.POSITION_COUNT) or 0)
    found = [f"positions of {name}: {books}, really {really}"
             for name, books in (("the gateway", gateway), ("the platform", platform)) if books != really]  # fmt: skip
    return found + ([f"positions:count is {count}, really {len(really)}"] if count != len(really) else [])


def _open_keys(stage: Stage) -> list[bytes]:
    return list(stage.call("KEYS", keys.open_position("*", "*")))


def _unprotected(stage: Stage, holdings: HoldingsReply) -> list[str]:
    """Where the live stops are not as large as the position."""
    positions = {one.contract.con_id: one.quantity for one in holdings.positions}
    orders: defaultdict[int, list[Any]] = defaultdict(list)
    for event in holdings.orders:
        if event.contract is not None:
            orders[event.contract.con_id].append(event)
    client_id = stage.settings.broker.client_id
    found = []
    for con_id in positions.keys() | orders.keys():
        position = positions.get(con_id, 0.0)
        repair = judge(position, closers_of(position, orders[con_id], client_id=client_id))
        if repair.needed:
            found.append(f"protection of {position:g} in {con_id}: {repair}")
    return found


def told(stage: Stage) -> list[Record]:
    """The lifecycle events that wait for the distributor, newest first."""
    return [json.loads(raw) for raw in stage.call("LRANGE", keys.DISTRIBUTION, 0, -1)]


def events_off(executions: Iterable[Record], events: Iterable[Record]) -> list[str]:
    """One ENTRY for each delivery that was filled, one EXIT for each that was closed since, no event twice.

    It is closed when its own orders have sold what it bought, or when nothing of its contract is held any more: the
    guard protects what several deliveries hold in the name of one, and what is closed by hand is closed in nobody's.
    """
    left: defaultdict[str, float] = defaultdict(float)  # by delivery
    held: defaultdict[int, float] = defaultdict(float)
    deliveries: defaultdict[int, set[str]] = defaultdict(set)
    closed: set[str] = set()
    for record in executions:
        con_id, stem = record["con_id"], stem_of(record["order_ref"])
        held[con_id] += signed(record)
        if stem:
            left[stem] += signed(record)
        if stem and record["order_ref"] == f"{stem}-E":
            deliveries[con_id].add(stem)
        elif left[stem] < EPSILON:
            closed.add(stem)
        if abs(held[con_id]) < EPSILON:
            closed |= deliveries[con_id]
    entered = set().union(*deliveries.values())
    entries: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for event in events:
        tokens[event["dedupe_token"]] += 1
        entries[event["id"]] += event["action_type"] == "ENTRY"
        exits[event["id"]] += event["action_type"] == "EXIT"
    return [
        *(f"dedupe_token {token} told {count} times" for token, count in tokens.items() if count > 1),
        *_apart("ENTRY", entries, Counter(map(_signal, entered))),
        *_apart("EXIT", exits, Counter(map(_signal, entered & closed))),
    ]


def _apart(kind: str, events: Counter[str], wanted: Counter[str]) -> list[str]:
    return [
        f"{kind} of {signal_id} told {events[signal_id]} times instead of {wanted[signal_id]}"
        for signal_id in sorted(events.keys() | wanted.keys())
        if events[signal_id] != wanted[signal_id]
    ]


def _signal(stem: str) -> str:
    return stem.rpartition("-")[0]
