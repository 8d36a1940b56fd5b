"""Contracts that are looked up before anybody asks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conf.settings import Settings
from router.messages import (
    ContractReady,
    ContractSpec,
    PrepareContract,
)
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import READY, play, serving
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.listed import lines, listing, streamed, written
from tests.workers.gateway.peer import Peer, frame


def warmed(settings: Settings, prewarm: str) -> Settings:
    """Two symbols and an option named by the desk."""
    named: dict[str, Any] = {"prewarm": prewarm, "contracts": ("SPY   250919C00451000",)}
    settings = lines(settings, **named)
    return msgspec.structs.replace(
        settings, ingress=msgspec.structs.replace(settings.ingress, symbols=("SPY", "AAPL"))
    )


@pytest.mark.parametrize(("prewarm", "expected"), [("qualify", []), ("stream", ["500", "1001"])])
def test_what_is_configured_is_looked_up_beforehand(
    configure: Configure, prewarm: str, expected: list[str]
) -> None:
    """When IB is READY, one after the other, each once however often that is; streamed where that is asked for."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(warmed(configure(peer.port), prewarm), ready=False) as counter:
            await counter.one.reaches(READY)
            counter.commands.contracts.begin()
            await eventually(lambda: len(peer.asked["91"]) == 1 and len(peer.asked["9"]) == 3, "all three")
            wanted = ContractSpec(sec_type="STK", symbol="SPY")
            assert isinstance(await counter.ask(PrepareContract(wanted)), ContractReady)
            await eventually(lambda: streamed(peer) == (expected or ["500"]), "the lines")
            assert [fields[4] for fields in peer.asked["9"]] == ["SPY", "AAPL", "SPY"]

    play(story)


def test_nothing_is_looked_up_where_that_is_off(configure: Configure) -> None:
    """A desk may keep every request for its signals."""

    async def story(peer: Peer) -> None:
        async with serving(warmed(configure(peer.port), "off"), ready=False) as counter:
            await counter.one.reaches(READY)
            await written(counter)
            assert not peer.asked["9"]

    play(story)


def test_what_is_not_listed_is_passed_over(configure: Configure) -> None:
    """A symbol that IB does not know stops none of the others."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [frame(52, 1, asked[2])]
        async with serving(warmed(configure(peer.port), "stream"), ready=False) as counter:
            await eventually(lambda: len(peer.asked["9"]) >= 3, "all three were asked for")
            await counter.one.reaches(READY)
            await written(counter)
            assert not peer.asked["1"]

    play(story)


def test_a_link_that_breaks_meanwhile_begins_again(configure: Configure) -> None:
    """Nothing is asked of a connection that is gone; the next READY asks for what is missing."""

    async def story(peer: Peer) -> None:
        def hang_up(asked: list[str]) -> list[bytes]:
            listing(peer)
            peer.hang_up()
            return []

        peer.answers["9"] = hang_up
        async with serving(warmed(configure(peer.port), "qualify"), ready=False) as counter:
            await counter.one.reaches(READY, times=2)
            await eventually(lambda: len(peer.asked["9"]) == 4, "the first again, and the others")
            await written(counter)
            assert [fields[4] for fields in peer.asked["9"]] == ["SPY", "SPY", "AAPL", "SPY"]

    play(story)
