"""Alerts on their real way: the gateway process, the bus, dispatch, the platform's channel in Redis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from bench.stand import Stand, until
from router.messages import (
    Alert,
)
from tests.acceptance.gateway import (
    STILL,
    WAIT_S,
    Ear,
    do,
    listening,
    rest,
)
from tests.workers.gateway.peer import Peer, frame
from tests.workers.store.server import Server
from workers.cli.bus import ask_monitor
from workers.cli.health import alert_line
from workers.store.keys import ALERTS


@pytest.fixture
def channel(redis_server: Server) -> Iterator[Callable[[], dict[str, object] | None]]:
    """The next document on the platform's channel of alerts, None when none comes soon; its own client library."""
    client = redis.Redis.from_url(redis_server.url)
    listener = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py
    listener.subscribe(ALERTS)
    listener.get_message(timeout=WAIT_S)  # the confirmation

    def receive() -> dict[str, object] | None:
        message = listener.get_message(timeout=0.1)
        return json.loads(message["data"]) if message else None

    yield receive
    listener.close()
    client.close()


@pytest.mark.timeout(60)
def test_an_alert_reaches_the_platform_and_the_status(
    redis_server: Server, channel: Callable[[], dict[str, object] | None]
) -> None:
    """An error that proves nothing: gateway, bus, dispatch, Redis channel, once; and `router status` tells it."""
    with Stand(*STILL, ROUTER_REDIS__URL=redis_server.url) as stand:
        stand.start("workers", "dispatch")
        stand.start("workers", "monitor")
        until(lambda: (reply := ask_monitor(stand.settings)) and reply.link, "the monitor has joined", WAIT_S)
        ref = rest(stand)
        do(stand, 'error 99999 "nobody knows this" on last\n' * 5)
        alert = until(channel, "the channel", WAIT_S)
        assert (alert["type"], alert["severity"], alert["code"]) == ("ib_error_unknown", "warning", "99999")
        assert alert["order_ref"] == ref

        def line() -> str:
            reply = ask_monitor(stand.settings)
            return alert_line(reply, time.time_ns()) if reply and reply.last_alert else ""

        said = until(line, "the status", WAIT_S)
        assert said.startswith("1 alert ")
        assert "99999" in said
        assert ref in said
        assert channel() is None


@pytest.mark.timeout(60)
def test_a_flood_of_undecodable_messages_is_one_alert_and_a_summary() -> None:
    """Two thousand of one kind, one of another: two alerts at once, the rest together; the next message flows."""

    async def story() -> None:
        async with Peer() as peer:
            with (
                Stand(port=peer.port, ROUTER_MONITOR__ALERT_EVERY_S="2") as stand,
                listening(stand, "alert", "trade") as ear,
            ):
                await asyncio.to_thread(stand.await_ready)
                bad = frame(11, "short")
                peer.say(*[bad] * 2_000, frame(5, "short"), frame(4, 2, -1, 2104, "farm is OK", ""))
                texts = await asyncio.to_thread(until, lambda: _summary(ear), "the summary", WAIT_S)
                assert [dict(alert.details)["message"] for alert in texts] == ["11", "5", "11"]
                assert texts[-1].text.startswith("1999 more in 2 s")
                quarantine = stand.settings.paths.var / "quarantine" / "ib.jsonl"
                assert len(quarantine.read_text().splitlines()) == 2_001
                reply = await asyncio.to_thread(stand.await_ready)
                assert reply.orders == ()

    asyncio.run(story())


def _summary(ear: Ear) -> list[Alert]:
    """The alerts, once the third is there."""
    alerts = ear.messages(Alert)
    return alerts if len(alerts) >= 3 else []
