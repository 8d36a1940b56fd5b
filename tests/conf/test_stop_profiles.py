"""The stop ladders: the committed ones, and what a broken one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.errors import ConfigError
from conf.stop_profiles import Rung, load_stop_profiles
from tests.helpers import PROJECT

GOOD = """version = 1
[option]
min_improvement_pct = 5.0
rungs = [[0.0, "TRAIL", 50.0], [2.5, "FIXED", 47.5]]
[stock]
min_improvement_pct = 1.0
rungs = []
[default]
min_improvement_pct = 2.0
rungs = []
"""


def write(root: Path, text: str) -> Path:
    """A project root whose ladders are `text`."""
    (root / "conf").mkdir()
    (root / "conf" / "stop_profiles.toml").write_text(text, encoding="utf-8")
    return root


def test_the_platforms_ladders_are_there() -> None:
    """201, 41 and 4 rungs, with the platform's corner stones (contract 6)."""
    profiles = load_stop_profiles(PROJECT)
    assert [len(p.rungs) for p in (profiles.option, profiles.stock, profiles.default)] == [201, 41, 4]
    option = {rung.profit_pct: rung for rung in profiles.option.rungs}
    assert option[0.0] == Rung(0.0, "TRAIL", 50.0)
    assert option[30.0] == Rung(30.0, "TRAIL", 20.0)
    assert option[100.0] == Rung(100.0, "FIXED", 7.0)
    assert option[500.0] == Rung(500.0, "FIXED", 1.0)
    assert profiles.stock.rungs[8] == Rung(40.0, "FIXED", 5.0)
    assert profiles.default.rungs[-1] == Rung(30.0, "FIXED", 2.0)


@pytest.mark.parametrize(("sec_type", "rungs"), [("OPT", 201), ("STK", 41), ("FUT", 4)])
def test_each_instrument_has_its_ladder(sec_type: str, rungs: int) -> None:
    """IB's security types find theirs, an unknown one the default."""
    assert len(load_stop_profiles(PROJECT).of(sec_type).rungs) == rungs


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """Rungs in order, distances never growing."""
    assert load_stop_profiles(write(tmp_path, GOOD)).option.rungs[1] == Rung(2.5, "FIXED", 47.5)


def test_limits_and_steps_are_read(tmp_path: Path) -> None:
    """A fourth number is the limit; a step is measured from the entry, so it is not compared with the others."""
    text = GOOD.replace('[2.5, "FIXED", 47.5]', '[2.5, "FIXED", 47.5, 2.0], [5.0, "STEP", 60.0]')
    rungs = load_stop_profiles(write(tmp_path, text)).option.rungs
    assert rungs[1:] == (Rung(2.5, "FIXED", 47.5, 2.0), Rung(5.0, "STEP", 60.0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "reads version 1"),
        ('[2.5, "FIXED", 47.5]', '[0.0, "FIXED", 47.5]', "sort by profit_pct"),
        ('[2.5, "FIXED", 47.5]', '[2.5, "FIXED", 60.0]', "farther than the rung before it"),
        ('"TRAIL"', '"TRIAL"', "Invalid enum value 'TRIAL'"),
        ("50.0", "100.0", "< 100"),
        ("[default]", "[defualt]", "defualt"),
        ("version = 1", "version = ", "line 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """File, place and reason, before anything is traded."""
    with pytest.raises(ConfigError) as caught:
        load_stop_profiles(write(tmp_path, GOOD.replace(old, new, 1)))
    assert said in str(caught.value)


def test_a_missing_file_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    """Without ladders nothing is protected as agreed: no start."""
    with pytest.raises(ConfigError, match=r"stop_profiles\.toml"):
        load_stop_profiles(tmp_path)
