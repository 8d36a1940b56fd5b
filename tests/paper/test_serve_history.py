"""Past prices as a client asks for them, over TCP, at either version."""

from collections.abc import Iterator

import pytest

from tests.paper.conftest import Starter
from tests.paper.raw import AAPL, Message, RawClient

NONE = ("0", "NOPE", "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")
EURO = ("0", "EUR", "CASH", "", "0.0", "", "", "IDEALPRO", "", "USD", "", "")
SPX = ("0", "SPX", "IND", "", "0.0", "", "", "CBOE", "", "USD", "", "")
NOON = "2026-11-23T12:00:30"  # a Monday


@pytest.fixture(params=[157, 176])
def client(request: pytest.FixtureRequest, start: Starter) -> Iterator[RawClient]:
    """A client of either version; the clock stands at noon and goes on by hand."""
    options = ("--market", "still", "--hours", "nyse", "--start", NOON, "--speed", "0")
    gateway = start(*options)
    with RawClient(gateway.port) as one:
        one.start(version=request.param)
        one.do = gateway.do  # type: ignore[attr-defined]
        yield one


def bars(
    client: RawClient,
    contract: tuple[str, ...] = AAPL,
    *,
    end: str = "",
    duration: str = "1 D",
    size: str = "1 hour",
    what: str = "TRADES",
    regular: int = 1,
    dates: int = 1,
    live: int = 0,
    req_id: int = 5,
) -> list[Message]:
    """Ask for bars."""
    return client.ask(20, req_id, *contract, 0, end, size, duration, regular, what, dates, live, "")


def error(messages: list[Message]) -> list[str]:
    """Request id and code of the one error that came."""
    (one,) = messages
    assert one[0] == "4"
    return one[2:4]


def test_bars_of_a_day(client: RawClient) -> None:
    """As recorded: hours on the clock from the opening on, each with eight fields."""
    (one,) = bars(client)
    assert one[:5] == ["17", "5", "20261123 09:30:00 US/Eastern", "20261123 12:00:30 US/Eastern", "4"]
    assert len(one) == 5 + 4 * 8
    assert (
        one[5::8] == [f"20261123 {hour}:00 US/Eastern" for hour in ("09:30", "10:00", "11:00", "12:00")][:4]
    )
    assert all(int(volume) >= 0 for volume in one[10::8])


def test_dates_as_seconds_and_days_as_dates(client: RawClient) -> None:
    """formatDate 2 gives epoch seconds, but a day is a date."""
    (hours,) = bars(client, dates=2)
    assert hours[5] == "1795444200"
    (days,) = bars(client, duration="2 D", size="1 day", dates=2)
    assert days[5::8] == ["20261120", "20261123"]


def test_the_last_bar_ends_at_the_market(client: RawClient) -> None:
    """The close of the bar that is going on is the price the market stands at."""
    client.do("quote AAPL 249.99 250.01 last 250")  # type: ignore[attr-defined]
    client.do("advance 10")  # type: ignore[attr-defined]
    (one,) = bars(client, size="1 min", duration="600 S")
    assert one[-4] == "250"
    (bid,) = bars(client, size="5 secs", duration="60 S", what="BID")
    assert bid[-4:] == ["249.99", "-1", "-1", "-1"]


def test_what_cannot_be_answered(client: RawClient) -> None:
    """200 for no contract, 321 for what cannot be asked, 10314 for no date, 162 for no data."""
    assert error(bars(client, NONE)) == ["5", "200"]
    assert error(bars(client, duration="1 day")) == ["5", "321"]
    assert error(bars(client, end="20261120")) == ["5", "10314"]
    assert error(bars(client, EURO)) == ["5", "162"]
    assert error(bars(client, SPX, what="BID")) == ["5", "162"]
    assert error(bars(client, end="19990101 12:00:00 UTC")) == ["5", "162"]
    assert error(bars(client, what="FEE_RATE")) == ["5", "162"]
    assert bars(client, EURO, what="MIDPOINT")[0][0] == bars(client, SPX)[0][0] == "17"


def test_bars_are_kept_up_to_date(client: RawClient) -> None:
    """Each five seconds the bar that is going on is told, until the query is cancelled with 162."""
    bars(client, size="1 min", duration="600 S", what="MIDPOINT", live=1)
    client.do("quote AAPL 250 250.02")  # type: ignore[attr-defined]
    assert error(bars(client, size="1 min", duration="600 S", what="BID", live=1)) == ["5", "322"]
    client.do("advance 5")  # type: ignore[attr-defined]
    updates = [one for one in client.heard() if one[0] == "90"]
    assert updates[-1][:4] == ["90", "5", "-1", "20261123 12:00:00 US/Eastern"]
    assert updates[-1][5] == "250.01"
    assert error(client.ask(25, 1, 5)) == ["5", "162"]
    client.do("advance 10")  # type: ignore[attr-defined]
    assert client.heard() == []
    assert error(client.ask(25, 1, 5)) == ["5", "366"]


def test_real_time_bars(client: RawClient) -> None:
    """A bar of five seconds each five seconds, with its time in seconds, until it is cancelled."""
    client.do("quote AAPL 250 250.02 last 250")  # type: ignore[attr-defined]
    assert client.ask(50, 3, 6, *AAPL, 5, "BID", 0, "") == []
    client.do("advance 15")  # type: ignore[attr-defined]
    found = [one for one in client.heard() if one[0] == "50"]
    starts = [int(one[3]) for one in found]
    assert starts == [starts[0], starts[0] + 5, starts[0] + 10]
    assert found[-1][4:] == ["250", "250", "250", "250", "-1", "-1", "-1"]
    assert error(client.ask(25, 1, 6)) == ["6", "366"]  # that is for bars of the past
    assert client.ask(51, 1, 6) == []
    assert error(client.ask(51, 1, 6)) == ["6", "300"]


def test_real_time_bars_that_cannot_be(client: RawClient) -> None:
    """321 as recorded for BID_ASK, 420 for what there is no data of, 322 for an id in use."""
    assert error(client.ask(50, 3, 6, *AAPL, 5, "BID_ASK", 0, "")) == ["6", "321"]
    assert error(client.ask(50, 3, 6, *EURO, 5, "TRADES", 0, "")) == ["6", "420"]
    client.ask(50, 3, 6, *AAPL, 5, "TRADES", 0, "")
    assert error(client.ask(50, 3, 6, *AAPL, 5, "TRADES", 0, "")) == ["6", "322"]


def test_head_time_stamp(client: RawClient) -> None:
    """The first session that is known, in UTC; 162 where there is none; a cancel says nothing."""
    assert client.ask(87, 7, *AAPL, 0, 1, "TRADES", 1) == [["88", "7", "20160104-14:30:00"]]
    assert client.ask(87, 7, *AAPL, 0, 0, "BID", 2) == [["88", "7", "1451898000"]]
    assert error(client.ask(87, 7, *EURO, 0, 1, "TRADES", 1)) == ["7", "162"]
    assert client.ask(90, 7) == []


def ticks(client: RawClient, start: str, end: str, what: str = "TRADES", count: int = 100) -> list[Message]:
    """Ask for ticks."""
    return client.ask(96, 8, *AAPL, 0, start, end, count, what, 1, 0, "")


def test_historical_ticks(client: RawClient) -> None:
    """As many as asked for, after a start or before an end, and the flag that there are no more."""
    (after,) = ticks(client, "20261120 15:00:00 US/Eastern", "")
    assert (after[0], after[2], after[-1]) == ("98", "100", "1")
    times = [int(time) for time in after[3:-1:6]]
    assert times == sorted(times)
    assert times[0] >= 1795204800
    (before,) = ticks(client, "", "20261120 15:00:00 US/Eastern", what="BID_ASK", count=30)
    assert (before[0], before[2]) == ("97", "30")
    assert int(before[-7]) == 1795204799
    assert all(float(bid) < float(ask) for bid, ask in zip(before[5:-1:6], before[6:-1:6], strict=True))
    (middle,) = ticks(client, "20261120 15:00:00 US/Eastern", "", what="MIDPOINT", count=5000)
    assert (middle[0], middle[2]) == ("96", "1000")


def test_historical_ticks_that_cannot_be(client: RawClient) -> None:
    """321 for both times or none, 10314 for a date that is none, 162 for a kind without ticks."""
    assert error(ticks(client, "", "")) == ["8", "321"]
    assert error(ticks(client, "today", "")) == ["8", "10314"]
    assert error(ticks(client, "20261120 15:00:00", "", what="BID")) == ["8", "162"]


def test_schedule_of_sessions(client: RawClient) -> None:
    """As recorded: sessions in New York time, from the first begin to the last end."""
    (one,) = bars(client, duration="5 D", size="1 day", what="SCHEDULE", end="20261120 20:00:00 US/Eastern")
    assert one[:6] == ["106", "5", "20261116-09:30:00", "20261120-16:00:00", "US/Eastern", "5"]
    assert one[6:9] == ["20261116-09:30:00", "20261116-16:00:00", "20261116"]


def test_histogram(client: RawClient) -> None:
    """How much was traded at each price of the day, cheapest first; 162 for a period that is none."""
    (one,) = client.ask(88, 9, *AAPL, 0, 1, "1 day")
    assert (one[0], int(one[2])) == ("89", (len(one) - 3) // 2)
    prices = [float(price) for price in one[3::2]]
    assert prices == sorted(set(prices))
    assert sum(int(size) for size in one[4::2]) > 0
    assert error(client.ask(88, 9, *AAPL, 0, 1, "ever")) == ["9", "162"]
    assert client.ask(89, 9) == []
