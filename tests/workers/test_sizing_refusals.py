"""Signals that sizing refuses, each with its reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from conf.settings import ConfigError, Settings
from router.messages import (
    AccountSnapshot,
    CommandRefused,
    ContractReady,
    LinkPhase,
    LinkState,
    Message,
    PositionSnapshot,
    SignalRefused,
    SignalSized,
)
from router.reasons import Reason
from tests.router import factory
from tests.workers.played_bus import Stage
from tests.workers.sizing_scene import ACCOUNT, EXPIRY, QUOTE, READY, Scene, redis, scene, stage
from tests.workers.store.server import Server
from workers.sizing import main
from workers.store import keys
from workers.store.client import Client

__all__ = ["redis", "scene", "stage"]  # fixtures


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
