"""The link, judged on the wire: by a TWS of bytes that says anything, and by the paper gateway."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from router.algos import TABLE, Algo, parameters
from router.bracket import legs
from router.messages import (
    BrokerError,
    CommissionReport,
    ContractSpec,
    ExecutionFill,
    Message,
    OrderLifecycleEvent,
    OrderRequest,
    PnLSnapshot,
    PositionSnapshot,
    Quote,
    Target,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, STOCK, request
from tests.workers.gateway.harness import Ear, eventually, linked, new_link
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import OPTION as OPTION_FIELDS
from tests.workers.gateway.told import commission, execution, status
from workers.gateway.library import IB
from workers.gateway.link import Link
from workers.gateway.orders import to_contract

TOO_LONG = 2**24  # bytes; IB's own clients refuse a message of this length
new_client: Callable[[], Any] = IB  # untyped
Rebuild = Callable[[Link], Callable[[float], Awaitable[None]]]
AAPL = ContractSpec(sec_type="STK", symbol="AAPL")
REBUILDS: list[tuple[str, Rebuild]] = [
    ("61", lambda link: link.positions),
    ("16", lambda link: link.open_orders),
    ("99", lambda link: link.completed_orders),
    ("7", lambda link: link.executions),
    ("62", lambda link: link.account_summary),
    ("49", lambda link: link.ping),
]
# placeOrder at server version 176, simple order: places of the fields that a bracket sets
PLACED = {
    "order_id": 1,
    "con_id": 2,
    "symbol": 3,
    "sec_type": 4,
    "expiry": 5,
    "strike": 6,
    "right": 7,
    "multiplier": 8,
    "exchange": 9,
    "currency": 11,
    "action": 16,
    "quantity": 17,
    "order_type": 18,
    "limit": 19,
    "stop": 20,
    "tif": 21,
    "oca_group": 22,
    "account": 23,
    "ref": 26,
    "transmit": 27,
    "parent_id": 28,
    "outside_rth": 33,
    "oca_type": 47,
}


def play(story: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Let the story happen with a peer that listens, within a deadline."""

    async def run() -> None:
        async with Peer(**options) as peer:
            await asyncio.wait_for(story(peer), 30)

    asyncio.run(run())


def placed(peer: Peer) -> list[dict[str, str]]:
    """The placeOrder messages the peer has read, by field name."""
    return [{name: fields[place] for name, place in PLACED.items()} for fields in peer.asked["3"]]


async def refusal(peer: Peer) -> str:
    """Why a connect failed, well before its time-out."""
    link = new_link(Ear())
    with pytest.raises(ConnectionError) as caught:
        await asyncio.wait_for(link.connect("127.0.0.1", peer.port, 1, timeout_s=60), 10)
    link.disconnect()
    return str(caught.value)


# ---------------------------------------------------------------- connect


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


# ---------------------------------------------------------------- frames

TALK = (
    frame(*status())
    + frame(*execution())
    + frame(*commission())
    + frame(61, 3, "DU1000001", *OPTION_FIELDS, 7, 250.65)
    + frame(4, 2, -1, 2104, "Market data farm connection is OK:usfarm \u00e9\u20ac", "")
    + frame(21, 9, 10)
    + frame(9, 1, 50)
    + frame(58, 1, 9, 1)
)
KINDS = [OrderLifecycleEvent, ExecutionFill, CommissionReport, PositionSnapshot, BrokerError]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_frames_split_anywhere(size: int) -> None:
    """However the bytes arrive, one at a time or all at once, the same messages come out, in order."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (_, ear):
            await peer.trickle(TALK + frame(4, 2, -1, 2106, "last", ""), size)
            await eventually(lambda: len(ear.heard(BrokerError)) == 2, "the last message")
            heard = [message for batch in ear.batches for message in batch][:-1]
            assert [type(message) for message in heard] == KINDS
            assert ear.heard(BrokerError)[0].text.endswith("\u00e9\u20ac")
            assert ear.undecodable == []

    play(story)


def test_one_batch_a_read() -> None:
    """What one socket read brought is handed on together."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (_, ear):
            peer.say(TALK)
            await eventually(lambda: ear.batches, "the batch")
            assert [type(message) for message in ear.batches[0]] == KINDS

    play(story)


@pytest.mark.parametrize(
    "garbage",
    [
        frame("11", "short"),
        frame("5", "101", "x"),
        frame("10", "9"),
        frame("101", "?"),
        frame("4", "2", "x", "y", "z"),
        frame("61", "3", "DU1", *OPTION_FIELDS, "many", "0"),
        frame(),
        b"\0\0\0\x03abc",
        b"\0\0\0\x06\xff\xfe\0\xc3\x28\0",
        frame(*execution(side="?")),
        frame(*execution(price="NaN")),
    ],
)
def test_garbage_frame(garbage: bytes) -> None:
    """A message that cannot be read is kept aside, and the next one flows."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, ear):
            peer.say(frame(4, 2, -1, 2104, "before", ""), garbage, frame(4, 2, -1, 2106, "after", ""))
            await eventually(lambda: len(ear.heard(BrokerError)) == 2, "both notices")
            unused = link.inbound.unused.total()
            assert len(ear.undecodable) + unused >= 1
            assert ear.closed == []

    play(story)


def test_stream_out_of_step() -> None:
    """A length that no message has means that every later byte is misread: the connection ends, with the reason."""

    async def story(peer: Peer) -> None:
        ear = Ear()
        link = new_link(ear)
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        peer.say(frame(4, 2, -1, 2104, "before", ""), TOO_LONG.to_bytes(4, "big") + b"x")
        (reason,) = await eventually(lambda: ear.closed, "the end")
        assert str(TOO_LONG) in reason
        assert [notice.text for notice in ear.heard(BrokerError)] == ["before"]
        link.disconnect()

    play(story)


def test_what_the_listener_cannot_take_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """A listener that raises must not be talked past: what it missed would be lost, so the rebuild brings it again."""

    class Full(Ear):
        def on_messages(self, messages: Sequence[Message]) -> None:
            raise RuntimeError("no room")

    async def story(peer: Peer) -> None:
        ear = Full()
        link = new_link(ear)
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        peer.say(frame(4, 2, -1, 2104, "farm is OK", ""))
        await eventually(lambda: ear.closed, "the end")
        assert [str(failure["exception"]) for failure in failures] == ["no room"]

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


# ---------------------------------------------------------------- requests


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


# ---------------------------------------------------------------- contracts and quotes


def details(request_id: str, con_id: int, tick: str = "0.05") -> bytes:
    """contractDetails at server version 176."""
    return frame(
        10, request_id, "SPY", "OPT", "20250919", 451.0, "C", "SMART", "USD", "SPY   250919C00451000", "SPY", "SPY",
        con_id, tick, 100, "LMT,MKT", "SMART,CBOE", 1, 756733, "SPDR S&P 500", "", "202509", "", "", "", "US/Eastern",
        "20250919:0930-20250919:1600", "20250919:0930-20250919:1600", "", 0, 0, 1, "SPY", "STK", "32", "20250919", "",
        1, 1, 1,
    )  # fmt: skip


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


# ---------------------------------------------------------------- orders


def test_bracket_on_the_wire() -> None:
    """Entry, target, stop: every field that a bracket sets, and only the last order transmits."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.place(OPTION, link.bracket(legs(request(), outside_rth=False), "DU1000001"))
            await link.ping(5)
            entry, target, stop = placed(peer)
        common = {
            "con_id": "1001", "symbol": "SPY", "sec_type": "OPT", "expiry": "20250919", "strike": "451.0",
            "right": "C", "multiplier": "100", "exchange": "SMART", "currency": "USD", "account": "DU1000001",
            "quantity": "7",
        }  # fmt: skip
        stem, child = (
            request().delivery,
            {"parent_id": "1", "tif": "GTC", "outside_rth": "1", "oca_type": "2"},
        )
        assert entry == common | {
            "order_id": "1", "action": "BUY", "order_type": "LMT", "limit": "2.5", "stop": "", "tif": "DAY",
            "oca_group": "", "oca_type": "0", "ref": f"{stem}-E", "transmit": "0", "parent_id": "0", "outside_rth": "0",
        }  # fmt: skip
        assert target == common | child | {
            "order_id": "2", "action": "SELL", "order_type": "LMT", "limit": "3.25", "stop": "",
            "oca_group": f"{stem}-1", "ref": f"{stem}-T1", "transmit": "0",
        }  # fmt: skip
        assert stop == common | child | {
            "order_id": "3", "action": "SELL", "order_type": "STP", "limit": "", "stop": "1.4",
            "oca_group": f"{stem}-1", "ref": f"{stem}-S1", "transmit": "1",
        }  # fmt: skip

    play(story, next_id=1)


def test_market_bracket_of_several_pairs() -> None:
    """A market entry has no price; each pair hangs on the entry; the very last order releases all before it."""
    order = request(
        action="SELL",
        entry_type="MKT",
        limit_price=None,
        contract=STOCK,
        stop_price=104.0,
        reference_price=100.0,
        targets=(Target(90.0, 3), Target(80.0, 2), Target(70.0, 2)),
    )

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.place(STOCK, link.bracket(legs(order, outside_rth=True), "DU1000001"))
            await link.ping(5)
            entry, *children = placed(peer)
        assert (entry["order_type"], entry["limit"], entry["stop"], entry["multiplier"]) == (
            "MKT",
            "",
            "",
            "",
        )
        assert [int(each["order_id"]) for each in (entry, *children)] == list(range(5, 12))
        assert {each["parent_id"] for each in children} == {"5"}
        assert [each["order_type"] for each in children] == ["LMT", "STP"] * 3
        assert [each["quantity"] for each in children] == ["3", "3", "2", "2", "2", "2"]
        assert [each["limit"] or each["stop"] for each in children] == [
            "90.0",
            "104.0",
            "80.0",
            "104.0",
            "70.0",
            "104.0",
        ]
        assert [each["transmit"] for each in (entry, *children)] == ["0"] * 6 + ["1"]
        assert [each["ref"].rpartition("-")[2] for each in children] == ["T1", "S1", "T2", "S2", "T3", "S3"]

    play(story, next_id=5)


def test_ids_never_go_back() -> None:
    """An automatic restart rolled nextValidId back: ids seen before are not handed out again."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.keep_ids_above(500)
            link.keep_ids_above(10)
            orders = link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert [order.orderId for order in orders] == [501, 502, 503]

    play(story, next_id=3)


def test_refused_by_its_id_alone() -> None:
    """IB may refuse an order without ever telling of it: the error still finds its orderRef."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 110, "The price does not conform", "")]
        async with linked(peer.port) as (link, ear):
            link.place(OPTION, link.bracket(legs(request(), outside_rth=True), "DU1000001"))
            await eventually(lambda: len(ear.heard(BrokerError)) == 3, "three refusals")
            refs = [leg.ref for leg in legs(request(), outside_rth=True)]
            assert [error.ref for error in ear.heard(BrokerError)] == refs

    play(story)


def test_cancel() -> None:
    """cancelOrder with the order's id."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            written: list[int] = []
            link.cancel(101, lambda: written.append(101))
            await link.ping(5)
            assert peer.asked["4"] == [["4", "1", "101", ""]]
            assert written == [101]

    play(story)


def test_contract_for_the_library() -> None:
    """Unqualified fields stay empty; a stock has no multiplier on the wire; an empty exchange is SMART."""
    bare = to_contract(ContractSpec(sec_type="STK", symbol="AAPL", exchange=""))
    filled = {name: value for name, value in dataclasses.asdict(bare).items() if value}
    assert filled == {"secType": "STK", "symbol": "AAPL", "exchange": "SMART", "currency": "USD"}


# ---------------------------------------------------------------- the paper gateway


def test_a_bracket_lives_on_the_paper_gateway(paper: RunningGateway) -> None:
    """A market bracket is taken, filled, reported with its commission, and its children rest protected."""

    async def story() -> None:
        async with linked(paper.port) as (link, ear):
            (ready,) = await link.contract_details(AAPL, 5)
            order = request(
                contract=ready.contract,
                entry_type="MKT",
                limit_price=None,
                stop_price=1.0,
                targets=(Target(1_900.0, 7),),
            )
            entry, target, stop = bracket = legs(order, outside_rth=True)
            orders = link.bracket(bracket, link.accounts[0])
            link.place(ready.contract, orders)

            def live() -> dict[str, str]:
                return {event.ref: event.status for event in ear.heard(OrderLifecycleEvent)}

            children = {target.ref: "Submitted", stop.ref: "PreSubmitted"}
            await eventually(lambda: live() == {entry.ref: "Filled", **children}, "filled and protected")
            await eventually(lambda: ear.heard(CommissionReport), "the commission")
            fills, reports = ear.heard(ExecutionFill), ear.heard(CommissionReport)
            assert sum(fill.quantity for fill in fills) == pytest.approx(7)
            assert {*(fill.ref for fill in fills), *(report.ref for report in reports)} == {entry.ref}
            assert {report.exec_id for report in reports} == {fill.exec_id for fill in fills}
            await link.completed_orders(5)
            done = [event for event in ear.heard(OrderLifecycleEvent) if event.origin == "completed"]
            assert [(event.ref, event.status) for event in done] == [(entry.ref, "Filled")]
            assert done[0].order_id == orders[0].orderId
            assert ear.undecodable == []

    asyncio.run(asyncio.wait_for(story(), 60))


def test_library_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs nothing by itself: the session tells what happens, once."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port):
            peer.say(TALK)

    with caplog.at_level(logging.DEBUG):
        play(story)
    assert [record for record in caplog.records if record.name.startswith("ib_insync")] == []


SAMPLES = {"share": "0.1", "count": "100", "flag": "1", "time": "15:30:00 US/Eastern"}


def worked(algo: Algo, number: int) -> OrderRequest:
    """A limit far from the market, worked by the algorithm with every one of its parameters."""
    texts = [f"{one.name}={SAMPLES.get(one.kind) or one.choices[-1]}" for one in algo.parameters]
    texts = [text.replace("15:30", "15:45") if text.startswith("endTime") else text for text in texts]
    return request(
        delivery=f"algo{number}-mfqwpfk0",
        limit_price=1.0,
        stop_price=0.5,
        targets=(Target(2.0, 7),),
        algo=algo.name,
        algo_params=parameters(algo.name, texts),
    )


def test_every_algorithm_and_a_gtd_come_back_from_the_paper_gateway(paper: RunningGateway) -> None:
    """An unmodified client of the library sees them, and so do we: a modification can repeat them."""

    async def story() -> None:
        async with linked(paper.port) as (link, ear):
            (ready,) = await link.contract_details(AAPL, 5)
            orders = [worked(algo, number) for number, algo in enumerate(TABLE)]
            dated = request(
                delivery="gtd-mfqwpfk0", limit_price=1.0, stop_price=0.5, targets=(Target(2.0, 7),)
            )
            orders.append(msgspec.structs.replace(dated, tif="GTD", good_till="20991231-21:00:00"))
            for order in orders:
                bracket = legs(msgspec.structs.replace(order, contract=ready.contract), outside_rth=True)
                link.place(ready.contract, link.bracket(bracket, link.accounts[0]))
            other = new_client()
            await other.connectAsync("127.0.0.1", paper.port, clientId=2, timeout=10)
            try:
                seen = {one.order.orderRef: one.order for one in await other.reqAllOpenOrdersAsync()}
            finally:
                other.disconnect()
            heard = {event.ref: event for event in ear.heard(OrderLifecycleEvent)}
            for order in orders:
                ref = f"{order.delivery}-E"
                theirs, ours = seen[ref], heard[ref]
                pairs = [(one.tag, one.value) for one in theirs.algoParams]
                assert (theirs.algoStrategy, pairs) == (order.algo, list(order.algo_params))
                assert (theirs.tif, theirs.goodTillDate) == (order.tif, order.good_till)
                assert theirs.outsideRth is not bool(order.algo)
                assert (ours.algo, ours.algo_params) == (order.algo, order.algo_params)
                assert (ours.tif, ours.good_till) == (order.tif, order.good_till)
            assert ear.undecodable == []

    asyncio.run(asyncio.wait_for(story(), 60))
