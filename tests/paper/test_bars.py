"""A bar and its parts tell the same."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.bars import Bar, merge, split, within

_prices = st.floats(min_value=1, max_value=1000)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Any bar of an hour whose prices make sense."""
    low, one, other, high = sorted(draw(st.tuples(_prices, _prices, _prices, _prices)))
    open_, close = draw(st.sampled_from([(one, other), (other, one)]))
    volume = draw(st.integers(0, 10_000))
    return Bar(3600, 3600, open_, high, low, close, volume, draw(st.integers(0, volume)), (high + low) / 2)


@given(bars(), st.sampled_from([2, 3, 12, 60]), st.integers())
def test_parts_add_up_to_their_bar(bar: Bar, parts: int, seed: int) -> None:
    """Law: open, close, high, low, volume and count of the parts are the bar's, and each lies in its own range."""
    found = split(bar, parts, Random(seed))
    whole = merge(found)
    assert (whole.start, whole.seconds, whole.volume, whole.count) == (3600, 3600, bar.volume, bar.count)
    assert (whole.open, whole.high, whole.low, whole.close) == (bar.open, bar.high, bar.low, bar.close)
    assert [one.start for one in found] == [3600 + at * 3600 // parts for at in range(parts)]
    for one in found:
        assert one.low <= min(one.open, one.close, one.wap) <= max(one.open, one.close, one.wap) <= one.high
    assert all(later.open == sooner.close for sooner, later in itertools.pairwise(found))


@given(bars(), st.integers())
def test_parts_follow_from_their_randomness(bar: Bar, seed: int) -> None:
    """Law: the same randomness gives the same parts, and one part is the bar itself."""
    assert split(bar, 12, Random(seed)) == split(bar, 12, Random(seed))
    assert split(bar, 1, Random(seed)) == [bar]


def test_average_price_is_weighted_by_volume() -> None:
    """The average of a merged bar is that of its shares; without any trade it is the close."""
    cheap, dear = Bar(0, 60, 10, 10, 10, 10, 300, 1, 10), Bar(60, 60, 20, 20, 20, 20, 100, 1, 20)
    assert merge([cheap, dear]).wap == pytest.approx(12.5)
    assert merge([Bar(0, 60, 10, 12, 9, 11)]).wap == 11


def test_a_bar_is_within_a_time_that_holds_all_of_it() -> None:
    """Neither one that began before nor one that ends after it."""
    three = [Bar(start, 60, 1, 1, 1, 1) for start in (0, 60, 120)]
    assert within(three, 30, 150) == [three[1]]
    assert three[1].middle == 1
