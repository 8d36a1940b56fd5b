"""Contracts looked up once, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from router.messages import (
    CommandRefused,
    ContractReady,
    LinkPhase,
    PrepareContract,
    PriceBand,
)
from tests.paper.conftest import RunningGateway
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import AAPL, READY, play, refused, serving
from tests.workers.gateway.listed import WANTED, listing, prepare
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.wire import details
from workers.gateway import contracts


def test_prepare(configure: Configure) -> None:
    """Qualified once, remembered, and its quotes are streamed."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [details(asked[2], 1001), frame(52, 1, asked[2])]
        async with serving(configure(peer.port)) as counter:
            wanted = WANTED
            for _ in range(2):
                ready = await counter.ask(PrepareContract(wanted))
                assert isinstance(ready, ContractReady)
                assert (ready.contract.con_id, ready.min_tick) == (1001, 0.05)
                assert ready.bands == (PriceBand(0.0, 0.05), PriceBand(3.0, 0.1))
            await counter.one.session.link.ping(5)
            assert len(peer.asked["9"]) == len(peer.asked["91"]) == len(peer.asked["1"]) == 1

    play(story)


def test_prepare_without_a_market_rule(configure: Configure) -> None:
    """IB does not tell the rule: the minimum tick stands for every price, and the order goes on."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [details(asked[2], 1001), frame(52, 1, asked[2])]
        del peer.answers["91"]
        async with serving(configure(peer.port, request_timeout_s=0.2)) as counter:
            ready = await counter.ask(PrepareContract(WANTED))
            assert isinstance(ready, ContractReady)
            assert (ready.min_tick, ready.bands) == (0.05, ())

    play(story)


@pytest.mark.parametrize(
    ("con_ids", "said"), [([], "is not listed at IB"), ([1, 2], "fits 2 contracts at IB")]
)
def test_prepare_without_one_contract(configure: Configure, con_ids: list[int], said: str) -> None:
    """None, or more than one: refused for good, with how many there are."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [
            *(details(asked[2], con_id) for con_id in con_ids),
            frame(52, 1, asked[2]),
        ]
        async with serving(configure(peer.port)) as counter:
            reply = await counter.ask(PrepareContract(AAPL))
            assert refused(reply) == ("CONTRACT_LOOKUP_FAILED", False)
            assert isinstance(reply, CommandRefused)
            assert reply.text == said
            assert not peer.asked["1"]

    play(story)


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_listed_nearest_is_named(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """The strikes of the expiry that IB lists; where it does not answer, that the contract is not listed at least."""

    async def story(peer: Peer) -> None:
        def answer(asked: list[str]) -> list[bytes]:
            if float(asked[7]):
                return [frame(52, 1, asked[2])]
            return [details(asked[2], 1001), frame(52, 1, asked[2])] if answered else []

        peer.answers["9"] = answer
        monkeypatch.setattr(contracts, "RULE_S", 0.05)
        async with serving(configure(peer.port)) as counter:
            reply = await counter.ask(PrepareContract(msgspec.structs.replace(WANTED, strike=454.87)))
            near = "; nearest listed strikes of 20250919: 451" if answered else ""
            assert reply == CommandRefused("CONTRACT_LOOKUP_FAILED", f"is not listed at IB{near}")

    play(story)


def test_prepare_without_an_exchange(configure: Configure) -> None:
    """IB may leave the exchange out: the wanted one is kept, since an order needs it."""

    async def story(peer: Peer) -> None:
        def answer(asked: list[str]) -> list[bytes]:
            fields = details(asked[2], 1001)[4:-1].decode().split("\0")
            assert fields[7] == "SMART"
            fields[7] = ""
            return [frame(*fields), frame(52, 1, asked[2])]

        peer.answers["9"] = answer
        async with serving(configure(peer.port)) as counter:
            ready = await counter.ask(PrepareContract(WANTED))
            assert isinstance(ready, ContractReady)
            assert ready.contract.exchange == "SMART"

    play(story)


def test_prepare_without_an_answer(configure: Configure) -> None:
    """No answer in time, an error of IB's, or a link that breaks meanwhile: it may be tried again, with the reason."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port, request_timeout_s=0.2)) as counter:
            late = await counter.ask(PrepareContract(AAPL))
            assert late == CommandRefused("LOOKUP_FAILED", "IB did not answer in time", retry=True)
            peer.answers["9"] = lambda asked: [frame(4, 2, asked[2], 100, "Max rate exceeded", "")]
            slow = await counter.ask(PrepareContract(AAPL))
            assert slow == CommandRefused("LOOKUP_FAILED", "IB error 100: Max rate exceeded", retry=True)

            def hang_up(_: list[str]) -> list[bytes]:
                peer.hang_up()
                return []

            peer.answers["9"] = hang_up
            assert refused(await counter.ask(PrepareContract(AAPL))) == ("LOOKUP_FAILED", True)

    play(story)


def test_whatever_goes_wrong_is_answered(configure: Configure) -> None:
    """A contract that cannot be written to IB at all: who asked hears of it, and nobody after him waits."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(configure(peer.port)) as counter:
            unwritable = msgspec.structs.replace(WANTED, trading_class="\ud800")
            for _ in range(2):
                reply = await counter.ask(PrepareContract(unwritable))
                assert refused(reply) == ("FAILED", True)
                assert isinstance(reply, CommandRefused)
                assert "UnicodeEncodeError" in reply.text
            await prepare(counter, 1)

    play(story)


def test_prepared_before_the_link_broke(configure: Configure) -> None:
    """A contract qualified earlier is no reason to touch a connection that is not there."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [details(asked[2], 1001), frame(52, 1, asked[2])]
        async with serving(configure(peer.port)) as counter:
            wanted = WANTED
            await counter.ask(PrepareContract(wanted))
            welcome = peer.answers.pop("71")
            peer.hang_up()
            await counter.one.reaches(LinkPhase.DOWN)
            assert refused(await counter.ask(PrepareContract(wanted))) == ("LINK_NOT_READY", True)
            peer.answers["71"] = welcome
            await counter.one.reaches(READY, times=2)
            assert isinstance(await counter.ask(PrepareContract(wanted)), ContractReady)
            await counter.one.session.link.ping(5)
            assert len(peer.asked["9"]) == 1
            assert len(peer.asked["1"]) == 2

    play(story)


def test_looked_up_anew_after_half_a_day(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours and increments change from day to day."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(configure(peer.port)) as counter:
            await prepare(counter, 1)
            monkeypatch.setattr(contracts, "KEEP_NS", -1)
            await prepare(counter, 1)
            assert len(peer.asked["9"]) == 2

    play(story)


def test_memory_does_not_grow_for_ever(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is kept the oldest is forgotten, and looked up again if it is wanted."""

    async def story(peer: Peer) -> None:
        listing(peer)
        monkeypatch.setattr(contracts, "KEEP", 2)
        async with serving(configure(peer.port)) as counter:
            await prepare(counter, 1, 2, 3, 2, 3)
            assert len(peer.asked["9"]) == 3
            await prepare(counter, 1)
            assert len(peer.asked["9"]) == 4

    play(story)


def test_contract_the_paper_gateway_does_not_list(configure: Configure, paper: RunningGateway) -> None:
    """An unlisted strike is refused for good (contract 1.1: a strike may be unlisted)."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            nowhere = msgspec.structs.replace(WANTED, strike=454.87)
            reply = await counter.ask(PrepareContract(nowhere))
            assert refused(reply) == ("CONTRACT_LOOKUP_FAILED", False)

    asyncio.run(asyncio.wait_for(story(), 60))
