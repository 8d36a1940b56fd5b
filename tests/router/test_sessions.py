"""The end of an option's last session, from the hours that IB tells."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.messages import ContractReady
from router.sessions import trading_ended
from tests.router.factory import OPTION, STOCK

EASTERN = ZoneInfo("America/New_York")
HOURS = "20250918:0930-20250918:1615;20250919:0930-20250919:1615;20250920:CLOSED"
READY = ContractReady(contract=OPTION, min_tick=0.05, trading_hours=HOURS, time_zone="US/Eastern")
CLOSE = datetime(2025, 9, 19, 16, 15, tzinfo=EASTERN)


@pytest.mark.parametrize(("before", "ended"), [(timedelta(minutes=1), False), (timedelta(0), True)])
def test_at_the_close_of_its_last_day(before: timedelta, ended: bool) -> None:
    """To the minute, in the contract's own zone whatever the zone of the clock."""
    assert trading_ended(READY, (CLOSE - before).astimezone(ZoneInfo("Asia/Tokyo"))) is ended


@given(st.timedeltas(timedelta(days=-5), timedelta(days=5)))
def test_law_once_ended_it_stays_ended(later: timedelta) -> None:
    """Before the close of the last day it trades, from then on it does not, weekends included."""
    assert trading_ended(READY, CLOSE + later) is (later >= timedelta(0))


@pytest.mark.parametrize(
    "ready",
    [
        msgspec.structs.replace(READY, trading_hours=""),
        msgspec.structs.replace(READY, trading_hours="20250918:0930-20250918:1615;20250919:CLOSED"),
        msgspec.structs.replace(READY, time_zone=""),
        msgspec.structs.replace(READY, time_zone="EST (Eastern Standard Time)"),
        msgspec.structs.replace(READY, contract=STOCK),
    ],
)
def test_where_ib_does_not_say(ready: ContractReady) -> None:
    """No hours, none of that day, a zone nobody knows, a stock: nothing is refused for it."""
    assert not trading_ended(ready, CLOSE + timedelta(days=30))


def test_a_day_of_two_sessions_ends_with_the_later_one() -> None:
    """The earlier close of the day is a break."""
    hours = "20250919:0930-20250919:1200;20250919:1300-20250919:1600"
    ready = msgspec.structs.replace(READY, trading_hours=hours)
    assert not trading_ended(ready, CLOSE.replace(hour=12, minute=30))
    assert trading_ended(ready, CLOSE.replace(hour=16, minute=0))
