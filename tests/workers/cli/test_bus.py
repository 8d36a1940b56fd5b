"""Bus messages as lines."""

from __future__ import annotations

import json
import re

from conf.settings import Settings
from ipc.bus import Envelope
from ipc.topics import TOPICS
from router.messages import ContractSpec, Message, OrderIntent, PnLSnapshot, PositionSnapshot
from tests.workers.cli.test_life import DELIVERY, REQUEST, SENT
from workers.cli.bus import EVERYBODY, KINDS, ask_monitor, for_machines, for_people

OPTION = ContractSpec("OPT", "SPY", expiry="20250919", strike=451.5, right="C", multiplier=100)


def envelope(message: Message) -> Envelope:
    """A message as it comes from the gateway."""
    return Envelope("gateway", 7, 3, "trade", 2, 1_000, 1_758_290_400_123_000_000, message)


def test_a_line_for_people_is_short_and_leaves_out_what_says_nothing() -> None:
    """Contracts and nested parts by name, zeros kept, empty fields and what only a clock of the machine means not."""
    position = PositionSnapshot("DU1", OPTION, 0.0, 2.5, replayed=False, received_ns=5)
    line = for_people(envelope(position))
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.123 gateway    trade#2 PositionSnapshot "
        r"account=DU1 contract=SPY-20250919-451.5C quantity=0.0 avg_cost=2.5",
        line,
    )
    pnl = PnLSnapshot("DU1", 0, None, 0.0, None, None, 5)
    assert for_people(envelope(pnl)).endswith("PnLSnapshot account=DU1 con_id=0 unrealized=0.0")


def test_nested_parts_are_named() -> None:
    """A request by its delivery, legs by their orderRefs, a stock by its symbol, a plain part by its fields."""
    (intent,) = [message for message in SENT if isinstance(message, OrderIntent)]
    line = for_people(envelope(intent))
    assert f"request={DELIVERY} legs=[{DELIVERY}-E,{DELIVERY}-T1,{DELIVERY}-S1]" in line
    assert "ticket={source=list,key=router:ingress:taken,entry=abc}" in for_people(envelope(SENT[0]))
    stock = PositionSnapshot("DU1", ContractSpec("STK", "AAPL"), 1.0, 2.5, replayed=False, received_ns=5)
    assert "contract=AAPL" in for_people(envelope(stock))


def test_a_line_for_machines_has_everything() -> None:
    """Type, version, envelope and the whole message as JSON."""
    (intent,) = [message for message in SENT if isinstance(message, OrderIntent)]
    document = json.loads(for_machines(envelope(intent)))
    assert (document["type"], document["v"], document["topic"], document["topic_seq"]) == (
        "OrderIntent",
        1,
        "trade",
        2,
    )
    assert document["data"]["request"]["quantity"] == REQUEST.quantity


def test_names_come_from_the_topics_table() -> None:
    """Every publisher and every message of the table can be asked for."""
    assert EVERYBODY == ("dispatch", "gateway", "monitor", "sizing", "submission")
    assert set(KINDS.values()) == set(TOPICS)


def test_a_monitor_that_is_not_there_gives_no_answer(settings: Settings) -> None:
    """None, after a short wait, and no error."""
    assert ask_monitor(settings) is None
