"""The client: failures are told, nothing is repeated."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from tests.workers.store.server import Server
from workers.store.client import Client, Script, StoreAway, StoreRefused, connect


def test_replies_are_raw(client: Client) -> None:
    """A reply has the shape of the protocol, whatever redis-py makes of it elsewhere."""
    client.call("HSET", "hash", "field", 1)
    assert client.call("HGETALL", "hash") == [b"field", b"1"]
    assert client.call("GET", "nothing") is None


def test_a_refused_command_is_told_apart_from_a_server_away(client: Client) -> None:
    """A wrong type is the command's fault and names its reason."""
    client.call("LPUSH", "list", "x")
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        client.call("GET", "list")


def test_a_pipeline_gives_each_refusal_in_its_place(client: Client) -> None:
    """One bad command of many does not hide the replies of the others."""
    client.call("LPUSH", "list", "x")
    good, bad, also_good = client.pipeline([("SET", "a", 1), ("GET", "list"), ("GET", "a")])
    assert (good, also_good) == (b"OK", b"1")
    assert isinstance(bad, StoreRefused)


def test_no_server_is_store_away() -> None:
    """A socket nobody listens on is told as Redis being away, with a sentence."""
    with pytest.raises(StoreAway, match="does not answer"):
        connect("unix:///nonexistent/redis.sock", name="test").call("PING")


def test_a_lost_reply_is_not_answered_by_sending_again() -> None:
    """The command goes out once even if its reply never comes: redis-py's own default would send it again."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    while b"XADD" not in (data := connection.recv(65536)) and data:
                        connection.sendall(b"+OK\r\n" * data.count(b"*"))
                    received.append(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = connect(f"redis://127.0.0.1:{listener.getsockname()[1]}", name="test", timeout_s=2)
        with pytest.raises(StoreAway):
            client.call("XADD", "s", "*", "f", "v")
        socket.create_connection(listener.getsockname()).close()  # what a second sending would have used
        thread.join()
    assert sum(b"XADD" in data for data in received) == 1


def test_a_server_short_of_memory_is_away_not_refusing(own_server: Callable[..., Server]) -> None:
    """A write that fails for the server's condition may be repeated, so it is not the command's refusal."""
    client = own_server().client()
    client.call("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreAway, match="OOM"):
        client.call("SET", "other", "x")
    with pytest.raises(StoreAway, match="OOM"):
        client.pipeline([("SET", "other", "x")])
    client.close()


def test_a_script_is_loaded_again_when_the_server_forgot_it(client: Client) -> None:
    """A Redis that restarted or flushed its scripts costs one more round trip, not an error."""
    script = Script("return redis.call('INCR', KEYS[1])")
    assert client.run(script, ["n"], []) == 1
    client.call("SCRIPT", "FLUSH")
    assert client.run(script, ["n"], []) == 2
    client.call("SET", "n", "no number")
    with pytest.raises(StoreRefused, match="not an integer"):
        client.run(script, ["n"], [])


def test_the_database_is_that_of_the_url() -> None:
    """Keyspace channels carry the database, so it must come from the URL."""
    assert connect("redis://localhost/3", name="test").database == 3
    assert connect("unix:///tmp/x.sock", name="test").database == 0


def test_a_subscription_receives_and_notices_a_dead_server(own_server: Callable[..., Server]) -> None:
    """A message names its channel; a server that went away is an error, never silence for ever."""
    server = own_server()
    client = server.client()
    subscription = client.subscription()
    subscription.subscribe("channel")
    while not client.call("PUBLISH", "channel", "x"):
        pass
    assert subscription.receive(5.0) == b"channel"
    assert subscription.receive(0.01) is None
    subscription.ping()
    server.stop()
    while True:
        try:
            subscription.receive(5.0)  # the ping's answer may still come first
        except StoreAway:
            break
    subscription.close()
    client.close()
