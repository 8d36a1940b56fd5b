"""Market data lines: shared by nobody, within IB's limit, given back when idle."""

from __future__ import annotations

import asyncio
import time

import msgspec

from router.messages import (
    CommandRefused,
    ContractReady,
    ContractSpec,
    PositionSnapshot,
    PrepareContract,
    Quote,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, order_event
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import READY, play, serving
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.listed import WANTED, lines, listing, prepare, streamed, strike, written
from tests.workers.gateway.peer import Peer, frame


def released(peer: Peer) -> list[str]:
    """conIds of the lines that were cancelled, in order."""
    by_request = {fields[2]: fields[3] for fields in peer.asked["1"]}
    return [by_request[fields[2]] for fields in peer.asked["2"]]


def test_two_options_of_one_symbol_never_share_a_price(configure: Configure) -> None:
    """The platform's leak: one ticker per symbol priced every contract of it with the first one's quote (contract 8)."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(configure(peer.port)) as counter:
            await prepare(counter, 1, 20)
            await written(counter)
            (low, high) = (fields[2] for fields in peer.asked["1"])
            assert streamed(peer) == ["1001", "1020"]
            peer.say(*(frame(1, 6, low, side, price, 10, 0) for side, price in ((1, 2.48), (2, 2.52))))
            peer.say(*(frame(1, 6, high, side, price, 10, 0) for side, price in ((1, 0.48), (2, 0.52))))
            quotes = counter.one.told.of
            await eventually(
                lambda: any(one.con_id == 1020 and one.ask for one in quotes(Quote)), "both quotes"
            )
            newest = {one.con_id: (one.symbol, one.bid, one.ask) for one in quotes(Quote)}
            assert newest == {1001: ("SPY", 2.48, 2.52), 1020: ("SPY", 0.48, 0.52)}

    play(story)


def test_the_least_recently_used_line_makes_place(configure: Configure) -> None:
    """Two lines: the third contract takes the place of the one that was used longest ago."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(lines(configure(peer.port), signal_s=0, max_lines=2)) as counter:
            await prepare(counter, 1, 2, 1)
            waited_ns = time.monotonic_ns() + 2_000_000  # longer than a signal may be priced
            await eventually(lambda: time.monotonic_ns() > waited_ns, "no signal waits any more")
            await prepare(counter, 3)
            await written(counter)
            assert (streamed(peer), released(peer)) == (["1001", "1002", "1003"], ["1002"])
            peer.hang_up()
            await counter.one.reaches(READY, times=2)
            await written(counter)
            assert streamed(peer)[3:] == ["1001", "1003"]

    play(story)


def test_lines_in_use_are_never_taken_away(configure: Configure) -> None:
    """One held, one ordered, one of a signal that may still be priced: the fourth is refused by reason, unasked."""

    async def story(peer: Peer) -> None:
        listing(peer)
        settings = lines(configure(peer.port), signal_s=0, max_lines=3)
        settings = msgspec.structs.replace(
            settings, ingress=msgspec.structs.replace(settings.ingress, max_age_ms=60_000)
        )
        async with serving(settings) as counter:
            await prepare(counter, 1, 2, 3)
            reply = await counter.ask(PrepareContract(strike(4)))
            assert reply == CommandRefused("NO_MARKET_DATA_LINE", "all 3 market data lines are in use")
            await written(counter)
            assert streamed(peer) == ["1001", "1002", "1003"]
            assert not peer.asked["2"]

    play(story)


def test_what_is_held_is_answered_for_without_a_line(configure: Configure) -> None:
    """Protecting a position needs its increments more than its quotes."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(lines(configure(peer.port), max_lines=1)) as counter:
            await prepare(counter, 1)
            held = msgspec.structs.replace(OPTION, con_id=1002)
            counter.one.current.observe(PositionSnapshot("DU1", held, 7.0, 250.0, False, 1))
            await prepare(counter, 2)
            await written(counter)
            assert (streamed(peer), released(peer)) == (["1001"], [])

    play(story)


def test_what_is_held_is_streamed_from_the_start(configure: Configure) -> None:
    """A gateway that was restarted knows of no line; nobody asks again for a contract that is held."""

    async def story(peer: Peer) -> None:
        position = [
            "61",
            "3",
            "DU1",
            1001,
            "SPY",
            "OPT",
            "20250919",
            451.0,
            "C",
            "100",
            "",
            "USD",
            "",
            "SPY",
            7,
            250,
        ]
        peer.answers["61"] = lambda _: [frame(*position), frame(62, 1)]
        async with serving(lines(configure(peer.port), prewarm="off"), ready=False) as counter:
            await counter.one.reaches(READY)
            await written(counter)
            assert streamed(peer) == ["1001"]
            ((*_, exchange),) = [fields[:11] for fields in peer.asked["1"]]
            assert exchange == "SMART"

    play(story)


def test_what_is_held_or_ordered_keeps_its_line(configure: Configure) -> None:
    """Idle or not: what protects a position needs its quotes."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(lines(configure(peer.port), signal_s=0, max_lines=3, idle_s=0.05)) as counter:
            held = msgspec.structs.replace(OPTION, con_id=1001)
            ordered = msgspec.structs.replace(OPTION, con_id=1002)
            counter.one.current.observe(PositionSnapshot("DU1", held, 7.0, 250.0, False, 1))
            counter.one.current.observe(order_event(contract=ordered))
            counter.one.current.observe(order_event("manual", order_id=7, perm_id=7, contract=None))
            await prepare(counter, 1, 2, 3)
            await eventually(lambda: released(peer), "the idle line is given back")
            assert released(peer) == ["1003"]
            counter.one.current.observe(PositionSnapshot("DU1", held, 0.0, 0.0, False, 2))
            await eventually(lambda: len(released(peer)) == 2, "the flat contract's line")
            assert released(peer) == ["1003", "1001"]

    play(story)


def test_a_silent_line_begins_anew(configure: Configure) -> None:
    """Its newest quote is too old to price by, so IB is made to say what holds now."""

    async def story(peer: Peer) -> None:
        listing(peer)
        async with serving(lines(configure(peer.port), max_age_s=0.05)) as counter:
            await prepare(counter, 1, 1)
            inbound = counter.one.session.link.inbound
            await eventually(
                lambda: inbound.lines.silence_ns(1001, time.monotonic_ns()) > 50_000_000, "a silent line"
            )
            await prepare(counter, 1)
            await written(counter)
            assert (streamed(peer), released(peer)) == (["1001", "1001"], ["1001"])

    play(story)


def test_two_options_on_the_paper_gateway(configure: Configure, paper: RunningGateway) -> None:
    """Two strikes of one symbol and expiry have each a price of its own, and the underlying another."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            spy = ContractSpec(sec_type="STK", symbol="SPY")
            ready = await counter.ask(PrepareContract(spy))
            assert isinstance(ready, ContractReady)
            link = counter.one.session.link
            listed = await link.contract_details(msgspec.structs.replace(WANTED, expiry=""), 5)
            expiry = max(one.contract.expiry for one in listed)
            strikes = await link.contract_details(
                msgspec.structs.replace(WANTED, expiry=expiry, strike=0.0), 5
            )
            readies = []
            for one in (strikes[0], strikes[-1]):
                wanted = msgspec.structs.replace(WANTED, expiry=expiry, strike=one.contract.strike)
                readies.append(await counter.ask(PrepareContract(wanted)))
            assert all(isinstance(one, ContractReady) for one in readies)
            con_ids = [ready.contract.con_id, strikes[0].contract.con_id, strikes[-1].contract.con_id]
            told = counter.one.told

            def prices() -> dict[int, float]:
                return {one.con_id: one.ask for one in told.of(Quote) if one.ask and one.con_id in con_ids}

            await eventually(lambda: len(prices()) == 3, "three quotes")
            assert len(set(prices().values())) == 3

    asyncio.run(asyncio.wait_for(story(), 60))
