"""The connection is lost, or IB's servers behind it, and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from conf.settings import Settings
from router.messages import (
    Alert,
    LinkPhase,
    LinkState,
    Message,
    PositionSnapshot,
    Quote,
)
from tests.paper.conftest import RunningGateway, start_gateway
from tests.router.factory import OPTION, STOCK
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import Running, eventually, running
from tests.workers.gateway.life import (
    CONNECTING,
    DEGRADED,
    DOWN,
    KEPT,
    LOST,
    READY,
    REBUILD,
    SYNCING,
    play,
    position,
)
from tests.workers.gateway.peer import Peer, frame

DATA_LOST = frame(4, 2, -1, 1101, "Connectivity has been restored - data lost.", "")


def test_reconnect(configure: Configure) -> None:
    """A socket that closes is DOWN at once; after the next connect everything is asked again, quotes included."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            one.session.stream(OPTION)
            await one.reaches(READY)
            one.session.stream(STOCK)
            await eventually(lambda: len(peer.asked["1"]) == 2, "both lines")
            peer.hang_up()
            await eventually(lambda: one.told.phases[-1] is not READY, "the end")
            assert one.told.phases[:4] == [CONNECTING, SYNCING, READY, DOWN]
            await one.reaches(READY, times=2)
            assert all(len(peer.asked[message_id]) == 2 for message_id in REBUILD)
            await eventually(lambda: len(peer.asked["1"]) == 4, "both lines again")
            assert one.session.counts["connects"] == 2

    play(story)


def test_no_phase_outlives_its_socket(configure: Configure) -> None:
    """Nothing may be placed between the end of the socket and the moment the session notices: it is DOWN first."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            server_version: list[tuple[LinkPhase, int]] = []

            def look() -> None:
                server_version.append((one.session.phase, one.session.link.server_version))
                if one.session.phase is not DOWN:
                    asyncio.get_running_loop().call_soon(look)

            look()
            peer.hang_up()
            await one.reaches(DOWN)
            await eventually(lambda: server_version[-1][0] is DOWN, "the last look")
            assert {version for phase, version in server_version if phase is READY} == {176}

    play(story)


def test_half_open(configure: Configure) -> None:
    """A peer that no longer answers nor closes is probed and given up after heartbeat_timeout_s."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port, heartbeat_timeout_s=0.3)) as one:
            await one.reaches(READY)
            answer = peer.answers.pop("49")
            down = await one.reaches(DOWN)
            assert "silent for 0.3 s" in down.reason
            assert peer.asked["49"]
            peer.answers["49"] = answer
            await one.reaches(READY, times=2)

    play(story)


def test_a_quiet_night(configure: Configure) -> None:
    """A peer that has nothing to say but answers the probe is kept."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port, heartbeat_timeout_s=1.0)) as one:
            await one.reaches(READY)
            await eventually(lambda: len(peer.asked["49"]) >= 2, "two probes")
            assert one.told.phases == [CONNECTING, SYNCING, READY]

    play(story)


@pytest.mark.parametrize("silent", ["16", "7"])
def test_a_peer_that_falls_silent_in_a_rebuild(configure: Configure, silent: str) -> None:
    """Given up after heartbeat_timeout_s, not after three times the time of a request."""

    async def story(peer: Peer) -> None:
        del peer.answers[silent], peer.answers["49"]
        async with running(configure(peer.port, heartbeat_timeout_s=0.3, request_timeout_s=60.0)) as one:
            await one.reaches(SYNCING)
            assert "silent for 0.3 s: half-open" in (await one.reaches(DOWN)).reason

    play(story)


def test_a_peer_that_takes_its_time_in_a_rebuild(configure: Configure) -> None:
    """It answers the probes, so the request is waited for."""

    async def story(peer: Peer) -> None:
        del peer.answers["16"]
        async with running(configure(peer.port, heartbeat_timeout_s=0.2, request_timeout_s=60.0)) as one:
            await eventually(lambda: len(peer.asked["49"]) > 3, "several probes")
            assert one.session.phase is SYNCING
            peer.say(frame(53, 1))
            await one.reaches(READY)

    play(story)


def test_a_peer_that_falls_silent_when_it_is_asked_about_an_order(configure: Configure) -> None:
    """The question about a doubt does not put the watch off."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port, heartbeat_timeout_s=0.3, request_timeout_s=60.0)) as one:
            await one.reaches(READY)
            del peer.answers["16"], peer.answers["49"]
            one.session.link.inbound.bridge.placed(7, "9bbeedc541dd1c7a-mfqwpfk0-E")
            peer.say(frame(4, 2, 7, 387, "Unsupported order type", ""))
            await eventually(lambda: len(peer.asked["16"]) == 2, "asked")
            assert "half-open" in (await one.reaches(DOWN)).reason

    play(story)


def test_stop(configure: Configure) -> None:
    """Cancelled, the session says so and closes the socket."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)
            last = one.told.messages[-1]
            assert isinstance(last, LinkState)
            assert (last.phase, last.reason) == (DOWN, "gateway stopped")
            assert one.session.link.server_version == 0

    play(story)


def test_undecodable_message(configure: Configure) -> None:
    """A broken message is counted, and neither the next message nor the connection is lost."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            peer.say(frame(11, "short"), position(3))
            await eventually(lambda: one.told.of(PositionSnapshot), "the position after it")
            assert one.session.counts["undecodable"] == 1
            assert one.session.phase is READY
            (alert,) = one.told.of(Alert)
            assert alert.kind == "ib_message_undecodable"
            assert dict(alert.details)["message"] == "11"

    play(story)


def test_what_cannot_be_kept_ends_the_session(configure: Configure) -> None:
    """When the sink fails, the session ends with its error instead of going on without what IB said."""

    class Full(Exception):
        pass

    async def story(peer: Peer) -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        one = Running(configure(peer.port))
        await one.reaches(READY)
        told = one.told

        def full(*messages: Message) -> None:
            if isinstance(messages[0], PositionSnapshot):
                raise Full("disk")
            told(*messages)

        one.session._sink = full
        peer.say(position(3))
        await asyncio.wait({one.task}, timeout=10)
        assert isinstance(one.task.exception(), Full)
        assert one.session.link.server_version == 0

    play(story)


def test_connectivity_lost_and_kept(configure: Configure) -> None:
    """1100: DEGRADED. 1102: what was withheld may never come unasked, so everything but the quotes is asked again."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            one.session.stream(OPTION)
            await one.reaches(READY)
            peer.say(LOST)
            degraded = await one.reaches(DEGRADED)
            assert "has been lost" in degraded.reason
            peer.say(KEPT)
            await one.reaches(READY, times=2)
            assert one.told.phases == [CONNECTING, SYNCING, READY, DEGRADED, SYNCING, READY]
            assert all(len(peer.asked[message_id]) == 2 for message_id in REBUILD)
            assert len(peer.asked["1"]) == 1
            assert one.session.counts["connects"] == 1

    play(story)


def test_connectivity_lost_with_data(configure: Configure) -> None:
    """1101: the market data lines are gone too and are started again; old subscriptions are given back."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            one.session.stream(OPTION)
            await one.reaches(READY)
            peer.say(LOST, DATA_LOST)
            await one.reaches(READY, times=2)
            await eventually(lambda: len(peer.asked["1"]) == 2, "the line again")
            await eventually(lambda: len(peer.asked["92"]) == 2, "PnL again")
            assert len(peer.asked["63"]) == 1
            assert len(peer.asked["93"]) == 1
            (line,) = {fields[2] for fields in peer.asked["1"][1:]}
            peer.say(frame(1, 6, line, 1, 2.48, 10, 0))
            await eventually(lambda: one.told.of(Quote), "a quote of the new line")

    play(story)


def test_lost_during_the_rebuild(configure: Configure) -> None:
    """A Gateway that answers while IB's servers are away makes nobody READY."""

    async def story(peer: Peer) -> None:
        peer.answers["61"] = lambda _: [LOST, frame(62, 1)]
        async with running(configure(peer.port)) as one:
            await one.reaches(DEGRADED)
            assert READY not in one.told.phases
            peer.answers["61"] = lambda _: [frame(62, 1)]
            peer.say(KEPT)
            await one.reaches(READY)

    play(story)


def test_data_lost_during_the_rebuild(configure: Configure) -> None:
    """What was asked before the loss is asked again before anyone is READY."""

    async def story(peer: Peer) -> None:
        answer = peer.answers["7"]
        peer.answers["7"] = lambda fields: [
            *([DATA_LOST] if len(peer.asked["7"]) == 1 else []),
            *answer(fields),
        ]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            assert all(len(peer.asked[message_id]) == 2 for message_id in REBUILD)
            assert one.told.phases == [CONNECTING, SYNCING, READY]

    play(story)


def test_connectivity_on_the_paper_gateway(configure: Configure, paper: RunningGateway) -> None:
    """IB's servers go away and come back: DEGRADED, then READY after a rebuild, on the same connection."""

    async def story() -> None:
        async with running(configure(paper.port)) as one:
            await one.reaches(READY)
            paper.do("connectivity lost")
            await one.reaches(DEGRADED)
            paper.do("connectivity data-lost")
            await one.reaches(READY, times=2)
            paper.do("disconnect 1")
            await one.reaches(READY, times=3)
            assert one.session.counts["connects"] == 2

    asyncio.run(asyncio.wait_for(story(), 60))


def test_the_paper_gateway_dies(configure: Configure, tmp_path: Path) -> None:
    """kill -9 of the gateway, another one on the same port: READY again."""

    async def story(settings: Settings, dying: RunningGateway, port_file: Path) -> None:
        async with running(settings) as one:
            await one.reaches(READY)
            dying.kill()
            await one.reaches(DOWN)
            (tmp_path / "b").mkdir()
            again = start_gateway(tmp_path / "b", "--account", "DU1000001", "--port-file", str(port_file))
            try:
                await one.reaches(READY, times=2)
            finally:
                again.stop()

    port_file = tmp_path / "paper.port"
    (tmp_path / "a").mkdir()
    first = start_gateway(tmp_path / "a", "--account", "DU1000001", "--port-file", str(port_file))
    settings = configure(0, port_file=port_file)
    asyncio.run(asyncio.wait_for(story(settings, first, port_file), 60))
