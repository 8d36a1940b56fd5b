"""What of a quantity an order can be for: whole units, and never more than there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.quantity import EPSILON, orderable


@given(st.floats(0, 1e6))
def test_never_more_than_there_is(quantity: float) -> None:
    """The whole part, whatever the fraction."""
    assert quantity - 1 < orderable(quantity) <= quantity + EPSILON


@pytest.mark.parametrize(
    ("quantity", "whole"), [(0.1 + 0.2 + 0.7, 1), (2.9999999, 3), (1.6, 1), (2.5, 2), (0, 0)]
)
def test_sums_of_decimals_lose_nothing(quantity: float, whole: int) -> None:
    """A whole number that was added up from parts is that number; a real fraction is left out."""
    assert orderable(quantity) == whole
