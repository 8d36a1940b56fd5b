"""The link and its connection, judged by a TWS of bytes that says anything: how it begins and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from router.bracket import legs
from router.messages import (
    BrokerError,
)
from tests.router.factory import request
from tests.workers.gateway.harness import Ear, eventually, linked, new_link
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.wire import play


async def refusal(peer: Peer) -> str:
    """Why a connect failed, well before its time-out."""
    link = new_link(Ear())
    with pytest.raises(ConnectionError) as caught:
        await asyncio.wait_for(link.connect("127.0.0.1", peer.port, 1, timeout_s=60), 10)
    link.disconnect()
    return str(caught.value)


def test_connect() -> None:
    """The handshake offers 157 to 176, then startApi names the client; ready with accounts and a first id."""

    async def story(peer: Peer) -> None:
        peer.answers["71"] = lambda _: [frame(15, 1, "DU1,DU2,"), frame(9, 1, 40)]
        async with linked(peer.port, 7) as (link, ear):
            assert peer.greetings == [b"API\0v157..176"]
            assert peer.asked["71"] == [["71", "2", "7", ""]]
            assert link.accounts == ("DU1", "DU2")
            assert link.server_version == 176
            orders = link.bracket(legs(request(), outside_rth=True), "DU1")
            assert [order.orderId for order in orders] == [40, 41, 42]
        assert ear.undecodable == []
        assert link.server_version == 0

    play(story)


def test_oldest_server() -> None:
    """Server version 157 is spoken too: an error has one field less there."""

    async def story(peer: Peer) -> None:
        peer.greeting = frame("157", "20250919 10:00:00 EST")
        async with linked(peer.port) as (link, ear):
            assert link.server_version == 157
            peer.say(frame(4, 2, -1, 2104, "farm is OK"))
            await eventually(lambda: ear.heard(BrokerError), "the notice")

    play(story)


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (frame("156", "20250919 10:00:00 EST"), "too old"),
        (frame("hello", "world"), "no TWS"),
        (frame("176"), "no TWS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no TWS"),
        (frame(""), "no TWS"),
        (frame(4, 2, -1, 326, "Unable to connect as the client id is already in use.", ""), "no TWS"),
    ],
)
def test_what_listens_is_no_tws(greeting: bytes, said: str) -> None:
    """Anything but a handshake ends the connect at once, and says what to check."""

    async def story(peer: Peer) -> None:
        peer.greeting = greeting
        assert said in await refusal(peer)

    play(story)


def test_client_id_in_use() -> None:
    """326 with id -1, then the socket closes: the reason is IB's text, at once and not at the time-out."""

    async def story(peer: Peer) -> None:
        text = "Unable to connect as the client id is already in use. Retry with a unique client id."

        def refuse(_: list[str]) -> Sequence[bytes]:
            asyncio.get_running_loop().call_soon(peer.hang_up)
            return [frame(4, 2, -1, 326, text, "")]

        peer.answers["71"] = refuse
        assert await refusal(peer) == text

    play(story)


def test_hangs_up_before_ready() -> None:
    """A socket that closes during the handshake ends the connect."""

    async def story(peer: Peer) -> None:
        def hang_up(_: list[str]) -> Sequence[bytes]:
            peer.hang_up()
            return []

        peer.answers["71"] = hang_up
        assert await refusal(peer)

    play(story)


def test_nobody_listens() -> None:
    """A refused connection is an OSError, and the link can be used again."""

    async def story(peer: Peer) -> None:
        port = peer.port
        async with Peer() as gone:
            gone.stop_listening()
            link = new_link(Ear())
            with pytest.raises(OSError, match=r"Connect call failed|Connection refused"):
                await link.connect("127.0.0.1", gone.port, 1, timeout_s=5)
        await link.connect("127.0.0.1", port, 1, timeout_s=5)
        assert link.accounts == ("DU1000001",)
        link.disconnect()

    play(story)


@pytest.mark.parametrize("silent", ["greeting", "71"])
def test_half_a_handshake(silent: str) -> None:
    """A peer that takes the connection and says nothing, or not enough, is given up after the time-out."""

    async def story(peer: Peer) -> None:
        if silent == "greeting":
            peer.greeting = b""
        else:
            peer.answers["71"] = lambda _: [frame(9, 1, 1), frame(15, 1, "")]
        ear = Ear()
        link = new_link(ear)
        with pytest.raises(TimeoutError, match=r"handshake within 0\.1 s"):
            await link.connect("127.0.0.1", peer.port, 1, timeout_s=0.1)
        (reason,) = await eventually(lambda: ear.closed, "the end")
        assert "handshake within 0.1 s" in reason
        link.disconnect()

    play(story)


def test_connect_that_is_given_up() -> None:
    """Cancelling a connect leaves nothing behind: the next one works."""

    async def story(peer: Peer) -> None:
        peer.greeting = b""
        link = new_link(Ear())
        connecting = asyncio.ensure_future(link.connect("127.0.0.1", peer.port, 1, timeout_s=60))
        await eventually(lambda: peer.greetings, "the greeting")
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        peer.greeting = frame("176", "20250919 10:00:00 EST")
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        link.disconnect()

    play(story)


def test_peer_hangs_up() -> None:
    """The end is told once, and requests that wait for an answer fail with it."""

    async def story(peer: Peer) -> None:
        del peer.answers["61"]
        ear = Ear()
        link = new_link(ear)
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        waiting = asyncio.ensure_future(link.positions(60))
        await eventually(lambda: peer.asked["61"], "the request")
        peer.hang_up()
        with pytest.raises(ConnectionError):
            await waiting
        await eventually(lambda: ear.closed, "the end")
        assert len(ear.closed) == 1

    play(story)


def test_disconnect() -> None:
    """Disconnecting fails what waits, and can be done twice."""

    async def story(peer: Peer) -> None:
        del peer.answers["49"]
        async with linked(peer.port) as (link, _):
            waiting = asyncio.ensure_future(link.ping(60))
            await eventually(lambda: peer.asked["49"], "the request")
            link.disconnect()
            with pytest.raises(ConnectionError, match="disconnected"):
                await waiting
            link.disconnect()

    play(story)
