"""Market data over TCP: ticks of a line, tick by tick, and what a halt tells."""

from collections.abc import Iterator

import pytest

from tests.paper.conftest import RunningGateway, Starter
from tests.paper.raw import AAPL, Message, RawClient

SPX = ("0", "SPX", "IND", "", "0.0", "", "", "CBOE", "", "USD", "", "")
NONE = ("0", "ZZZZ", "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")


@pytest.fixture
def gateway(start: Starter) -> RunningGateway:
    """A still gateway with a quote of its own for AAPL."""
    gateway = start("--market", "still")
    gateway.do("quote AAPL 250 250.10 last 250 size 300")
    return gateway


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[RawClient]:
    """A client of it."""
    with RawClient(gateway.port) as one:
        one.start()
        yield one


def ticks(client: RawClient) -> list[Message]:
    """What was said tick by tick, without the time."""
    return [[*one[1:3], *one[4:]] for one in client.heard() if one[0] == "99"]


def test_halt_is_told_as_a_tick(gateway: RunningGateway, client: RawClient) -> None:
    """tickGeneric 49: 0 from the beginning, 1 while trading is halted, and only when it changes."""
    said = client.ask(1, 11, 7, *AAPL, 0, "", 0, 0, "")
    assert [one[2:] for one in said if one[0] == "45"] == [["7", "49", "0"]]
    for statement, expected in (("halt AAPL", ["1"]), ("halt AAPL", []), ("resume AAPL", ["0"])):
        gateway.do(statement)
        assert [one[4] for one in client.heard() if one[0] == "45"] == expected


def test_time_of_the_last_trade_is_told(gateway: RunningGateway, client: RawClient) -> None:
    """tickString 45 comes with a trade, not with a quote."""
    said = client.ask(1, 11, 7, *AAPL, 0, "", 0, 0, "")
    assert [one[3] for one in said if one[0] == "46"] == ["45"]
    gateway.do("quote AAPL 250.01 250.10 size 300")
    assert [one for one in client.heard() if one[0] == "46"] == []
    gateway.do("quote AAPL 250.01 250.10 last 250.05 size 300")
    (told,) = [one for one in client.heard() if one[0] == "46"]
    assert told[4].isdecimal()


def test_tick_by_tick_follows_what_was_asked_for(gateway: RunningGateway, client: RawClient) -> None:
    """Last and AllLast follow trades, BidAsk both sides with sizes, MidPoint the middle; each until it is cancelled."""
    for req_id, kind in enumerate(("Last", "AllLast", "BidAsk", "MidPoint"), 1):
        assert client.ask(97, req_id, *AAPL, kind, 0, 0) == []
    gateway.do("quote AAPL 250.02 250.10 size 300")
    assert ticks(client) == [["3", "3", "250.02", "250.1", "300", "300", "0"], ["4", "4", "250.06"]]
    gateway.do("quote AAPL 250.02 250.10 last 250.10 size 300")
    trade = ["250.1", "100", "0", "NASDAQ", ""]
    assert ticks(client) == [["1", "1", *trade], ["2", "2", *trade]]
    for req_id in range(1, 5):
        assert client.ask(98, req_id) == []
    gateway.do("quote AAPL 260 260.10 last 260 size 300")
    assert ticks(client) == []


def test_tick_by_tick_that_cannot_be(client: RawClient) -> None:
    """An unknown contract 200, a request id in use 322, an index 10189, an unknown kind 321, an id to cancel 300."""
    client.ask(97, 1, *AAPL, "Last", 0, 0)
    asked = ((97, 2, *NONE, "Last", 0, 0), (97, 1, *AAPL, "Last", 0, 0), (97, 3, *SPX, "Last", 0, 0))
    more = ((97, 4, *AAPL, "Rumour", 0, 0), (98, 9))
    codes = [client.ask(*fields)[0][2:4] for fields in (*asked, *more)]
    assert codes == [["2", "200"], ["1", "322"], ["3", "10189"], ["4", "321"], ["9", "300"]]


def test_order_by_hand_is_bound_for_client_0(gateway: RunningGateway) -> None:
    """orderBound, four fields, before the order is told of; only to a client 0 that asked for it."""
    with RawClient(gateway.port) as zero:
        zero.start(client_id=0)
        gateway.do("manual BUY 1 AAPL limit 100")
        assert [one[0] for one in zero.heard()] == ["5", "3"]
        assert zero.ask(15, 1, 1) == []
        gateway.do("manual BUY 1 AAPL limit 100")
        bound, opened, _ = zero.heard()
        assert bound == ["100", opened[25], "0", "-2"]


def test_a_currency_has_no_trades(gateway: RunningGateway, client: RawClient) -> None:
    """Bid, ask, high, low and close, but no last price, no volume and no time of a trade; no tick of a trade either."""
    euro = ("0", "EUR", "CASH", "", "0.0", "", "", "IDEALPRO", "", "USD", "", "")
    said = client.ask(1, 11, 7, *euro, 0, "", 0, 0, "")
    assert sorted({one[3] for one in said if one[0] == "1"}) == ["1", "14", "2", "6", "7", "9"]
    assert sorted({one[3] for one in said if one[0] == "2"}) == ["0", "3"]
    assert [one[3] for one in said if one[0] == "46"] == ["45"]
    (refused,) = client.ask(97, 8, *euro, "Last", 0, 0)
    assert refused[2:4] == ["8", "10189"]
    assert client.ask(97, 9, *euro, "MidPoint", 0, 0) == []


def test_trades_as_they_come(gateway: RunningGateway, client: RawClient) -> None:
    """Generic tick 233: price, size, time, volume and average of each trade after the first look; not in a snapshot."""
    said = client.ask(1, 11, 7, *AAPL, 0, "100, 233", 0, 0, "")
    assert [one[3] for one in said if one[0] == "46"] == ["45"]
    gateway.do("quote AAPL 251 251.10 last 251.05 size 300")
    (trade,) = [one[4].split(";") for one in client.heard() if one[:1] == ["46"] and one[3] == "48"]
    assert (trade[0], trade[1], trade[5]) == ("251.05", "100", "true")
    assert 250 < float(trade[4]) < 265
    (refused,) = client.ask(1, 11, 8, *AAPL, 0, "233", 1, 0, "")
    assert refused[2:4] == ["8", "321"]
