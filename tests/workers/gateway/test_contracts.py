"""Contracts looked up once, and their market data lines: shared by nobody, within IB's limit, given back when idle."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from conf.sections import Quotes
from conf.settings import Settings
from router.messages import (
    CommandRefused,
    ContractReady,
    ContractSpec,
    LinkPhase,
    PositionSnapshot,
    PrepareContract,
    PriceBand,
    Quote,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, order_event
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_commands import AAPL, READY, Counter, play, refused, serving
from tests.workers.gateway.test_link import details
from workers.gateway import contracts

WANTED = msgspec.structs.replace(OPTION, con_id=0)


def lines(settings: Settings, *, signal_s: float = 60.0, **quotes: Any) -> Settings:
    """Other rules for lines; a signal may be priced for `signal_s`, half of it from the age it may have."""
    return msgspec.structs.replace(
        settings,
        quotes=Quotes(**quotes),
        ingress=msgspec.structs.replace(settings.ingress, max_age_ms=max(1, int(500 * signal_s))),
        entry=msgspec.structs.replace(settings.entry, quote_wait_s=signal_s / 2),
    )


def strike(number: int) -> ContractSpec:
    """One of the options of a symbol."""
    return msgspec.structs.replace(WANTED, strike=450.0 + number)


def listing(peer: Peer) -> None:
    """Every strike is listed, strike 450 + n under conId 1000 + n."""

    def answer(asked: list[str]) -> list[bytes]:
        con_id = 1000 + int(float(asked[7]) - 450) if asked[7] not in ("", "0.0") else 500
        return [details(asked[2], con_id), frame(52, 1, asked[2])]

    peer.answers["9"] = answer


async def prepare(counter: Counter, *numbers: int) -> None:
    """Prepare these strikes, one after the other."""
    for number in numbers:
        ready = await counter.ask(PrepareContract(strike(number)))
        assert isinstance(ready, ContractReady)


async def written(counter: Counter) -> None:
    """All that was offered so far is on the wire and was read."""
    await counter.one.session.link.ping(5)


def streamed(peer: Peer) -> list[str]:
    """conIds of the market data requests, in order."""
    return [fields[3] for fields in peer.asked["1"]]


def released(peer: Peer) -> list[str]:
    """conIds of the lines that were cancelled, in order."""
    by_request = {fields[2]: fields[3] for fields in peer.asked["1"]}
    return [by_request[fields[2]] for fields in peer.asked["2"]]


# ---------------------------------------------------------------- looked up


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


# ---------------------------------------------------------------- lines


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


# ---------------------------------------------------------------- beforehand


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


# ---------------------------------------------------------------- the paper gateway


def test_contract_the_paper_gateway_does_not_list(configure: Configure, paper: RunningGateway) -> None:
    """An unlisted strike is refused for good (contract 1.1: a strike may be unlisted)."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            nowhere = msgspec.structs.replace(WANTED, strike=454.87)
            reply = await counter.ask(PrepareContract(nowhere))
            assert refused(reply) == ("CONTRACT_LOOKUP_FAILED", False)

    asyncio.run(asyncio.wait_for(story(), 60))


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
