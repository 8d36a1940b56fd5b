"""Scripted prices over time."""

import pytest

from paper.paths import Path, PathName, Point


@pytest.mark.parametrize(
    ("name", "points", "end"),
    [
        (PathName.GAP, [Point(100), Point(100), Point(80), Point(80)], 80),
        (PathName.TOUCH, [Point(100), Point(90), Point(80), Point(90)], 100),
        (PathName.DRIFT, [Point(100), Point(95), Point(90), Point(85)], 80),
        (PathName.HALT, [Point(100, halted=True)] * 4, 80),
        (PathName.WIDE, [Point(100, spread=20)] * 4, 100),
        (PathName.SPIKE, [Point(100), Point(100), Point(80), Point(100)], 100),
    ],
)
def test_path_at_each_quarter(name: PathName, points: list[Point], end: float) -> None:
    """From 100 to the level 80 in 8 s: where it is after 0, 2, 4 and 6 s, that it is over at 8 s, what it leaves."""
    path = Path(name, 100, 80, 8)
    assert [path.at(seconds) for seconds in (0, 2, 4, 6)] == points
    assert path.at(8) is None
    assert path.end == end
