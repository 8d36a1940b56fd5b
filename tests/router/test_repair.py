"""A new pair for what has none: on the tick, off the market, and never looser than what was there before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.sections import Protection
from conf.stop_profiles import load_stop_profiles
from router import ticks
from router.errors import FieldError
from router.messages import Adjustment, Leg
from router.repair import Bare, pair
from tests.helpers import PROJECT
from tests.router.factory import OPTION, STOCK

RULES = Protection()
LADDER = load_stop_profiles(PROJECT).option
STEM = "9bbeedc541dd1c7a-mfqwpfk0"


def made(bare: Bare, *, tick: float = 0.05, ladder: Any = None) -> tuple[Leg, ...]:
    """The legs of a repair."""
    return pair(bare, RULES, ladder, stem=STEM, number=71_000_000, tick=tick)


def bought(**changes: Any) -> Bare:
    """Seven of the example option at 2.50."""
    plain: dict[str, Any] = {"contract": OPTION, "action": "BUY", "quantity": 7, "entry": 2.5}
    return Bare(**(plain | changes))


def prices(bare: Bare) -> tuple[float | None, ...]:
    """Stop and target."""
    return tuple(leg.stop_price or leg.limit_price for leg in made(bare))


def test_a_pair_round_the_entry() -> None:
    """The platform's own distances, one OCA group, GTC, at all hours; the ladder's next rung on the stop."""
    stop, target = made(bought(market=2.48), ladder=LADDER)
    assert (stop.ref, target.ref) == (f"{STEM}-S71000000", f"{STEM}-T71000000")
    assert (stop.action, stop.order_type, stop.quantity, stop.stop_price) == ("SELL", "STP", 7, 1.4)
    assert (target.action, target.order_type, target.quantity, target.limit_price) == ("SELL", "LMT", 7, 3.25)
    for leg in (stop, target):
        assert (leg.tif, leg.oca_group, leg.oca_type, leg.outside_rth) == ("GTC", f"{STEM}-71000000", 2, True)
    assert stop.adjustment == Adjustment(2.7, "TRAIL", 1.55, 42.5)
    assert target.adjustment is None


def test_where_the_market_has_moved_past_the_entrys_pair() -> None:
    """Then round the market; the rungs still count from what was paid."""
    assert prices(bought(market=1.2)) == (0.7, 1.6)
    assert prices(bought(market=4.0)) == (2.2, 5.2)
    (stop, _) = made(bought(market=4.0), ladder=LADDER)
    assert stop.adjustment is not None
    assert stop.adjustment.trigger_price < 4.0  # of the ladder above 2.50, not above 4.00


def test_beside_somebody_elses_target() -> None:
    """A stop alone."""
    (stop,) = made(bought(alone=True))
    assert stop.role == "stop"


def test_no_price_for_a_stop() -> None:
    """At a single tick there is none; the caller tells somebody."""
    with pytest.raises(FieldError):
        made(bought(entry=0.05))


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({"ratchet": 2.3}, 2.3),
        ({"ratchet": 2.3, "market": 2.6}, 2.3),
        ({"ratchet": 2.3, "market": 2.0}, 1.95),  # it should have sold already: as near as can be
        ({"ratchet": 1.0, "market": 2.6}, 1.4),
        ({"ratchet": 2.32, "market": 2.6}, 2.3),
        ({"action": "SELL", "ratchet": 2.7}, 2.7),
        ({"action": "SELL", "ratchet": 2.7, "market": 2.45}, 2.7),
        ({"action": "SELL", "ratchet": 2.7, "market": 3.0}, 3.05),
        ({"action": "SELL", "ratchet": 9.0, "market": 2.45}, 3.6),
    ],
)
def test_the_ratchet(changes: dict[str, Any], stop: float) -> None:
    """Contract 8.11: a rebuild does not loosen the stop."""
    assert made(bought(**changes))[0].stop_price == pytest.approx(stop)


@given(
    long=st.booleans(),
    entry=st.integers(20, 50_000),
    market=st.integers(20, 50_000),
    ratchet=st.one_of(st.none(), st.integers(1, 50_000)),
    tick=st.sampled_from([0.01, 0.05]),
)
def test_whatever_the_market_did(
    long: bool, entry: int, market: int, ratchet: int | None, tick: float
) -> None:
    """On the tick, never at or through the market, target beyond it, and no looser than before where that can be."""
    sign = 1 if long else -1
    paid, now = ticks.nearest(entry / 100, tick), ticks.nearest(market / 100, tick)
    before = None if ratchet is None else ticks.nearest(ratchet / 100, tick) or tick
    bare = Bare(STOCK, "BUY" if long else "SELL", 7, paid, now, before)
    stop, target = made(bare, tick=tick)
    assert stop.stop_price is not None
    assert target.limit_price is not None
    assert ticks.nearest(stop.stop_price, tick) == pytest.approx(stop.stop_price)
    assert sign * (now - stop.stop_price) > 0
    assert sign * (target.limit_price - now) > 0
    if before is not None and sign * (now - before) > tick * 1.5:
        assert sign * (stop.stop_price - before) > -1e-9
