"""Stop ladders as adjustable stops: the platform's numbers, the one-way ratchet, the state from the order alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conf.stop_profiles import Rung, StopProfile, load_stop_profiles
from router import stops, ticks
from router.messages import Adjustment, OrderLifecycleEvent, PriceBand
from router.stops import Stop, next_adjustment, rearmed
from tests.helpers import PROJECT
from tests.router.factory import order_event

PROFILES = load_stop_profiles(PROJECT)
BANDS = (PriceBand(0.0, 0.01), PriceBand(3.0, 0.05))


def taken(adjustment: Adjustment) -> Stop:
    """The stop after IB has made the adjustment."""
    return Stop(adjustment.stop_price, adjustment.trail_percent, adjustment.trail_amount)


def climb(
    profile: StopProfile, stop: Stop, *, long: bool, entry: float, tick: ticks.Grid
) -> list[Adjustment]:
    """Every rung that is ever armed when the market only ever moves in favour."""
    found: list[Adjustment] = []
    while (rung := next_adjustment(profile, stop, long=long, entry=entry, tick=tick)) is not None:
        found.append(rung)
        stop = taken(rung)
        assert len(found) <= len(profile.rungs)
    return found


def event(**changes: Any) -> OrderLifecycleEvent:
    """A live stop of a long option bought at 2.50."""
    plain = order_event(
        "9bbeedc541dd1c7a-mfqwpfk0-S1", action="SELL", order_type="STP", stop_price=1.40, limit_price=None
    )
    return msgspec.structs.replace(plain, **changes)


def test_an_option_bought_at_2_50() -> None:
    """Initial stop 1.40; the rung at 7.5 % is the first that improves it by 5 % of the entry."""
    rungs = climb(PROFILES.option, Stop(1.40), long=True, entry=2.50, tick=0.05)
    assert rungs[0] == Adjustment(trigger_price=2.7, order_type="TRAIL", stop_price=1.55, trail_percent=42.5)
    fixed = [rung for rung in rungs if rung.order_type == "STP"]
    assert fixed
    assert all(rung.trail_percent is None for rung in fixed)
    assert rungs[-1].trigger_price > 2.5 * 5


def test_a_fixed_rung_is_measured_from_its_milestone() -> None:
    """FIXED 7 % at 100 % profit is 7 % below twice the entry, not below the entry (contract 0.8)."""
    profile = StopProfile(min_improvement_pct=0.0, rungs=(Rung(100.0, "FIXED", 7.0),))
    rung = next_adjustment(profile, Stop(50.0), long=True, entry=100.0, tick=0.01)
    assert rung == Adjustment(trigger_price=200.0, order_type="STP", stop_price=186.0)


def test_a_short_is_the_mirror() -> None:
    """Sold at 100: at 10 % profit the stop of the default ladder stands 5 % above 90."""
    rung = next_adjustment(PROFILES.default, Stop(120.0), long=False, entry=100.0, tick=0.01)
    assert rung == Adjustment(trigger_price=90.0, order_type="STP", stop_price=94.5)


def test_a_trailing_short() -> None:
    """Sold at 100, trailing 20 % above the best price: 10 % lower the rung adds to where the trail will be, 108."""
    rung = next_adjustment(PROFILES.default, Stop(120.0, 20.0), long=False, entry=100.0, tick=0.01)
    assert rung == Adjustment(trigger_price=90.0, order_type="STP", stop_price=94.5)


def test_a_short_cannot_gain_more_than_its_price() -> None:
    """Rungs from 100 % on do not exist for a short."""
    profile = StopProfile(min_improvement_pct=0.0, rungs=(Rung(100.0, "FIXED", 5.0),))
    assert next_adjustment(profile, Stop(120.0), long=False, entry=100.0, tick=0.01) is None


def ladder(*rungs: Rung) -> StopProfile:
    """A ladder of these."""
    return StopProfile(min_improvement_pct=0.0, rungs=rungs)


@pytest.mark.parametrize(
    ("rung", "long", "expected"),
    [
        (Rung(100.0, "FIXED", 7.0, 2.0), True, Adjustment(200.0, "STP LMT", 186.0, limit_price=182.28)),
        (Rung(10.0, "FIXED", 5.0, 2.0), False, Adjustment(90.0, "STP LMT", 94.5, limit_price=96.39)),
        (Rung(10.0, "TRAIL", 5.0, 1.0), True, Adjustment(110.0, "TRAIL LIMIT", 104.5, 5.0, 103.45)),
        (Rung(10.0, "STEP", 5.0), True, Adjustment(110.0, "TRAIL", 105.0, trail_amount=5.0)),
        (Rung(10.0, "STEP", 5.0), False, Adjustment(90.0, "TRAIL", 95.0, trail_amount=5.0)),
        (
            Rung(10.0, "STEP", 5.0, 1.0),
            True,
            Adjustment(110.0, "TRAIL LIMIT", 105.0, limit_price=103.95, trail_amount=5.0),
        ),
    ],
)
def test_every_kind_of_rung(rung: Rung, long: bool, expected: Adjustment) -> None:
    """Fixed or trailing by percent or by an amount, each with or without a limit beyond the stop, for both sides."""
    stop = Stop(50.0 if long else 150.0)
    assert next_adjustment(ladder(rung), stop, long=long, entry=100.0, tick=0.01) == expected


def test_a_limit_is_always_beyond_the_stop_and_above_nothing() -> None:
    """A tick at least, and never no price at all."""
    cheap = ladder(Rung(200.0, "FIXED", 50.0, 90.0))
    rung = next_adjustment(cheap, Stop(0.01), long=True, entry=0.02, tick=0.01)
    assert rung == Adjustment(0.06, "STP LMT", 0.03, limit_price=0.01)
    narrow = ladder(Rung(10.0, "FIXED", 5.0, 0.001))
    short = next_adjustment(narrow, Stop(1.50), long=False, entry=1.00, tick=0.01)
    assert short is not None
    assert (short.stop_price, short.limit_price) == (0.94, 0.95)


def test_a_rung_counts_for_what_it_adds_to_a_trailing_amount() -> None:
    """5 behind the best price stands at 105 by then: a fixed stop at 104.5 is no gain, one at 106.7 is."""
    trailing = Stop(95.0, trail_amount=5.0)
    for value, stop in ((5.0, None), (3.0, 106.7)):
        rung = next_adjustment(
            ladder(Rung(10.0, "FIXED", value)), trailing, long=True, entry=100.0, tick=0.01
        )
        assert (rung and rung.stop_price) == stop


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"order_type": "STP LMT", "limit_price": 1.38}, Stop(1.40)),
        ({"order_type": "TRAIL LIMIT", "trail_stop": 1.6, "trail_percent": 40.0}, Stop(1.6, 40.0)),
        ({"order_type": "TRAIL", "trail_stop": 1.6, "stop_price": 0.3}, Stop(1.6, None, 0.3)),
    ],
)
def test_what_each_kind_of_stop_is_in_force_as(changes: dict[str, Any], expected: Stop) -> None:
    """From the order as IB reports it: a trail's auxiliary price is its amount."""
    assert stops.in_force(event(**changes)) == expected


def test_ticks_follow_the_market_rule() -> None:
    """Above 3.00 the armed prices are multiples of 0.05, below of 0.01."""
    rungs = climb(PROFILES.option, Stop(1.38), long=True, entry=2.51, tick=BANDS)
    for rung in rungs:
        for price in (rung.trigger_price, rung.stop_price):
            assert ticks.nearest(price, BANDS) == price


@settings(deadline=None)  # speed is the matter of bench/
@given(
    entry=st.integers(10, 100_000).map(lambda cents: cents / 100),
    long=st.booleans(),
    name=st.sampled_from(["OPT", "STK", "FUT"]),
    tick=st.sampled_from([0.01, 0.05, BANDS]),
    risk=st.sampled_from([0.04, 0.2, 0.45]),
    path=st.lists(st.floats(0.5, 8.0), max_size=12),
)
def test_the_stop_never_moves_back(
    entry: float, long: bool, name: str, tick: ticks.Grid, risk: float, path: list[float]
) -> None:
    """Whatever the market does, each stop is at least as good as the one before, and never at or through its trigger."""
    entry, profile = ticks.nearest(entry, tick), PROFILES.of(name)
    sign = 1 if long else -1
    price = ticks.up(entry * (1 - risk), tick) if long else ticks.down(entry * (1 + risk), tick)
    stop = Stop(price)
    for factor in path:
        market = entry * factor
        while (rung := next_adjustment(profile, stop, long=long, entry=entry, tick=tick)) is not None:
            assert sign * (rung.stop_price - stop.price) > 0
            assert sign * (rung.trigger_price - rung.stop_price) > 0
            if sign * (market - rung.trigger_price) < 0:
                break  # armed at IB, not reached yet
            stop = taken(rung)
        if stop.trail_percent is not None:  # IB moves a trail by itself, forward only
            trailed = market * (1 - sign * stop.trail_percent / 100)
            if sign * (trailed - stop.price) > 0:
                stop = Stop(trailed, stop.trail_percent)


def test_the_state_is_the_orders_own() -> None:
    """A stop that carries its rung is left alone; one whose rung was taken gets the next, from what IB reports of it."""
    first = rearmed(event(), PROFILES.option, entry=2.50, tick=0.05)
    assert first is not None
    assert rearmed(event(adjustment=first), PROFILES.option, entry=2.50, tick=0.05) is None
    reported = event(order_type="TRAIL", stop_price=None, trail_stop=1.55, trail_percent=42.5)
    second = rearmed(reported, PROFILES.option, entry=2.50, tick=0.05)
    assert second is not None
    assert second.trigger_price > first.trigger_price
    assert second.trail_percent is not None
    assert second.trail_percent < 42.5


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": "LMT", "limit_price": 3.25},
        {"order_type": "STP LMT", "stop_price": None},
        {"stop_price": None},
        {"order_type": "TRAIL", "trail_percent": 40.0},
    ],
)
def test_what_is_no_plain_stop_is_not_touched(changes: dict[str, Any]) -> None:
    """Targets, and stops whose price IB left out."""
    assert rearmed(event(**changes), PROFILES.option, entry=2.50, tick=0.05) is None


def test_without_an_entry_price_nothing_is_armed() -> None:
    """A rung is a profit, and there is none without an entry."""
    assert rearmed(event(), PROFILES.option, entry=0.0, tick=0.05) is None


def test_at_the_top_of_the_ladder_nothing_is_armed() -> None:
    """Beyond the last rung the stop stays as it is."""
    assert rearmed(event(stop_price=14.9), PROFILES.option, entry=2.50, tick=0.05) is None


def test_a_fixed_rung_reported_by_ib() -> None:
    """A STP at a milestone's stop is in force as such."""
    assert stops.in_force(event(stop_price=2.10)) == Stop(2.10)
