"""What the gateway says, where the bytes depend on a setting."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paper.messages_out import exec_details
from paper.orders import Execution, Order
from paper.switches import ExecutionTime
from tests.paper.desk import Desk, terms


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (ExecutionTime.ZONE, "20261123 10:04:56 US/Eastern"),
        (ExecutionTime.UTC, "20261123-15:04:56"),
        (ExecutionTime.LOCAL, "20261123  10:04:56"),
    ],
)
def test_execution_is_dated_in_each_way_recorded(style: ExecutionTime, text: str) -> None:
    """With a zone, in UTC with a dash, or in New York's time with two blanks."""
    order = Order(1, 7, 99, Desk().instrument(), terms(), Decimal(1))
    moment = datetime(2026, 11, 23, 15, 4, 56, tzinfo=UTC)
    one = Execution("a.b.01.01", order, Decimal(1), Decimal(10), moment, "ISLAND", Decimal(1), None)
    assert exec_details(-1, one, "DU1", style).decode(errors="replace").split("\0")[-17] == text
