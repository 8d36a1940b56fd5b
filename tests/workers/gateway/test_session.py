"""The life of the IB connection: READY means that everything was asked, answered and is still true."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from router.messages import (
    AccountSnapshot,
    BrokerError,
    LinkState,
    PnLSnapshot,
    PositionSnapshot,
)
from tests.paper.conftest import RunningGateway
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import eventually, running
from tests.workers.gateway.life import CONNECTING, DOWN, READY, REBUILD, SYNCING, play, position
from tests.workers.gateway.peer import Peer, frame
from workers.gateway.session import Session


def test_ready(configure: Configure) -> None:
    """Connect, ask for all of it, then READY, with everything IB said told before it and learned."""

    async def story(peer: Peer) -> None:
        peer.answers["61"] = lambda _: [position(7), frame(62, 1)]
        async with running(configure(peer.port, client_id=3)) as one:
            state = await one.reaches(READY)
            assert one.told.phases == [CONNECTING, SYNCING, READY]
            assert all(len(peer.asked[message_id]) == 1 for message_id in REBUILD)
            held = tuple(message.contract.con_id for message in one.told.of(PositionSnapshot))
            plain = LinkState(READY, "rebuilt from IB", ("DU1000001",), "DU1000001", 176, 3)
            listed = {"held": held, "holders": ("DU1000001",), "working": ()}
            assert state == msgspec.structs.replace(plain, **listed)
            assert one.current.link == plain
            assert held
            assert one.session.account == "DU1000001"
            kinds = [type(message) for message in one.told.messages]
            assert kinds.index(PositionSnapshot) < kinds.index(AccountSnapshot) < len(kinds) - 1
            assert kinds[-1] is LinkState
            assert {type(message) for message in one.current.snapshot()} >= {
                PositionSnapshot,
                AccountSnapshot,
            }
            await eventually(lambda: peer.asked["92"], "the PnL subscription")

    play(story)


@pytest.mark.parametrize(("message_id", "name"), REBUILD.items())
def test_not_ready_while_a_part_is_missing(configure: Configure, message_id: str, name: str) -> None:
    """A rebuild request that is never answered is repeated, then the connection is given up; READY is not reached."""

    async def story(peer: Peer) -> None:
        answer = peer.answers.pop(message_id)
        async with running(configure(peer.port, request_timeout_s=0.05)) as one:
            down = await one.reaches(DOWN)
            assert down.reason == f"IB did not answer {name} 3 times"
            assert READY not in one.told.phases
            assert len(peer.asked[message_id]) == 3
            peer.answers[message_id] = answer
            await one.reaches(READY)

    play(story)


def test_an_answer_on_the_second_try(configure: Configure) -> None:
    """One lost answer costs one time-out and no reconnect."""

    async def story(peer: Peer) -> None:
        answer = peer.answers["16"]
        peer.answers["16"] = lambda fields: answer(fields) if len(peer.asked["16"]) > 1 else []
        async with running(configure(peer.port, request_timeout_s=0.05)) as one:
            await one.reaches(READY)
            assert one.session.counts["connects"] == 1

    play(story)


def test_nobody_listens_yet(configure: Configure) -> None:
    """A gateway that is not there is tried for ever, and the reason is told."""

    async def story(peer: Peer) -> None:
        port = peer.port
        peer.stop_listening()
        async with running(configure(port)) as one:
            down = await one.reaches(DOWN, times=2)
            assert "refused" in down.reason or "Connect call failed" in down.reason
            server = await asyncio.start_server(peer.serve, "127.0.0.1", port)
            await one.reaches(READY)
            server.close()

    play(story)


def test_no_port_yet(configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port file of the paper gateway may come later; that it is missing is said once, not at every attempt."""

    attempts: list[int] = []

    def backoff(_: Session, attempt: int) -> float:
        attempts.append(attempt)
        return 0.01

    monkeypatch.setattr(Session, "_backoff", backoff)

    async def story(peer: Peer) -> None:
        port_file = tmp_path / "paper.port"
        async with running(configure(0, port_file=port_file)) as one:
            down = await one.reaches(DOWN)
            assert str(port_file) in down.reason
            await eventually(lambda: len(attempts) >= 3, "several attempts")
            assert one.told.messages == [down]
            port_file.write_text(str(peer.port))
            await one.reaches(READY)

    play(story)


def test_client_id_in_use(configure: Configure) -> None:
    """326: DOWN with IB's own words, and READY as soon as the id is free."""

    async def story(peer: Peer) -> None:
        welcome = peer.answers["71"]

        def refuse(_: list[str]) -> Sequence[bytes]:
            asyncio.get_running_loop().call_soon(peer.hang_up)
            return [frame(4, 2, -1, 326, "Unable to connect as the client id is already in use.", "")]

        peer.answers["71"] = refuse
        async with running(configure(peer.port)) as one:
            down = await one.reaches(DOWN)
            assert down.reason == "Unable to connect as the client id is already in use."
            assert next(error.code for error in one.told.of(BrokerError)) == 326
            peer.answers["71"] = welcome
            await one.reaches(READY)

    play(story)


def test_wrong_account(configure: Configure) -> None:
    """A login that does not manage the account is no connection to trade on."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port, account="DU9")) as one:
            down = await one.reaches(DOWN)
            assert "DU9" in down.reason
            assert "DU1000001" in down.reason
            assert not peer.asked["61"]

    play(story)


def test_on_the_paper_gateway(configure: Configure, paper: RunningGateway) -> None:
    """READY with account values and PnL, and nothing that could not be decoded."""

    async def story() -> None:
        async with running(configure(paper.port)) as one:
            await one.reaches(READY)
            await eventually(lambda: one.told.of(PnLSnapshot), "PnL")
            account = one.told.of(AccountSnapshot)[0]
            assert account.account == "DU1000001"
            assert account.net_liquidation
            assert account.buying_power
            assert one.session.counts["undecodable"] == 0

    asyncio.run(asyncio.wait_for(story(), 60))
