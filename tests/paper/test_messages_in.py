"""Requests off the wire."""

import pytest

from paper import requests as rq
from paper.data_requests import DataRequest
from paper.messages_in import UnknownMessage, read_request
from paper.wire import FieldError
from tests.paper.raw import AAPL, encode

BAG = ("0", "AAPL", "BAG", "", "0.0", "", "", "SMART", "", "USD", "", "")


def read(*fields: object) -> rq.Request | DataRequest:
    """A message read at version 176."""
    return read_request(encode(*fields)[4:], 176)


@pytest.mark.parametrize("snapshot", [0, 1])
def test_market_data_of_combos_and_with_a_hedge(snapshot: int) -> None:
    """The legs of a combo and a delta-neutral contract are passed over: what follows them is still found."""
    legs = (2, 1, 1, "BUY", "SMART", 2, 1, "SELL", "SMART")
    combo = read(1, 11, 7, *BAG, *legs, 0, "233", snapshot, 0, "")
    hedged = read(1, 11, 7, *AAPL, 1, 265598, "0.5", "250", "", snapshot, 0, "")
    for request in (combo, hedged):
        assert isinstance(request, rq.MarketData)
        assert (request.req_id, request.snapshot) == (7, bool(snapshot))


def test_summary_tags_may_be_padded() -> None:
    """Blanks round a tag and empty tags do not count."""
    assert read(62, 1, 9, "All", " NetLiquidation , ,Cushion") == rq.AccountSummary(
        9, "All", ("NetLiquidation", "Cushion")
    )


def test_tick_by_tick_has_no_version() -> None:
    """97 and 98 begin with the request id."""
    request = read(97, 5, *AAPL, "MidPoint", 0, 0)
    assert isinstance(request, rq.TickByTick)
    assert (request.req_id, request.contract.con_id, request.kind) == (5, 265598, "MidPoint")
    assert read(98, 5) == rq.CancelTickByTick(5)


def test_left_over_fields_are_tolerated_and_missing_ones_are_not() -> None:
    """A newer encoder sends more; a field too few is named; an unknown id is told as such."""
    assert read(4, 1, 12, "", "", "", "more") == rq.CancelOrder(12)
    with pytest.raises(FieldError, match="orderId"):
        read(4, 1)
    with pytest.raises(UnknownMessage, match="is 4711"):
        read(4711, 1)
