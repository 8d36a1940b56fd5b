"""Effects as commands on a real server, and the script that applies an event once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from router.effects import (
    Acknowledge,
    DeadLetter,
    Distribute,
    Effect,
    Gauge,
    OrderDone,
    OrderPending,
    PositionClosed,
    PositionCount,
    PositionGone,
    PositionOpen,
    Settle,
    Subject,
    Warn,
)
from router.messages import Heartbeat, LinkPhase, LinkState, SignalGated, Ticket
from tests.router.history import Story
from tests.workers.store.server import Server
from workers.store import egress, keys
from workers.store.client import Client, Command, StoreAway
from workers.store.egress import Applied, Offset, Unit

SUBJECT = Subject("abc-1", "abc", "SPY")
GROUP = "router"


def run(client: Client, *effects: Effect) -> None:
    """Write effects outside any event."""
    client.pipeline([command for effect in effects for command in egress.commands(effect, GROUP)])


def unit(seq: int, *commands: Command, publisher: str = "gateway", epoch: int = 5, part: int = 0) -> Unit:
    """An event with these writes."""
    return Unit(publisher, Offset(epoch, seq, part), f"event {seq}", list(commands))


@pytest.fixture
def ready(client: Client) -> Client:
    """A client whose server knows the script."""
    egress.load_script(client)
    return client


# ---------------------------------------------------------------- effects


def test_distribution_is_a_queue(client: Client) -> None:
    """LPUSH here, BRPOP there: first in, first out (contract 2.1)."""
    run(client, Distribute(SUBJECT, "ENTRY", {"n": 1}), Distribute(SUBJECT, "EXIT", {"n": 2}))
    assert client.call("RPOP", keys.DISTRIBUTION) == b'{"n":1}'


def test_an_ack_releases_counts_tells_and_settles(client: Client) -> None:
    """Contract 3, and the tickets of both adapters in the same breath."""
    client.pipeline(
        [
            ("SET", keys.live_lock("SPY", "sigfp:1"), "abc"),
            ("HSET", keys.TAKEN, "1-x", "payload"),
            ("XGROUP", "CREATE", "signals:stream", GROUP, "0", "MKSTREAM"),
            ("XADD", "signals:stream", "7-0", "data", "{}"),
            ("XREADGROUP", "GROUP", GROUP, "sizing", "STREAMS", "signals:stream", ">"),
        ]
    )
    listener = client.subscription()
    listener.subscribe(keys.ACKNOWLEDGED)
    tickets = (Ticket("list", keys.TAKEN, "1-x"), Ticket("stream", "signals:stream", "7-0"))
    run(client, Acknowledge(SUBJECT, "sigfp:1", {"id": "abc", "status": "FILLED"}, tickets))
    assert json.loads(client.call("GET", keys.ack("abc"))) == {"id": "abc", "status": "FILLED"}
    assert client.call("TTL", keys.ack("abc")) == 86_400
    assert client.call("GET", keys.ACK_COUNTER) == b"1"
    assert listener.receive(5.0) == keys.ACKNOWLEDGED.encode()
    assert client.call("EXISTS", keys.live_lock("SPY", "sigfp:1"), keys.TAKEN) == 0
    assert client.call("XPENDING", "signals:stream", GROUP)[0] == 0
    assert client.call("XLEN", "signals:stream") == 0
    listener.close()


def test_an_ack_without_a_fingerprint_releases_nothing(client: Client) -> None:
    """A lock whose name is not known is not guessed."""
    client.call("SET", keys.live_lock("SPY", ""), "abc")
    run(client, Acknowledge(SUBJECT, "", {}, ()), Settle(()))
    assert client.call("EXISTS", keys.live_lock("SPY", "")) == 1


def test_dead_letters_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept."""
    monkeypatch.setattr(egress, "MAX_DEAD_LETTERS", 2)
    run(client, *(DeadLetter(SUBJECT, {"n": n}) for n in range(5)))
    assert client.call("LRANGE", keys.DEAD_LETTER, 0, -1) == [b'{"n":4}', b'{"n":3}']


def test_an_alert_is_published(client: Client) -> None:
    """On the platform's channel, to whoever listens."""
    listener = client.subscription()
    listener.subscribe(keys.ALERTS)
    run(client, Warn({"type": "x"}))
    assert listener.receive(5.0) == keys.ALERTS.encode()
    listener.close()


def test_an_order_record_expires_unless_it_is_kept_alive(client: Client) -> None:
    """TTL as the platform's; the heartbeat renews it; its end deletes it."""
    run(client, OrderPending(101, {"order_id": 101}))
    assert client.call("TTL", keys.pending_order(101)) == 300
    client.call("EXPIRE", keys.pending_order(101), 5)
    client.pipeline(egress.heartbeat(1.5, [101], 2))
    assert client.call("TTL", keys.pending_order(101)) == 300
    assert client.call("GET", keys.EXECUTION_HEARTBEAT) == b"1.500"
    assert client.call("TTL", keys.POSITIONS_HEARTBEAT) == 15
    assert client.call("GET", keys.POSITION_COUNT) == b"2"
    run(client, OrderDone(101))
    assert client.call("EXISTS", keys.pending_order(101)) == 0


def test_positions_and_their_set_agree(client: Client) -> None:
    """The set of a symbol ends with its last position (contract 11.6)."""
    run(client, PositionOpen("SPY", "DU1:7", {"id": "DU1:7"}), PositionCount(1))
    assert client.call("GET", keys.open_position("SPY", "DU1:7")) == b'{"id":"DU1:7"}'
    assert client.call("SMEMBERS", keys.positions_by_symbol("SPY")) == [b"DU1:7"]
    run(client, PositionGone("SPY", "DU1:7"), PositionCount(0))
    assert client.call("KEYS", "positions:*") == [b"positions:count"]


def test_a_closed_trade_is_indexed_and_old_ones_leave_the_index(client: Client) -> None:
    """Member is the record's key, score the time of closing; what has expired is not listed."""
    old = PositionClosed("20250701", "DU1:7", {"n": 1}, 1_751_400_000.0)
    new = PositionClosed("20250919", "DU1:7", {"n": 2}, 1_758_300_000.0)
    run(client, old, new)
    assert client.call("ZRANGE", keys.CLOSED_INDEX, 0, -1, "WITHSCORES") == [
        b"positions:closed:20250919:DU1:7",
        b"1758300000",
    ]
    assert client.call("TTL", "positions:closed:20250919:DU1:7") >= 7 * 86_400


def test_gauges_have_keys(client: Client) -> None:
    """Each gauge has the platform's key."""
    run(
        client,
        *(Gauge(name, name) for name in egress.GAUGES),
    )
    found = client.pipeline([("GET", key) for key in egress.GAUGES.values()])
    assert found == [name.encode() for name in egress.GAUGES]


# ---------------------------------------------------------------- streams


def fields(entry: list[Any]) -> dict[str, str]:
    """Fields of a stream entry."""
    return {n.decode(): v.decode() for n, v in zip(entry[1][::2], entry[1][1::2], strict=True)}


def test_a_streams_entry_names_its_message(client: Client) -> None:
    """Explicit id {epoch}-{seq}; type, version, id, time, and the message as JSON with names."""
    message = Story().fill("E", 7, 2.5, exec_id="e.01")
    command = egress.stream_entry(message, publisher="gateway", offset=Offset(5, 9), at_ms=123, maxlen=10)
    assert command is not None
    client.call(*command)
    (entry,) = client.call("XRANGE", keys.FILLS_STREAM, "-", "+")
    assert entry[0] == b"5-9"
    found = fields(entry)
    data = json.loads(found.pop("data"))
    assert found == {"type": "ExecutionFill", "v": "1", "id": "gateway-5-9", "ts": "123"}
    assert (data["exec_id"], data["contract"]["symbol"]) == ("e.01", "SPY")
    assert data["executed_at"] == "2025-09-19T16:00:00Z"


def test_decisions_get_the_servers_ids(client: Client) -> None:
    """Two publishers share that stream, and their numbers do not compare."""
    for offset in (Offset(9, 9), Offset(1, 1)):
        command = egress.stream_entry(
            SignalGated("abc-1", "abc", "SPY", ("fresh",)),
            publisher="sizing",
            offset=offset,
            at_ms=1,
            maxlen=10,
        )
        assert command is not None
        client.call(*command)
    assert client.call("XLEN", keys.DECISIONS_STREAM) == 2


@pytest.mark.parametrize("message", [LinkState(LinkPhase.READY, ""), Heartbeat("x", 1, "ready", "", {})])
def test_what_has_no_stream_makes_no_entry(message: Any) -> None:
    """Link and heartbeats are keys, not history."""
    assert egress.stream_entry(message, publisher="x", offset=Offset(1, 1), at_ms=1, maxlen=10) is None


# ---------------------------------------------------------------- once


def test_a_server_that_lost_what_was_written_last_takes_nothing(ready: Client) -> None:
    """Each unit says what must have been applied before it, per publisher; after the loss none of them is."""
    last: dict[str, Offset] = {}
    first = [unit(1, ("INCR", "n")), unit(2, ("INCR", "n")), unit(7, ("INCR", "n"), publisher="sizing")]
    assert egress.apply(ready, first, last) == [Applied(True, [])] * 3
    assert last == {"gateway": Offset(5, 2), "sizing": Offset(5, 7)}
    ready.call("HSET", keys.OFFSETS, "gateway", str(Offset(5, 1)))
    with pytest.raises(StoreAway, match="written last"):
        egress.apply(ready, [unit(3, ("INCR", "n")), unit(4, ("INCR", "n"))], last)
    assert ready.call("GET", "n") == b"3"
    last["gateway"] = Offset(5, 1)  # as it was read back
    assert egress.apply(ready, [unit(2, ("INCR", "n"))], last) == [Applied(True, [])]
    ready.call("DEL", keys.OFFSETS)
    with pytest.raises(StoreAway, match="written last"):
        egress.apply(ready, [unit(8, publisher="sizing")], last)
    assert ready.call("EXISTS", keys.OFFSETS) == 0


def test_an_event_is_applied_once(ready: Client) -> None:
    """Sent again, alone or with others, it does nothing; order within a publisher is by epoch, seq, part."""
    first = [unit(1, ("INCR", "n")), unit(2, ("INCR", "n"))]
    assert egress.apply(ready, first) == [Applied(True, []), Applied(True, [])]
    again = [*first, unit(3, ("INCR", "n")), unit(3, ("INCR", "n"), part=1)]
    assert [applied.new for applied in egress.apply(ready, again)] == [False, False, True, True]
    assert [a.new for a in egress.apply(ready, [unit(1, ("INCR", "n"), epoch=6)])] == [True]
    assert [a.new for a in egress.apply(ready, [unit(99, ("INCR", "n"), epoch=5)])] == [False]
    assert [a.new for a in egress.apply(ready, [unit(1, ("INCR", "n"), publisher="sizing")])] == [True]
    assert ready.call("GET", "n") == b"6"
    assert ready.call("HGET", keys.OFFSETS, "gateway") == b"6-1-0"


def test_epochs_of_today_compare_exactly(ready: Client) -> None:
    """Epochs are epoch milliseconds: thirteen digits must not lose any in Lua."""
    epoch = 1_795_475_000_123
    assert egress.apply(ready, [unit(1, epoch=epoch)])[0].new
    assert not egress.apply(ready, [unit(1, epoch=epoch)])[0].new
    assert egress.apply(ready, [unit(1, epoch=epoch + 1)])[0].new


def test_a_key_of_a_wrong_type_costs_its_own_write_only(ready: Client) -> None:
    """The error is returned and kept; the event's other writes, and the next event, go through."""
    ready.call("SET", keys.DISTRIBUTION, "oops")
    applied = egress.apply(
        ready,
        [
            unit(1, ("SET", "a", 1), ("LPUSH", keys.DISTRIBUTION, "x"), ("SET", "b", 1)),
            unit(2, ("SET", "c", 1)),
        ],
    )
    assert [a.new for a in applied] == [True, True]
    (problem,) = applied[0].errors
    assert problem.startswith(f"LPUSH {keys.DISTRIBUTION}: WRONGTYPE")
    assert ready.call("MGET", "a", "b", "c") == [b"1", b"1", b"1"]
    assert ready.call("LRANGE", keys.ERRORS, 0, -1) == [f"event 1 {problem}".encode()]


def test_the_error_log_is_bounded(ready: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that stays wrong for days does not fill the memory."""
    monkeypatch.setattr(egress, "MAX_ERRORS", 3)
    ready.call("SET", "text", "oops")
    egress.apply(ready, [unit(seq, ("LPUSH", "text", "x")) for seq in range(10)])
    assert ready.call("LLEN", keys.ERRORS) == 3


def test_a_server_that_takes_no_writes_keeps_the_event_for_later(own_server: Callable[..., Server]) -> None:
    """Out of memory the script does nothing at all: no offset, no half an event."""
    client = own_server().client()
    egress.load_script(client)
    client.call("SET", "gone", 1)
    client.call("CONFIG", "SET", "maxmemory", 1)
    event = unit(1, ("DEL", "gone"), ("SET", "a", 1))
    with pytest.raises(StoreAway, match="OOM"):
        egress.apply(client, [event])
    assert client.call("EXISTS", "gone", keys.OFFSETS) == 1
    client.call("CONFIG", "SET", "maxmemory", 0)
    assert egress.apply(client, [event]) == [Applied(True, [])]
    client.close()


def test_a_server_that_forgot_the_script_is_one_to_come_back_to(client: Client) -> None:
    """NOSCRIPT is told as Redis being away, after which dispatch starts again and loads it."""
    client.call("SCRIPT", "FLUSH")
    with pytest.raises(StoreAway, match="NOSCRIPT"):
        egress.apply(client, [unit(1)])


def test_unusable_offsets_stop_everything(ready: Client) -> None:
    """Without its guard an event must not be applied."""
    ready.call("SET", keys.OFFSETS, "oops")
    with pytest.raises(StoreAway, match="WRONGTYPE"):
        egress.apply(ready, [unit(1, ("SET", "a", 1))])
    assert ready.call("EXISTS", "a") == 0


def test_an_offset_reads_back() -> None:
    """As it is stored."""
    assert str(Offset(5, 9)) == "5-9-0"
