"""What has filled of an order: the most that anybody has said."""

from __future__ import annotations

from msgspec.structs import replace

from router.fills import filled_by, not_before
from tests.router.factory import order_event
from tests.router.history import Story

ORDER = order_event()
FILL = replace(Story().fill("E", 2, 2.5, exec_id="e.02"), cum_quantity=5.0)


def test_an_execution_runs_ahead_of_the_status() -> None:
    """Five of seven, two are left; an execution told late takes nothing back."""
    ahead = filled_by(ORDER, FILL)
    assert (ahead.filled, ahead.remaining) == (5.0, 2.0)
    assert filled_by(replace(ahead, filled=6.0, remaining=1.0), FILL).filled == 6.0


def test_a_status_from_before_the_execution() -> None:
    """It keeps its terms, and what is known to have filled."""
    ahead = filled_by(ORDER, FILL)
    after = not_before(replace(ORDER, quantity=6.0, remaining=6.0), ahead)
    assert (after.quantity, after.filled, after.remaining) == (6.0, 5.0, 1.0)
    assert not_before(ORDER, None) is ORDER
    assert not_before(replace(ORDER, quantity=4.0), ahead).remaining == 0.0
