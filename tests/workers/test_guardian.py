"""The guard on the whole stack: real processes, the paper gateway, and somebody else who trades the same account."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ib_insync
import msgspec
import pytest
import structlog

from conf.settings import Settings
from ipc.bus import Envelope, Requester, Source, Subscriber
from router.messages import (
    CancelOrders,
    CancelReply,
    ContractReady,
    Heartbeat,
    HoldingsQuery,
    HoldingsReply,
    LinkPhase,
    LinkState,
    Message,
    ModifyOrder,
    ModifyReply,
    OrderLifecycleEvent,
    PlaceOrders,
    PlaceReply,
    PositionSnapshot,
    PrepareContract,
)
from router.protection import STOPS
from tests.router.factory import OPTION, order_event, quote
from tests.storm.stage import Stage
from tests.workers import played_bus
from workers.guardian import Guardian

LIBRARY: Any = ib_insync  # it has no types
WITHIN_S = 5.0  # far more than the second it takes, for a busy machine


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stack, ready."""
    root = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    with Stage(root) as made:
        yield made
    shutil.rmtree(root)


@pytest.fixture
def trader(stage: Stage) -> Iterator[Any]:
    """A person at another client of the same account, on a loop of its own: an earlier asyncio.run leaves none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = LIBRARY.IB()
    port = stage.settings.broker_port()
    assert port is not None
    client.connect("127.0.0.1", port, clientId=9)
    yield client
    closed: asyncio.Future[str] = loop.create_future()
    client.client.conn.disconnected += closed.set_result
    client.disconnect()
    loop.run_until_complete(asyncio.wait_for(closed, 5))
    asyncio.set_event_loop(None)
    loop.close()


def orders(stage: Stage) -> list[OrderLifecycleEvent]:
    """What works now."""
    return list(stage.now().orders)


def quantities(stage: Stage) -> dict[str, float]:
    """Remaining quantity by order type."""
    return {event.order_type: event.remaining for event in orders(stage)}


def stopped(stage: Stage) -> float:
    """The quantity of all live stops."""
    return sum(event.remaining for event in orders(stage) if event.order_type in STOPS)


def held(stage: Stage) -> float:
    """The quantity of all positions."""
    return sum(abs(one.quantity) for one in stage.now().positions)


def await_beats(stage: Stage, count: int) -> None:
    """Wait until submission's loop has turned for so many heartbeats, each a fifth of a second after the last."""
    source = Source("submission", stage.settings.pub("submission"), stage.settings.cmd("submission"))
    subscriber = Subscriber(stage.context, [source], ("heartbeat",), positions=None)
    beats: list[Envelope] = []

    def heard() -> bool:
        beats.extend(one for one in subscriber.receive() if isinstance(one.message, Heartbeat))
        return len(beats) >= count

    try:
        stage.await_true(heard, f"{count} heartbeats of submission")
    finally:
        subscriber.close()


@pytest.mark.timeout(120)
def test_what_a_person_does_by_hand_is_protected(stage: Stage, trader: Any) -> None:
    """Bought by hand: a pair. Sold in part: a smaller pair. Protection cancelled: a new one. Sold: nothing is left."""
    apple = LIBRARY.Stock("AAPL", "SMART", "USD")
    trader.qualifyContracts(apple)
    trader.placeOrder(apple, LIBRARY.MarketOrder("BUY", 30))
    stage.await_true(lambda: quantities(stage) == {"STP": 30, "LMT": 30}, "a pair of 30", WITHIN_S)
    stop = next(event for event in orders(stage) if event.order_type == "STP")
    assert (stop.action, stop.tif, stop.oca_type) == ("SELL", "GTC", 2)
    assert stop.adjustment is not None
    trader.placeOrder(apple, LIBRARY.MarketOrder("SELL", 10))
    stage.await_true(lambda: quantities(stage) == {"STP": 20, "LMT": 20}, "a pair of 20", WITHIN_S)
    before = {event.perm_id for event in orders(stage)}
    assert isinstance(stage.ask(CancelOrders(refs=(), perm_ids=tuple(before)), 10.0), CancelReply)
    stage.await_true(
        lambda: (
            quantities(stage) == {"STP": 20, "LMT": 20} and not before & {e.perm_id for e in orders(stage)}
        ),
        "another pair",
        WITHIN_S,
    )
    trader.placeOrder(apple, LIBRARY.MarketOrder("SELL", 20))
    stage.await_true(lambda: not orders(stage), "no order is left", WITHIN_S)


@pytest.mark.timeout(120)
def test_a_bracket_is_left_alone(stage: Stage) -> None:
    """Its stops are what is held, all of them the bracket's own; made flat, nothing is left of either."""
    signal_id = stage.send(targets=3)
    stage.await_true(lambda: stage.ack(signal_id), "the ack", 20)
    await_beats(stage, 6)  # the guard looks many times meanwhile, and must find nothing to do
    stage.await_true(lambda: stopped(stage) == held(stage), "stops for what is held", WITHIN_S)
    assert all(event.ref.startswith(f"{signal_id}-") for event in orders(stage))
    log = (stage.root / "var/log/submission.log").read_text()
    assert "not protected" not in log
    stage.flatten()
    stage.await_true(lambda: not orders(stage), "no order is left", WITHIN_S)
    stage.await_true(lambda: not held(stage), "flat", WITHIN_S)


def test_what_does_not_help_is_told_once(make_settings: Callable[..., Settings]) -> None:
    """The guard goes on trying, and a person who knows of it is not told again with each attempt."""
    bus = played_bus.Stage(make_settings())
    held = PositionSnapshot("DU1", OPTION, 7.0, 250.0, False, 1)
    ready = LinkState(LinkPhase.READY, "", account="DU1", client_id=1)

    def answer(_: str, command: Message) -> Message:
        match command:
            case HoldingsQuery():
                return HoldingsReply("DU1", (held,), ())
            case PrepareContract():
                return ContractReady(contract=OPTION, min_tick=0.05)
            case PlaceOrders():
                return PlaceReply(command.name, "sent")
            case _:
                raise AssertionError(command)

    requester = Requester(bus.context, bus.settings.cmd("gateway"))
    try:
        gateway = bus.peer("gateway", answer)
        bus.loop.attach(requester)
        told: list[Message] = []
        guardian = Guardian(bus.settings, requester, structlog.get_logger(), told.append)
        guardian.observe(ready)

        def repairs() -> int:
            return sum(isinstance(command, PlaceOrders) for _, command in gateway.commands)

        for number in range(1, 5):
            guardian.observe(held)  # IB tells that nothing has changed: there is a next attempt at once

            def attempted(number: int = number) -> bool:
                guardian.sweep()
                return repairs() >= number

            bus.until(attempted, f"repair {number}")
        assert len(told) == 1
    finally:
        requester.close()
        bus.close()


@pytest.mark.parametrize(("again", "stop_price"), [(False, 0.75), (True, 1.4)])
def test_quotes_of_the_connection_before_price_no_stop(
    make_settings: Callable[..., Settings], again: bool, stop_price: float
) -> None:
    """Bought at 2.50 and worth 1.30: a stop below that. What it was worth before a reconnect is not known to be so."""
    bus = played_bus.Stage(make_settings())
    held = PositionSnapshot("DU1", OPTION, 7.0, 250.0, False, 1)

    def answer(_: str, command: Message) -> Message:
        match command:
            case HoldingsQuery():
                return HoldingsReply("DU1", (held,), ())
            case PrepareContract():
                return ContractReady(contract=OPTION, min_tick=0.05)
            case _:
                assert isinstance(command, PlaceOrders)
                return PlaceReply(command.name, "sent")

    requester = Requester(bus.context, bus.settings.cmd("gateway"))
    try:
        gateway = bus.peer("gateway", answer)
        bus.loop.attach(requester)
        guardian = Guardian(bus.settings, requester, structlog.get_logger(), lambda _: None)
        ready = LinkState(LinkPhase.READY, "", account="DU1", client_id=1)
        guardian.observe(quote(bid=1.30, ask=1.35))
        for message in ((LinkState(LinkPhase.SYNCING, ""),) if again else (), (ready, held)):
            for one in message:
                guardian.observe(one)

        def placed() -> list[PlaceOrders]:
            guardian.sweep()
            return [command for _, command in gateway.commands if isinstance(command, PlaceOrders)]

        bus.until(placed, "the pair")
        stops = [leg.stop_price for leg in placed()[0].legs if leg.role == "stop"]
        assert stops == [stop_price]
    finally:
        requester.close()
        bus.close()


def test_what_was_closed_unheard_is_not_judged(make_settings: Callable[..., Settings]) -> None:
    """After a loss only what the snapshot tells is looked at."""
    bus = played_bus.Stage(make_settings())
    held = PositionSnapshot("DU1", OPTION, 7.0, 250.0, False, 1)
    closed = msgspec.structs.replace(held, contract=msgspec.structs.replace(OPTION, con_id=2))
    requester = Requester(bus.context, bus.settings.cmd("gateway"))
    try:
        gateway = bus.peer("gateway", lambda *_: HoldingsReply("DU1", (held,), ()))
        bus.loop.attach(requester)
        told: list[Message] = []
        guardian = Guardian(bus.settings, requester, structlog.get_logger(), told.append)
        ready = LinkState(LinkPhase.READY, "", account="DU1", client_id=1)
        for message in (ready, closed):
            guardian.observe(message)
        guardian.forget()
        for message in (ready, held):
            guardian.observe(message)

        def asked() -> bool:
            guardian.sweep()
            return bool(gateway.commands) and not len(requester)

        bus.until(asked, "the question what is held, and its answer")
        asked_for = [command for _, command in gateway.commands if isinstance(command, HoldingsQuery)]
        assert asked_for == [HoldingsQuery()]
    finally:
        requester.close()
        bus.close()


def test_an_order_of_another_client_under_the_same_ref_is_not_ours(
    make_settings: Callable[..., Settings],
) -> None:
    """What is too much is cut from what our order has filled, not from what his has."""
    bus = played_bus.Stage(make_settings())
    held = PositionSnapshot("DU1", OPTION, 5.0, 250.0, True, 1)
    stop = order_event(
        "9bbeedc541dd1c7a-mfqwpfk0-S1",
        account="DU1",
        action="SELL",
        order_type="STP",
        stop_price=1.0,
        quantity=9.0,
        filled=2.0,
        remaining=7.0,
        oca_group="ours",
    )
    his = {"client_id": 9, "perm_id": 2, "quantity": 5.0, "filled": 4.0, "remaining": 1.0, "oca_group": "his"}
    orders = (msgspec.structs.replace(stop, **his), stop)

    def answer(_: str, command: Message) -> Message:
        if isinstance(command, HoldingsQuery):
            return HoldingsReply("DU1", (held,), orders)
        assert isinstance(command, ModifyOrder)
        return ModifyReply(command.ref, 101)

    requester = Requester(bus.context, bus.settings.cmd("gateway"))
    try:
        gateway = bus.peer("gateway", answer)
        bus.loop.attach(requester)
        told: list[Message] = []
        guardian = Guardian(bus.settings, requester, structlog.get_logger(), told.append)
        ready = LinkState(LinkPhase.READY, "", account="DU1", client_id=1)
        for message in (ready, held, *orders):
            guardian.observe(message)

        def cut() -> list[ModifyOrder]:
            guardian.sweep()
            return [command for _, command in gateway.commands if isinstance(command, ModifyOrder)]

        bus.until(cut, "the cut")
        assert [(one.ref, one.quantity) for one in cut()] == [(stop.ref, 6)]  # 2 filled, 4 beside his 1
    finally:
        requester.close()
        bus.close()
