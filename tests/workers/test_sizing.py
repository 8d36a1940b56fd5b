"""Sizing: every signal taken from Redis ends in a refusal or in one order request, whatever comes between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from conf.settings import ConfigError, Settings
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
    PositionSnapshot,
    PrepareContract,
    Quote,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
    StatusQuery,
)
from router.reasons import Reason
from tests.router import factory
from tests.workers.played_bus import Peer, Stage
from tests.workers.store.server import Server
from workers.sizing import Sizing, main
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
        self.submission: Peer = stage.peer("submission", self._place)
        self.worker = stage.worker("sizing", Sizing, ("decision",))

    def _place(self, _: str, message: Message) -> Message:
        assert isinstance(message, OrderRequest)
        return PlaceReply(message.delivery, "sent")

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


def test_a_signal_becomes_the_platforms_own_order(scene: Scene) -> None:
    """The contract's example: 94 % confidence on 100 k gives 7 contracts at 2.50, stop 1.40, target 3.25."""
    scene.push()
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    [(request_id, request)] = scene.submission.commands
    assert isinstance(request, OrderRequest)
    assert request_id.endswith(request.delivery)
    assert (request.action, request.quantity, request.entry_type, request.limit_price) == (
        "BUY",
        7,
        "LMT",
        2.5,
    )
    assert (request.stop_price, request.notional) == (1.4, 1750.0)
    assert [(target.price, target.quantity) for target in request.targets] == [(3.25, 7)]
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert [type(message) for message in scene.stage.heard] == [SignalReceived, SignalGated, SignalSized]
    assert scene.redis.call("HLEN", keys.TAKEN) == 1  # until dispatch has told its end


def test_a_market_signal_waits_for_its_first_quote(stage: Stage, redis: Client) -> None:
    """No fixed wait: the quote that arrives sizes the signal."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push(strategy="1dte")
    stage.until(lambda: scene.gateway.commands, "the contract to be asked for")
    other = factory.quote(con_id=77)
    scene.gateway.publish(other, QUOTE)
    stage.until(lambda: scene.submission.commands, "an order request")
    request = scene.submission.commands[0][1]
    assert isinstance(request, OrderRequest)
    assert (request.entry_type, request.limit_price, request.reference_price) == ("MKT", None, 2.5)


def test_without_a_quote_the_signal_ends_as_no_market_data(stage: Stage, redis: Client) -> None:
    """After entry.quote_wait_s nothing prices it."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("NO_MARKET_DATA", "price_unavailable")


def test_an_old_quote_prices_nothing(stage: Stage, redis: Client) -> None:
    """Older than quotes.max_age_s: the signal waits for a new one, and that one prices it."""
    age_ns = int(1e9 * (stage.settings.quotes.max_age_s + 1))
    old = factory.quote(9.0, 9.1, received_ns=time.monotonic_ns() - age_ns)
    scene = Scene(stage, redis, [READY, ACCOUNT, old])
    scene.push(id="first")
    assert (scene.refused().status, scene.refused().code) == ("NO_MARKET_DATA", Reason.NO_MARKET_DATA)
    scene.push(id="second")
    stage.until(lambda: len(scene.gateway.commands) == 2, "the second signal's contract")
    scene.gateway.publish(factory.quote(received_ns=time.monotonic_ns()))
    stage.until(lambda: scene.submission.commands, "the order at the new price")
    [(_, request)] = scene.submission.commands
    assert isinstance(request, OrderRequest)
    assert request.limit_price == 2.5


def test_a_price_hint_of_the_signal_prices_it_without_a_quote(stage: Stage, redis: Client) -> None:
    """`entry` stands in for the market when the wait is over (contract 6)."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push(entry=2.5)
    stage.until(lambda: scene.submission.commands, "an order request")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"{not json", "payload"),
        (factory.payload(side="UP"), "side"),
        (
            factory.payload(contract={"type": "option", "strike": float("nan"), "expiry": EXPIRY}),
            "contract.strike",
        ),
        (factory.payload(contract=factory.contract(expiry="20200103")), "contract.expiry"),
        (factory.payload(symbol="ZZZ"), "symbol"),
    ],
)
def test_a_bad_signal_is_refused_by_field_and_the_next_one_flows(
    scene: Scene, payload: bytes, field: str
) -> None:
    """The refusal names field and value, keeps the payload, and loses nothing else."""
    scene.push_raw(payload)
    scene.push()
    refused = scene.refused()
    assert refused.malformed
    assert refused.field == field
    assert field in refused.reason
    assert refused.raw
    scene.stage.until(lambda: scene.submission.commands, "the good signal's order")


def test_a_stale_signal_is_refused_before_anything_is_asked(scene: Scene) -> None:
    """Six seconds old: STALE with its age, and the gateway is not bothered."""
    scene.push(ts=time.time_ns() // 1_000_000 - 6_000)
    refused = scene.refused()
    assert refused.status == "STALE"
    assert refused.reason.startswith("stale_signal_6")
    assert not scene.gateway.commands


def test_the_platforms_switch_blocks_before_sizing(scene: Scene) -> None:
    """`risk:new_positions_allowed` false: RISK_REJECTED with the platform's reason."""
    scene.redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("RISK_REJECTED", "risk_checks_failed")


def test_a_halt_that_came_while_the_signal_waited_is_heard(stage: Stage, redis: Client) -> None:
    """For its contract or its quote: what the platform said before that is old by then."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push()
    stage.until(lambda: scene.gateway.commands, "the contract to be asked for")
    redis.call("SET", keys.HALT, "true")
    ticks: list[int] = []
    stage.loop.every(0.05, lambda: ticks.append(1))
    stage.until(lambda: len(ticks) >= 2, "time passes")
    scene.gateway.publish(QUOTE)
    refused = scene.refused()
    assert (refused.field, refused.value) == ("not_halted", "halted by risk:halt:status")
    assert not scene.submission.commands


def test_a_notional_above_a_quarter_of_the_buying_power_is_refused_after_sizing(
    stage: Stage, redis: Client
) -> None:
    """One contract is the minimum even when it costs too much: then the second look denies it."""
    poor = AccountSnapshot(
        account="DU1",
        currency="USD",
        net_liquidation=500.0,
        buying_power=500.0,
        available_funds=None,
        total_cash=None,
        gross_position_value=None,
        init_margin=None,
        maint_margin=None,
        replayed=True,
        received_ns=1,
    )
    scene = Scene(stage, redis, [READY, poor, QUOTE])
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("RISK_REJECTED", "risk_checks_failed_post_sizing")


def test_too_many_positions_block(stage: Stage, redis: Client) -> None:
    """Contracts held at IB are counted; one that was closed again is not."""
    held: list[Message] = [
        PositionSnapshot("DU1", msgspec.structs.replace(factory.OPTION, con_id=con_id), 1.0, 100.0, True, 1)
        for con_id in range(1, 11)
    ]
    scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE, *held])
    scene.push()
    assert scene.refused().status == "RISK_REJECTED"
    flat = PositionSnapshot("DU1", msgspec.structs.replace(factory.OPTION, con_id=1), 0.0, 0.0, False, 2)
    scene.gateway.publish(flat)
    scene.push(id="another")
    stage.until(lambda: scene.submission.commands, "the order after one was closed")


def test_positions_that_were_closed_unheard_do_not_block(stage: Stage, redis: Client) -> None:
    """The gateway's journal is gone, and with it that they were closed: its snapshot lists what is held."""
    held: list[Message] = [
        PositionSnapshot("DU1", msgspec.structs.replace(factory.OPTION, con_id=con_id), 1.0, 100.0, True, 1)
        for con_id in range(1, 11)
    ]
    scene = Scene(stage, redis, [ACCOUNT, QUOTE, *held])
    scene.gateway.publish(READY)
    stage.until(lambda: not scene.worker.waiting_for, "ready")
    down = LinkState(phase=LinkPhase.DOWN, reason="between two lives")
    scene.gateway.lose_journal(down, ACCOUNT, QUOTE)
    stage.until(lambda: down.reason in scene.worker.waiting_for, "word of the second life")
    scene.gateway.publish(READY)
    scene.push()
    stage.until(lambda: scene.submission.commands or stage.of(SignalRefused), "what becomes of the signal")
    assert stage.of(SignalRefused) == []


def test_a_dry_run_is_decided_and_never_sent(scene: Scene) -> None:
    """Sized for all to see, ended as DRY_RUN, nothing at submission (contract 0.4)."""
    scene.push(dry_run=True)
    refused = scene.refused()
    assert refused.status == "DRY_RUN"
    assert scene.stage.of(SignalSized)
    assert not scene.submission.commands


def test_an_unlisted_contract_is_refused(scene: Scene) -> None:
    """The gateway's definite no is the platform's contract_lookup_failed."""
    scene.broker.contract = CommandRefused("CONTRACT_LOOKUP_FAILED", "is not listed at IB")
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("REJECTED", "contract_lookup_failed")
    assert "SPY" in refused.value


def test_an_option_whose_last_session_is_over_is_refused(scene: Scene) -> None:
    """By the hours that IB tells of the contract: before anything is priced or sent."""
    over = datetime.now(UTC) - timedelta(days=1)
    gone = msgspec.structs.replace(factory.OPTION, expiry=f"{over:%Y%m%d}")
    scene.broker.contract = ContractReady(
        contract=gone,
        min_tick=0.05,
        trading_hours=f"{over:%Y%m%d}:0000-{over:%Y%m%d}:0001",
        time_zone="UTC",
    )
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.code) == ("REJECTED", Reason.CONTRACT_EXPIRED)
    assert refused.field == "contract.expiry"
    assert not scene.submission.commands


def test_without_a_market_data_line_there_is_no_price(scene: Scene) -> None:
    """The gateway's typed refusal, in the platform's words."""
    scene.broker.contract = CommandRefused(Reason.NO_MARKET_DATA_LINE, "all 100 market data lines are in use")
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("NO_MARKET_DATA", "price_unavailable")
    assert (refused.code, refused.field) == (Reason.NO_MARKET_DATA_LINE, "contract")


def test_an_algorithm_that_takes_no_options_refuses_the_signal(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client
) -> None:
    """Acked and published with field and value; nothing goes to submission."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, ENTRY__ALGO="Twap"))
    try:
        scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
        scene.push()
        refused = scene.refused()
        assert (refused.status, refused.code) == ("REJECTED", Reason.ALGO_NOT_TAKEN)
        assert refused.reason == "entry.algo = 'Twap': takes STK, not OPT"
        assert (refused.field, refused.value) == ("entry.algo", "'Twap'")
        assert not scene.submission.commands
    finally:
        stage.close()


def test_an_algorithm_that_ib_does_not_have_stops_sizing_at_the_start(
    make_settings: Callable[..., Settings],
) -> None:
    """A problem of the configuration (exit code 78), not of the first signal."""
    with pytest.raises(ConfigError, match="is no algo of IB"):
        main(make_settings(ENTRY__ALGO="Vwop"))


def test_a_gateway_that_is_not_ready_is_asked_again(scene: Scene) -> None:
    """A refusal that says `retry` only delays the signal, and what was decided of it is told once."""
    scene.broker.contract = CommandRefused("LINK_NOT_READY", "syncing", retry=True)
    scene.push()
    scene.stage.until(lambda: len(scene.gateway.commands) >= 2, "a second question")
    scene.broker.contract = None
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    assert len({request_id for request_id, _ in scene.gateway.commands}) == len(scene.gateway.commands)
    scene.stage.until(lambda: scene.stage.of(SignalSized), "the size is told")
    assert len(scene.stage.of(SignalGated)) == 1


def test_nothing_is_taken_until_everything_needed_is_there(stage: Stage, redis: Client) -> None:
    """Signals wait in Redis while the link is down or the account unknown, and it says for what."""
    scene = Scene(stage, redis, [])
    scene.push()
    stage.until(lambda: scene.worker.waiting_for == "the gateway process", "word of Redis")
    scene.gateway.publish(LinkState(phase=LinkPhase.SYNCING, reason="rebuilding"))
    stage.until(lambda: "SYNCING" in scene.worker.waiting_for, "word of the link")
    scene.gateway.publish(READY)
    stage.until(lambda: "account" in scene.worker.waiting_for, "word of the account")
    assert redis.call("LLEN", keys.execution_list("SPY")) == 1
    scene.gateway.publish(ACCOUNT, QUOTE)
    stage.until(lambda: scene.submission.commands, "an order request")


def test_a_signal_taken_before_a_crash_is_looked_up_first(stage: Stage, redis: Client) -> None:
    """Known to the gateway: nothing more is done; unknown: it goes on as if new."""
    known, unknown = factory.document(id="known"), factory.document(id="unknown")
    for number, document in enumerate((known, unknown), start=1):
        document["contract"] = factory.contract(expiry=EXPIRY)
        document["ts"] = time.time_ns() // 1_000_000
        value = keys.execution_list("SPY").encode() + b"\n" + json.dumps(document).encode()
        redis.call("HSET", keys.TAKEN, f"{number}-x", value)
    scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])

    def answer(request_id: str, message: Message) -> Message:
        if isinstance(message, FindDelivery) and message.delivery.startswith("known"):
            return PlaceReply(message.delivery, "adopted")
        return Broker.answer(scene.broker, request_id, message)

    scene.gateway._answer = answer
    stage.until(lambda: scene.submission.commands, "the unknown one's order")
    [(_, request)] = scene.submission.commands
    assert isinstance(request, OrderRequest)
    assert request.signal.id == "unknown"
    stage.until(scene.worker.drain, "nothing on its way")
    received = stage.of(SignalReceived)
    assert all(isinstance(message, SignalReceived) and message.redelivered for message in received)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (CommandRefused(Reason.UNDECODABLE, "not a command of this version: x"), Reason.NOT_SENT),
        (CommandRefused(Reason.UNKNOWN_COMMAND, "no OrderRequest here"), Reason.NOT_SENT),
        (CommandRefused(Reason.BAD_FIELD, "stop_price = -1: is no price"), Reason.BAD_FIELD),
    ],
)
def test_what_submission_cannot_take_is_told_as_refused(
    scene: Scene, refusal: CommandRefused, code: Reason
) -> None:
    """Nobody else knows of it: without this the signal would have no end until sizing starts again."""
    scene.submission._answer = lambda *_: refusal
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.code, refused.reason) == ("REJECTED", code, refusal.text)
    assert (refused.field, refused.value) == (refusal.code, refusal.text)
    assert scene.worker.drain()
    assert scene.worker.progress["submitted"] == 0


def test_what_submission_cannot_take_for_now_is_offered_again(scene: Scene) -> None:
    """FAILED may succeed later: the same order, decided once, until the signal is too old."""
    answers: list[Message] = [CommandRefused(Reason.FAILED, "no room", retry=True)] * 2
    taken = scene.submission._answer
    scene.submission._answer = lambda name, message: answers.pop() if answers else taken(name, message)
    scene.push()
    scene.stage.until(lambda: scene.worker.progress["submitted"], "the order is taken")
    assert len({request for _, request in scene.submission.commands}) == 1
    assert len(scene.submission.commands) == 3
    assert len(scene.stage.of(SignalSized)) == 1
    assert not scene.stage.of(SignalRefused)


def test_what_submission_cannot_take_in_time_is_stale(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client
) -> None:
    """Nothing is offered for ever: past its expiry the signal ends, once the gateway says that it was never sent."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, INGRESS__MAX_AGE_MS="1000"))
    try:
        scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
        scene.submission._answer = lambda *_: CommandRefused(Reason.FAILED, "no room", retry=True)
        scene.push()
        refused = scene.refused()
        assert (refused.status, refused.code) == ("STALE", Reason.STALE)
        assert refused.reason.startswith("stale_signal_1")
        assert refused.field == "fresh"
        assert len(scene.submission.commands) > 1
        assert [one for _, one in scene.gateway.commands if isinstance(one, FindDelivery)]
    finally:
        stage.close()


def test_what_an_earlier_submission_had_sent_is_not_told_as_stale(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client
) -> None:
    """One that died over its answer; its successor takes nothing until the signal is too old. IB tells the end."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, INGRESS__MAX_AGE_MS="1000"))
    try:
        scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
        answer = scene.gateway._answer
        scene.submission._answer = lambda *_: CommandRefused(Reason.FAILED, "no room", retry=True)
        scene.gateway._answer = lambda name, message: (
            PlaceReply(message.delivery, "adopted")
            if isinstance(message, FindDelivery)
            else answer(name, message)
        )
        scene.push()
        stage.until(lambda: scene.submission.commands, "an order request")
        stage.until(scene.worker.drain, "nothing on its way")
        assert not stage.of(SignalRefused)
    finally:
        stage.close()


def test_what_submission_has_told_is_not_told_again(scene: Scene) -> None:
    """A refusal of the gateway is submission's to tell: one end for one signal."""

    def told(_: str, message: Message) -> Message:
        assert isinstance(message, OrderRequest)
        return PlaceReply(message.delivery, "refused")

    scene.submission._answer = told
    scene.push()
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert (scene.worker.progress["submitted"], scene.worker.progress["refused"]) == (0, 0)


def test_the_same_delivery_twice_makes_one_order(scene: Scene) -> None:
    """Both are told as received, so that both can be settled; one goes on."""
    ts = time.time_ns() // 1_000_000
    scene.push(ts=ts)
    scene.push(ts=ts)
    scene.stage.until(lambda: len(scene.stage.of(SignalReceived)) == 2, "both received")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert len(scene.submission.commands) == 1


def test_a_signal_that_was_sent_and_comes_again_is_not_refused(scene: Scene) -> None:
    """From the stream as well as from the list, or after a loss of Redis: its order works, whatever the gates say now."""
    ts = time.time_ns() // 1_000_000
    scene.push(ts=ts)
    scene.stage.until(lambda: scene.worker.progress["submitted"], "the order is taken")
    scene.broker.verdict = PlaceReply("whose", "adopted")
    scene.redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
    scene.push(ts=ts)
    scene.stage.until(lambda: len(scene.stage.of(SignalReceived)) == 2, "both received")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert not scene.stage.of(SignalRefused)
    assert len(scene.submission.commands) == 1


@pytest.mark.parametrize("lives", [1, 2])
def test_a_signal_that_was_refused_stays_refused(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client, lives: int
) -> None:
    """It comes again, or sizing starts again before dispatch has settled it, and by now the gates would let it pass."""
    settings = make_settings(REDIS__URL=redis_server.url)
    first = Stage(settings)
    try:
        scene = Scene(first, redis, [READY, ACCOUNT, QUOTE])
        redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
        ts = time.time_ns() // 1_000_000
        scene.push(ts=ts)
        assert scene.refused().status == "RISK_REJECTED"
        redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "true")
        if lives == 1:
            scene.push(ts=ts)
            first.until(lambda: len(first.of(SignalReceived)) == 2, "it comes again")
            first.until(scene.worker.drain, "nothing on its way")
            assert not scene.submission.commands
            return
    finally:
        first.close()
    second = Stage(settings)
    try:
        scene = Scene(second, redis, [READY, ACCOUNT, QUOTE])
        second.until(lambda: scene.worker.progress["received"], "it is found again")
        second.until(scene.worker.drain, "nothing on its way")
        assert not scene.submission.commands
        assert [type(one) for one in second.heard if type(one) is not SignalReceived] == []
    finally:
        second.close()


def test_a_drain_takes_nothing_more(scene: Scene) -> None:
    """After SIGTERM signals stay where they are."""
    scene.stage.until(lambda: not scene.worker.waiting_for, "ready")
    assert scene.worker.drain()
    scene.push()
    polled = scene.stage.loop
    ticks: list[Quote] = []
    polled.every(0.05, lambda: ticks.append(QUOTE))
    scene.stage.until(lambda: len(ticks) >= 4, "four polls")
    assert scene.redis.call("LLEN", keys.execution_list("SPY")) == 1


def test_commands_are_refused(scene: Scene) -> None:
    """Sizing takes none, and says which one it was asked."""
    reply = scene.worker.handle("id", StatusQuery())
    assert isinstance(reply, CommandRefused)
    assert "StatusQuery" in reply.text
    assert list(scene.worker.snapshot()) == []
