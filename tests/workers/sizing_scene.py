"""Sizing between a real Redis, a played gateway and a played submission."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conf.settings import Settings
from router.messages import (
    AccountSnapshot,
    CommandRefused,
    ContractReady,
    FindDelivery,
    LinkPhase,
    LinkState,
    Message,
    OrderRequest,
    PlaceReply,
    PrepareContract,
    SignalRefused,
)
from router.reasons import Reason
from tests.router import factory
from tests.workers.played_bus import Peer, Stage
from tests.workers.store.server import Server
from workers.sizing import Sizing
from workers.store import keys, waker
from workers.store.client import Client

READY = LinkState(phase=LinkPhase.READY, reason="rebuilt", account="DU1")
ACCOUNT = AccountSnapshot(
    account="DU1",
    currency="USD",
    net_liquidation=100_000.0,
    buying_power=400_000.0,
    available_funds=None,
    total_cash=None,
    gross_position_value=None,
    init_margin=None,
    maint_margin=None,
    replayed=True,
    received_ns=1,
)
QUOTE = factory.quote(received_ns=2**62)  # fresh, whenever the test runs
EXPIRY = f"{datetime.now(UTC) + timedelta(days=30):%Y%m%d}"


class Broker:
    """What the test's gateway answers: contracts qualify, deliveries are unknown, unless told otherwise."""

    def __init__(self) -> None:
        self.verdict: Message | None = None
        self.contract: Message | None = None

    def answer(self, _: str, message: Message) -> Message:
        match message:
            case FindDelivery():
                return self.verdict or PlaceReply(message.delivery, "unknown")
            case PrepareContract():
                return self.contract or ContractReady(contract=factory.OPTION, min_tick=0.05)
            case _:
                raise AssertionError(f"sizing asked the gateway for {message}")


class Scene:
    """Sizing between a real Redis, a played gateway and a played submission."""

    def __init__(self, stage: Stage, redis: Client, snapshot: list[Message]) -> None:
        self.stage = stage
        self.redis = redis
        self.broker = Broker()
        self.gateway = stage.peer("gateway", self.broker.answer, snapshot)
        self.placing: list[str] = []  # deliveries that submission offers to the gateway
        self.submission: Peer = stage.peer("submission", self._place)
        self.worker = stage.worker("sizing", Sizing, ("decision",))

    def _place(self, _: str, message: Message) -> Message:
        if isinstance(message, FindDelivery):
            if self.placing:
                return CommandRefused(Reason.WAITING, self.placing.pop(), retry=True)
            return PlaceReply(message.delivery, "unknown")
        assert isinstance(message, OrderRequest)
        return PlaceReply(message.delivery, "sent")

    def ordered(self) -> list[OrderRequest]:
        """What was handed to submission."""
        return [message for _, message in self.submission.commands if isinstance(message, OrderRequest)]

    def push(self, **changes: Any) -> None:
        """Send a signal as the platform does, fresh unless `ts` says otherwise."""
        changes.setdefault("ts", time.time_ns() // 1_000_000)
        changes.setdefault("contract", factory.contract(expiry=EXPIRY))
        self.push_raw(json.dumps(factory.document(**changes)).encode())

    def push_raw(self, payload: bytes) -> None:
        """Put bytes on SPY's list."""
        self.redis.call("LPUSH", keys.execution_list("SPY"), payload)

    def refused(self) -> SignalRefused:
        """The next refusal."""
        self.stage.until(lambda: self.stage.of(SignalRefused), "a refusal")
        [message] = self.stage.of(SignalRefused)
        assert isinstance(message, SignalRefused)
        return message


@pytest.fixture
def redis(redis_server: Server) -> Iterator[Client]:
    """A client of the emptied server."""
    client = redis_server.client()
    yield client
    client.close()


@pytest.fixture
def stage(
    make_settings: Callable[..., Settings], redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """A stage with a real Redis, a short wait for quotes, and short reads: sizing ends when the last one does."""
    monkeypatch.setattr(waker, "READS_BLOCK_S", 0.05)
    stage = Stage(make_settings(REDIS__URL=redis_server.url, ENTRY__QUOTE_WAIT_S="0.2"))
    yield stage
    stage.close()


@pytest.fixture
def scene(stage: Stage, redis: Client) -> Scene:
    """Everything there: link READY, account known, a quote for the contract."""
    return Scene(stage, redis, [READY, ACCOUNT, QUOTE])
