"""Ingress on a real server: order, halts, caps, and nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.messages import Ticket
from tests.workers.store.server import Server
from workers.store import ingress as module
from workers.store import keys
from workers.store.client import Client, StoreAway, StoreRefused
from workers.store.ingress import ListIngress, StreamIngress, Taken, settle_commands

SYMBOLS = ("SPY", "QQQ")
STREAM, GROUP = "signals:stream", "router"


def lists(client: Client, *, cap: int = 5) -> ListIngress:
    """The list adapter under test."""
    return ListIngress(client, SYMBOLS, max_per_symbol=cap)


def stream(client: Client) -> StreamIngress:
    """The stream adapter under test."""
    return StreamIngress(client, STREAM, GROUP)


def push(client: Client, symbol: str, *payloads: str) -> None:
    """What the platform's producer does."""
    for payload in payloads:
        client.call("LPUSH", keys.execution_list(symbol), payload)


def payloads(taken: list[Taken]) -> list[bytes]:
    """Payloads in the order taken."""
    return [one.payload for one in taken]


def settle(client: Client, taken: list[Taken]) -> None:
    """What dispatch does with the ack."""
    client.pipeline([command for one in taken for command in settle_commands(one.ticket, GROUP)])


# ---------------------------------------------------------------- lists


def test_each_list_is_first_in_first_out_and_none_starves(client: Client) -> None:
    """Signals of one symbol keep their order; symbols take turns."""
    push(client, "SPY", "s1", "s2", "s3")
    push(client, "QQQ", "q1")
    taken = lists(client).take()
    assert payloads(taken) == [b"s1", b"q1", b"s2", b"s3"]
    assert [one.symbol_hint for one in taken] == ["SPY", "QQQ", "SPY", "SPY"]
    assert not any(one.redelivered for one in taken)


def test_one_take_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood is taken in batches, in order, and none of it is lost between them."""
    monkeypatch.setattr(module, "BATCH", 3)
    push(client, "SPY", *"abcdefg")
    port = lists(client)
    assert [payloads(port.take()) for _ in range(4)] == [
        [b"a", b"b", b"c"],
        [b"d", b"e", b"f"],
        [b"g"],
        [],
    ]


def test_what_was_taken_comes_back_until_it_is_settled(client: Client) -> None:
    """A dead sizing's signals are found by the next one, oldest first; the settled ones are not."""
    push(client, "SPY", *(f"s{number}" for number in range(12)))
    taken = lists(client).take()
    settle(client, taken[:5])
    again = lists(client).recover()
    assert payloads(again) == payloads(taken)[5:]
    assert [one.ticket for one in again] == [one.ticket for one in taken[5:]]
    assert all(one.redelivered for one in again)
    settle(client, again)
    assert lists(client).recover() == []
    assert client.call("EXISTS", keys.TAKEN) == 0


def test_the_same_payload_twice_is_two_signals(client: Client) -> None:
    """Equal bytes get tickets of their own, so settling one keeps the other."""
    push(client, "SPY", "same", "same")
    first, second = lists(client).take()
    assert first.ticket != second.ticket
    settle(client, [first])
    assert [one.ticket for one in lists(client).recover()] == [second.ticket]


def test_any_bytes_survive(client: Client) -> None:
    """A payload with newlines, zeros and bad UTF-8 comes back as it was, also after a crash."""
    payload = b"\x00\xff\n\n{broken"
    client.call("LPUSH", keys.execution_list("SPY"), payload)
    assert payloads(lists(client).take()) == [payload]
    assert payloads(lists(client).recover()) == [payload]


@pytest.mark.parametrize("key", [keys.HALT, keys.PERMANENT_HALT])
def test_a_halt_takes_nothing(client: Client, key: str) -> None:
    """While either switch says true signals wait in Redis; any other word runs."""
    push(client, "SPY", "s1")
    client.call("XADD", STREAM, "*", "data", "x1")
    client.call("SET", key, "true")
    assert lists(client).take() == []
    assert stream(client).take() == []
    client.call("SET", key, "false")
    assert payloads(lists(client).take()) == [b"s1"]
    assert payloads(stream(client).take()) == [b"x1"]


def test_a_halt_switch_of_another_type_halts(client: Client) -> None:
    """A switch nobody can read is taken for on."""
    push(client, "SPY", "s1")
    client.call("LPUSH", keys.HALT, "what?")
    assert lists(client).take() == []


def test_a_full_symbol_waits_and_the_others_flow(client: Client) -> None:
    """At max_per_symbol open positions a symbol's signals stay queued (contract 1.1)."""
    push(client, "SPY", "s1")
    push(client, "QQQ", "q1")
    client.call("SADD", keys.positions_by_symbol("SPY"), "a", "b")
    port = lists(client, cap=2)
    assert payloads(port.take()) == [b"q1"]
    client.call("SREM", keys.positions_by_symbol("SPY"), "a")
    assert payloads(port.take()) == [b"s1"]


def test_a_list_of_another_type_stops_only_itself(client: Client) -> None:
    """A key that is no list, or a positions set that is none, is told once; other symbols flow."""
    client.call("SET", keys.execution_list("SPY"), "oops")
    push(client, "QQQ", "q1")
    port = lists(client)
    assert payloads(port.take()) == [b"q1"]
    assert [error.split(":")[-2:] for error in port.errors] != []
    client.call("DEL", keys.execution_list("SPY"))
    client.call("SET", keys.positions_by_symbol("QQQ"), "oops")
    push(client, "QQQ", "q2")
    assert port.take() == []
    assert any(keys.positions_by_symbol("QQQ") in error for error in port.errors)


def test_nothing_is_popped_when_it_cannot_be_kept(client: Client) -> None:
    """If the hash of the taken is unusable the signal stays in its list."""
    client.call("SET", keys.TAKEN, "oops")
    push(client, "SPY", "s1")
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        lists(client).take()
    assert client.call("LLEN", keys.execution_list("SPY")) == 1


def test_signals_wait_while_redis_is_away_and_survive_its_restart(own_server: Callable[..., Server]) -> None:
    """Neither what waits nor what was taken is lost by a restart of Redis."""
    server = own_server()
    client = server.client()
    port = lists(client)
    push(client, "SPY", "s1")
    port.take()
    push(client, "SPY", "s2")
    server.stop()
    with pytest.raises(StoreAway):
        port.take()
    server.start()
    assert payloads(port.take()) == [b"s2"]
    assert payloads(lists(client).recover()) == [b"s1", b"s2"]
    client.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["push SPY", "push QQQ", "take", "crash", "settle"]), max_size=40))
def test_nothing_is_lost_or_doubled(client: Client, steps: list[str]) -> None:
    """Whatever the order of pushes, takes, crashes and settlements: each signal is in exactly one place."""
    client.call("FLUSHALL")
    port = lists(client)
    pushed: list[bytes] = []
    settled: list[bytes] = []
    held: dict[Ticket, bytes] = {}
    for step in steps:
        if step.startswith("push"):
            pushed.append(f"{step}-{len(pushed)}".encode())
            push(client, step.split()[1], pushed[-1].decode())
        elif step == "settle" and held:
            ticket, payload = held.popitem()
            client.pipeline(settle_commands(ticket, GROUP))
            settled.append(payload)
        elif step == "take":
            held |= {one.ticket: one.payload for one in port.take()}
        elif step == "crash":
            port = lists(client)
            assert held == {one.ticket: one.payload for one in port.recover()}
    held |= {one.ticket: one.payload for one in port.take()}
    assert sorted([*held.values(), *settled]) == sorted(pushed)


# ---------------------------------------------------------------- stream


def test_the_stream_is_read_in_order_and_settled(client: Client) -> None:
    """Entries added before the first start count too; settled ones leave the stream and the group."""
    for number in range(3):
        client.call("XADD", STREAM, "*", "data", f"x{number}")
    taken = stream(client).take()
    assert payloads(taken) == [b"x0", b"x1", b"x2"]
    again = stream(client).recover()
    assert [(one.ticket, one.payload) for one in again] == [(one.ticket, one.payload) for one in taken]
    assert all(one.redelivered for one in again)
    settle(client, again)
    assert stream(client).recover() == []
    assert client.call("XLEN", STREAM) == 0
    assert client.call("XPENDING", STREAM, GROUP)[0] == 0


def test_a_deleted_stream_is_made_anew(client: Client) -> None:
    """Taking from a stream that an operator deleted recreates the group and goes on."""
    port = stream(client)
    assert port.take() == []
    client.call("DEL", STREAM)
    client.call("XADD", STREAM, "*", "data", "x")
    assert payloads(port.take()) == [b"x"]


def test_a_stream_key_of_another_type_is_refused(client: Client) -> None:
    """An unusable stream key is told, not taken for an empty stream."""
    client.call("SET", STREAM, "oops")
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        stream(client).take()
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        stream(client).recover()


def test_an_entry_without_data_is_kept_whole(client: Client) -> None:
    """A producer that named its field otherwise is refused with what it sent in view."""
    client.call("XADD", STREAM, "*", "payload", "x", "more", "y")
    assert payloads(stream(client).take()) == [b'{"payload": "x", "more": "y"}']


def test_entries_deleted_while_pending_do_not_come_back(client: Client) -> None:
    """Nothing can be done about a signal that somebody deleted, so it does not stay pending for ever."""
    for name in ("x0", "x1"):
        client.call("XADD", STREAM, "*", "data", name)
    first, _ = stream(client).take()
    client.call("XDEL", STREAM, first.ticket.entry)
    assert payloads(stream(client).recover()) == [b"x1"]
    assert client.call("XPENDING", STREAM, GROUP)[0] == 1


def test_a_dead_consumers_signals_are_adopted_and_a_living_ones_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another name left pending long ago is ours; what it took just now is not."""
    stream(client).take()
    client.call("XADD", STREAM, "*", "data", "x")
    client.call("XREADGROUP", "GROUP", GROUP, "old-name", "STREAMS", STREAM, ">")
    assert stream(client).recover() == []
    monkeypatch.setattr(module, "DEAD_AFTER_MS", 0)
    recovered = stream(client).recover()
    assert payloads(recovered) == [b"x"]
    assert recovered[0].redelivered


def test_recovery_pages_through_many(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More pending signals than one batch are all found."""
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(5):
        client.call("XADD", STREAM, "*", "data", f"x{number}")
    port = stream(client)
    for _ in range(3):
        port.take()
    assert payloads(port.recover()) == [b"x0", b"x1", b"x2", b"x3", b"x4"]
