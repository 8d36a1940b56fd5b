"""A short storm: kills where they hurt most, single pairs and brackets; and one planted bug, so that it can fail."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from tests.storm.bugs import BUGS
from tests.storm.kills import ROLE_OF, Tally, Trial, at_points, at_random, draw, every_trial
from tests.storm.oracle import judge
from tests.storm.stage import AROUND, ROLES, Stage
from workers.killpoint import POINTS


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory whose name is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.mark.timeout(400)
def test_kills_on_the_way_of_an_order_double_and_lose_nothing(root: Path) -> None:
    """One kill at every point, for pairs and brackets in turn, then a handful at random: every promise is kept."""
    tally = Tally()
    with Stage(root) as stage:
        at_points(stage, tally, [Trial(point, 1 + 2 * (number % 2)) for number, point in enumerate(POINTS)])
        at_random(stage, tally, kills=6, seed=7)
        verdict = judge(stage)
    assert tally.missed == []
    assert tally.hit == set(POINTS)
    assert verdict.orders > verdict.signals > 0
    assert verdict.broken == []


@pytest.mark.timeout(120)
def test_a_gateway_that_skips_the_lookup_is_caught(root: Path) -> None:
    """With that bug planted the same kill does double an order, and the ledger shows it."""
    with Stage(root, bug="skip_lookup", bug_in="gateway") as stage:
        at_points(stage, Tally(), [Trial("gateway.write.after")])
        stage.await_idle()  # the ack may come of the first order while submission still asks for the second
        verdict = judge(stage)
    assert verdict.orders_per_ref_max > 1
    assert not verdict.sound


def test_who_dies_together() -> None:
    """Any of the three, any two, all of them; dispatch and Redis too, alone and with others; never the broker."""
    chance = random.Random(7)
    drawn = {frozenset(draw(chance)) for _ in range(5_000)}
    assert {frozenset(roles) for size in (1, 2, 3) for roles in combinations(ROLES, size)} <= drawn
    assert {frozenset([role]) for role in AROUND} <= drawn
    assert frozenset([*ROLES, "redis"]) in drawn
    assert frozenset().union(*drawn) == {*ROLES, *AROUND}


def test_every_point_has_its_trials() -> None:
    """The long storm kills at each point, for a single pair and for a bracket."""
    trials = every_trial()
    for point in POINTS:
        assert {trial.targets for trial in trials if trial.point == point} >= {1, 3}
        assert point.startswith(ROLE_OF[point])
    assert len(BUGS) == 3
