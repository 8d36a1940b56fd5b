"""What the link asks IB: rebuilds, contracts and quotes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from router.messages import (
    PnLSnapshot,
    Quote,
)
from tests.router.factory import OPTION, STOCK
from tests.workers.gateway.harness import Ear, eventually, linked, new_link
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.wire import AAPL, details, play
from workers.gateway.link import Link

Rebuild = Callable[[Link], Callable[[float], Awaitable[None]]]
REBUILDS: list[tuple[str, Rebuild]] = [
    ("61", lambda link: link.positions),
    ("16", lambda link: link.open_orders),
    ("99", lambda link: link.completed_orders),
    ("7", lambda link: link.executions),
    ("62", lambda link: link.account_summary),
    ("49", lambda link: link.ping),
]


@pytest.mark.parametrize(("message_id", "ask"), REBUILDS)
def test_answered(message_id: str, ask: Rebuild) -> None:
    """Each request is sent once and done with the end of its answer."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            await ask(link)(5)
            assert len(peer.asked[message_id]) == 1

    play(story)


@pytest.mark.parametrize(("message_id", "ask"), REBUILDS)
def test_never_answered(message_id: str, ask: Rebuild) -> None:
    """Without an answer it times out; asked again it is sent again."""

    async def story(peer: Peer) -> None:
        answer = peer.answers.pop(message_id)
        async with linked(peer.port) as (link, _):
            with pytest.raises(TimeoutError):
                await ask(link)(0.05)
            peer.answers[message_id] = answer
            await ask(link)(5)
            assert len(peer.asked[message_id]) == 2

    play(story)


@pytest.mark.parametrize(("message_id", "ask"), REBUILDS)
def test_not_connected(message_id: str, ask: Rebuild) -> None:
    """What cannot be sent fails at once, and the next connection sends it anew instead of waiting for it."""

    async def story(peer: Peer) -> None:
        link = new_link(Ear())
        with pytest.raises(ConnectionError):
            await ask(link)(60)
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        await ask(link)(5)
        assert len(peer.asked[message_id]) == 1
        link.disconnect()

    play(story)


def test_asked_twice_at_once() -> None:
    """Two who ask the same wait for one answer."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            await asyncio.gather(link.ping(5), link.ping(5))
            assert len(peer.asked["49"]) == 1

    play(story)


def test_subscriptions_replace_one_another() -> None:
    """IB allows two account summaries: asking again cancels the one before, and so for PnL."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, ear):
            for _ in range(3):
                await link.account_summary(5)
                link.pnl("DU1000001")
            summaries = [fields[2] for fields in peer.asked["62"]]
            assert [fields[2] for fields in peer.asked["63"]] == summaries[:2]
            await link.ping(5)
            subscribed = [fields[1] for fields in peer.asked["92"]]
            assert [fields[1] for fields in peer.asked["93"]] == subscribed[:2]
            peer.say(*(frame(94, number, 1.0, 2.0, 3.0) for number in subscribed))
            await eventually(lambda: ear.heard(PnLSnapshot), "PnL")
            assert len(ear.heard(PnLSnapshot)) == 1

    play(story)


def test_pacing() -> None:
    """No more messages a second than the settings say: IB ends connections over it."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port, requests_per_second=5) as (link, _):
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(8):
                await link.ping(10)
            assert loop.time() - began >= 0.9

    play(story)


def test_contract_details() -> None:
    """Every contract that fits, qualified, with its price increment."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [details(asked[2], 1), details(asked[2], 2), frame(52, 1, asked[2])]
        async with linked(peer.port) as (link, ear):
            wanted = msgspec.structs.replace(OPTION, con_id=0)
            found = await link.contract_details(wanted, 5)
            assert ear.undecodable == []
            assert [(one.contract.con_id, one.min_tick) for one in found] == [(1, 0.05), (2, 0.05)]
            assert found[0].contract == msgspec.structs.replace(
                wanted, con_id=1, local_symbol="SPY   250919C00451000", trading_class="SPY"
            )
            (asked,) = peer.asked["9"]
            assert asked[3:15] == [
                "0",
                "SPY",
                "OPT",
                "20250919",
                "451.0",
                "C",
                "100",
                "SMART",
                "",
                "USD",
                "",
                "",
            ]

    play(story)


@pytest.mark.parametrize("code", [200, 321])
def test_no_such_contract(code: int) -> None:
    """IB's error for it is an answer: there is none."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [frame(4, 2, asked[2], code, "No security definition", "")]
        async with linked(peer.port) as (link, _):
            assert await link.contract_details(AAPL, 5) == []

    play(story)


def test_lookup_that_fails() -> None:
    """Another error, or none at all, is no answer: it may be asked again, and a late answer is dropped."""

    async def story(peer: Peer) -> None:
        peer.answers["9"] = lambda asked: [frame(4, 2, asked[2], 100, "Max rate exceeded", "")]
        async with linked(peer.port) as (link, ear):
            with pytest.raises(ConnectionError, match="Max rate exceeded"):
                await link.contract_details(AAPL, 5)
            del peer.answers["9"]
            with pytest.raises(TimeoutError):
                await link.contract_details(AAPL, 0.05)
            late = peer.asked["9"][-1][2]
            peer.say(details(late, 1), frame(52, 1, late))
            await link.ping(5)
            assert ear.undecodable == []

    play(story)


def test_quotes() -> None:
    """One line per contract until the lines are lost; its ticks become quotes."""

    async def story(peer: Peer) -> None:
        peer.answers["1"] = lambda asked: [
            frame(1, 6, asked[2], 1, 2.48, 10, 0),
            frame(1, 6, asked[2], 2, 2.52, 12, 0),
        ]
        async with linked(peer.port) as (link, ear):
            for spec in (OPTION, OPTION, STOCK):
                link.stream_quotes(spec)
            await link.ping(5)
            assert [fields[3] for fields in peer.asked["1"]] == [str(OPTION.con_id), str(STOCK.con_id)]
            await eventually(lambda: {quote.con_id for quote in ear.heard(Quote)} == {1001, 265598}, "quotes")
            assert ear.heard(Quote)[-1].bid == 2.48
            link.forget_quotes()
            link.stream_quotes(OPTION)
            await link.ping(5)
            assert len(peer.asked["1"]) == 3

    play(story)
