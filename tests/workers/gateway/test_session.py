"""The life of the IB connection: READY means that everything was asked, answered and is still true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conf.settings import Settings
from router.bracket import legs
from router.messages import (
    AccountSnapshot,
    Alert,
    BrokerError,
    LinkPhase,
    LinkState,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    PnLSnapshot,
    PositionSnapshot,
    Quote,
)
from tests.paper.conftest import RunningGateway, start_gateway
from tests.router.factory import OPTION, STOCK, order_event, request
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import Running, eventually, running
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_known import intent
from tests.workers.gateway.told import OPTION as OPTION_FIELDS
from tests.workers.gateway.told import status
from workers.clock import now_ms
from workers.gateway.known import SILENCE_MS, Known
from workers.gateway.session import Session

DOWN, CONNECTING, SYNCING = LinkPhase.DOWN, LinkPhase.CONNECTING, LinkPhase.SYNCING
READY, DEGRADED = LinkPhase.READY, LinkPhase.DEGRADED
REBUILD = {
    "61": "positions",
    "16": "open_orders",
    "99": "completed_orders",
    "7": "executions",
    "62": "account_summary",
}
LOST = frame(4, 2, -1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.", "")
KEPT = frame(4, 2, -1, 1102, "Connectivity has been restored - data maintained.", "")
DATA_LOST = frame(4, 2, -1, 1101, "Connectivity has been restored - data lost.", "")


def play(story: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Let the story happen with a peer that listens, within a deadline."""

    async def run() -> None:
        async with Peer(**options) as peer:
            await asyncio.wait_for(story(peer), 30)

    asyncio.run(run())


def position(quantity: float) -> bytes:
    """A position of the option."""
    return frame(61, 3, "DU1000001", *OPTION_FIELDS, quantity, 250.65)


# ---------------------------------------------------------------- getting READY


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


# ---------------------------------------------------------------- losing it


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


# ---------------------------------------------------------------- IB's servers away


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


# ---------------------------------------------------------------- what a rebuild finds


def test_position_that_vanished(configure: Configure) -> None:
    """A position closed while the link was down is told as zero before READY: IB only leaves it out."""

    async def story(peer: Peer) -> None:
        peer.answers["61"] = lambda _: (
            [position(7), frame(62, 1)] if len(peer.asked["61"]) == 1 else [frame(62, 1)]
        )
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            peer.hang_up()
            await one.reaches(READY, times=2)
            first, gone = one.told.of(PositionSnapshot)
            assert (first.quantity, gone.quantity, gone.replayed) == (7.0, 0.0, True)
            assert gone.contract == first.contract
            assert isinstance(one.told.messages[-1], LinkState)

    play(story)


def test_doubt_is_parked(configure: Configure) -> None:
    """An intent of an earlier run that IB, asked twice, does not know is parked, once, and never sent."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with running(configure(peer.port), known=known) as one:
            await one.reaches(READY)
            (parked,) = await eventually(lambda: one.told.of(OrderParked), "it is parked")
            assert parked.delivery == intent().delivery
            (alert,) = one.told.of(Alert)
            assert (alert.kind, intent().delivery in alert.text) == ("orders_in_doubt", True)
            assert len(peer.asked["16"]) == 2
            peer.hang_up()
            await one.reaches(READY, times=2)
            assert one.told.of(OrderParked) == [parked]
            assert known.verdict(parked.delivery) == "in_doubt"
            assert not peer.asked["3"]

    play(story)


def test_an_order_that_ib_never_says_a_word_on_comes_to_an_end(configure: Configure) -> None:
    """It was swallowed, and the connection lives on: long after its signal has expired IB is asked for everything."""

    async def story(peer: Peer) -> None:
        known = Known()
        async with running(configure(peer.port, heartbeat_timeout_s=0.4), known=known) as one:
            await one.reaches(READY)
            waiting = request(delivery="a-1", expires_ms=now_ms())
            silent = request(delivery="b-1", expires_ms=now_ms() - SILENCE_MS - 1)
            heard = request(delivery="c-1", expires_ms=now_ms() - SILENCE_MS - 1)
            for wanted in (waiting, silent, heard):
                known.observe(OrderIntent(wanted.delivery, wanted, ()))
            known.observe(order_event("c-1-E"))
            await one.reaches(READY, times=2)
            parked = await eventually(lambda: one.told.of(OrderParked), "it is parked")
            assert {each.delivery for each in parked} >= {"b-1"}
            assert "c-1" not in {each.delivery for each in parked}
            assert one.session.counts["connects"] == 1
            assert (known.verdict("b-1"), known.silent(now_ms())) == ("in_doubt", False)

    play(story)


def test_a_rebuild_ends_the_recovery_of_the_one_before(configure: Configure) -> None:
    """IB's servers were away while it settled: its rounds begin anew, and there is one that decides, not two."""

    def recoveries() -> int:
        return sum("Session._recover " in repr(task.get_coro()) for task in asyncio.all_tasks())

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with running(configure(peer.port, settle_s=60.0), known=known) as one:
            await one.reaches(READY)
            assert recoveries() == 1
            peer.say(LOST, KEPT)
            await one.reaches(READY, times=2)
            assert recoveries() == 1
            assert one.told.of(OrderParked) == []

    play(story)


def test_doubt_that_ib_settles(configure: Configure, paper: RunningGateway) -> None:
    """An intent of an earlier run that IB lists is adopted: not parked, not sent again."""

    async def story() -> None:
        order = request(contract=STOCK, limit_price=1.0, reference_price=1.0, stop_price=0.5)
        bracket = legs(order, outside_rth=True)
        async with running(configure(paper.port)) as one:
            await one.reaches(READY)
            one.session.link.place(STOCK, one.session.link.bracket(bracket, one.session.account))
            await eventually(lambda: len(one.told.of(OrderLifecycleEvent)) >= 3, "IB's word on the bracket")
        known = Known()
        known.observe(intent(order.delivery))
        async with running(configure(paper.port), known=known) as two:
            await two.reaches(READY)
            assert two.told.of(OrderParked) == []
            assert known.verdict(order.delivery) == "adopted"
            replayed = two.told.of(OrderLifecycleEvent)
            assert {event.ref for event in replayed} == {leg.ref for leg in bracket}
            assert all(event.replayed for event in replayed)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_order_that_an_error_leaves_open(configure: Configure) -> None:
    """A code that proves nothing: IB is asked, and what it does not know after two rounds was never taken."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 99_999, "nobody knows this code", "")]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            bracket = legs(request(), outside_rth=True)
            one.session.link.place(OPTION, one.session.link.bracket(bracket, "DU1000001"))
            await eventually(
                lambda: (
                    [error.policy for error in one.told.of(BrokerError)] == ["query"] * 3 + ["terminal"] * 3
                ),
                "IB's silence is told as the end",
            )
            assert {error.ref for error in one.told.of(BrokerError)} == {leg.ref for leg in bracket}
            assert {alert.kind for alert in one.told.of(Alert)} == {"ib_error_unknown"}
            assert {alert.ref for alert in one.told.of(Alert)} == {leg.ref for leg in bracket}
            assert len(peer.asked["16"]) == len(peer.asked["99"]) == 3
            assert one.session.phase is READY

    play(story)


def test_order_that_an_error_leaves_open_and_ib_lists(configure: Configure) -> None:
    """The same error about an order that IB lists when asked ends nothing."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 99_999, "nobody knows this code", "")]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            bracket = legs(request(), outside_rth=True)
            orders = one.session.link.bracket(bracket, "DU1000001")

            def listed(_: list[str]) -> list[bytes]:
                words = [
                    frame(*status(order_id=str(each.orderId), perm_id=str(800_000 + each.orderId)))
                    for each in orders
                ]
                return [*words, frame(53, 1)]

            peer.answers["16"] = listed
            one.session.link.place(OPTION, orders)
            await eventually(lambda: len(one.told.of(OrderLifecycleEvent)) >= 3, "IB's word")
            await one.session.link.ping(5)
            assert {error.policy for error in one.told.of(BrokerError)} == {"query"}

    play(story)


def test_farm_that_breaks(configure: Configure) -> None:
    """Market data that is away makes the connection DEGRADED until it is back: entries would be priced blind."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            peer.say(frame(4, 2, -1, 2103, "Market data farm connection is broken:usfarm", ""))
            await one.reaches(DEGRADED)
            peer.say(frame(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", ""))
            await one.reaches(READY, times=2)
            assert all(len(peer.asked[message_id]) == 1 for message_id in REBUILD)

    play(story)


def test_ids_of_the_journal(configure: Configure) -> None:
    """nextValidId was rolled back by a restart: ids of the journal are not issued again, not even to requests."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent(first_id=500))
        async with running(configure(peer.port), known=known) as one:
            await one.reaches(READY)
            assert int(peer.asked["7"][0][2]) > 502
            orders = one.session.link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert orders[0].orderId > 502

    play(story, next_id=3)


def test_ids_that_ib_tells_of(configure: Configure) -> None:
    """An order of the rebuild with a higher id counts as well; the unset id of a manual order does not."""

    async def story(peer: Peer) -> None:
        peer.answers["16"] = lambda _: [
            frame(*status(order_id="900")),
            frame(*status(order_id="2147483647", perm_id="900002", client_id="0")),
            frame(53, 1),
        ]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            orders = one.session.link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert 900 < orders[0].orderId < 2_000

    play(story)


# ---------------------------------------------------------------- the paper gateway


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
