"""Every message's exact number of fields at 157, 165 and 176, counted on the bytes: strict clients drop the rest."""

import itertools
from collections.abc import Iterator

import pytest

from tests.paper.conftest import RunningGateway, start_gateway
from tests.paper.raw import AAPL, Message, RawClient, encode, place_order

VERSIONS = (157, 165, 176)
ANY_STOCK = ("0", "AAPL", "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")
OPEN_ORDER = {157: 128, 158: 128, 159: 129, 160: 130, 162: 131, 165: 131, 169: 131, 170: 136, 176: 136}


CLIENT_IDS = itertools.count(10)  # each test is a client of its own


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """One gateway for all these tests: how many fields a message has does not depend on what came before."""
    gateway = start_gateway(tmp_path_factory.mktemp("shared"), "--market", "still")
    yield gateway
    gateway.stop()


def of(messages: list[Message], number: int) -> list[Message]:
    """The messages of one id."""
    return [one for one in messages if one[0] == str(number)]


def counts(messages: list[Message], number: int) -> set[int]:
    """The lengths of the messages of one id."""
    return {len(one) for one in of(messages, number)}


def trade(client: RawClient, order_id: int = 1) -> list[Message]:
    """Buy one share; everything up to the position that follows from it."""
    client.ask(61, 1)
    client.send(*place_order(client.version, order_id, orderRef="count"))
    return list(client.until(lambda one: one[0] == "61"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_request_has_the_length_of_a_real_clients(version: int) -> None:
    """The raw client's own placeOrder is as long as those of the libraries, or it would prove nothing."""
    assert len(place_order(version, 1)) == {157: 110, 165: 113, 176: 115}[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_connecting(shared: RunningGateway, version: int) -> None:
    """Handshake, managedAccounts, nextValidId and the farm notices, in a live Gateway's order."""
    with RawClient(shared.port) as client:
        said = client.start(next(CLIENT_IDS), version)
    assert [one[0] for one in said] == ["15", "9", "4", "4", "4"]
    assert [one[:4] for one in said[2:]] == [["4", "2", "-1", code] for code in ("2104", "2106", "2158")]
    assert (counts(said, 15), counts(said, 9)) == ({3}, {3})
    assert counts(said, 4) == {5 if version < 166 else 6}


@pytest.mark.parametrize("version", sorted(OPEN_ORDER))
def test_an_orders_life(shared: RunningGateway, version: int) -> None:
    """openOrder 128 to 136, orderStatus 12, execDetails 31, commissionReport 8, position 16, completedOrder 96 or 101."""
    with RawClient(shared.port) as client:
        client.start(next(CLIENT_IDS), version)
        said = trade(client)
        later = client.ask(99, 0) + client.ask(7, 3, 9, 0, "", "", "", "", "", "")
    assert counts(said, 5) == {OPEN_ORDER[version]}
    assert counts(said, 3) == {12}
    assert counts(said + later, 11) == {31}
    assert counts(said + later, 59) == {8}
    assert counts(said, 61) == {16}
    assert counts(later, 101) == {101 if version >= 170 else 96}
    assert (counts(later, 102), counts(later, 55)) == ({1}, {3})
    assert of(later, 11)[0][1] == "9"
    assert of(said, 11)[0][1] == "-1"


@pytest.mark.parametrize("version", VERSIONS)
def test_market_data(shared: RunningGateway, version: int) -> None:
    """tickPrice 7, tickSize, tickGeneric, tickString, tickReqParams 5, marketDataType 4, snapshot end 3; whole sizes."""
    with RawClient(shared.port) as client:
        client.start(next(CLIENT_IDS), version)
        said = client.ask(1, 11, 7, *AAPL, 0, "", 1, 0, "")
    expected = {1: 7, 2: 5, 45: 5, 46: 5, 81: 5, 58: 4, 57: 3}
    assert {number: counts(said, number) for number in expected} == {
        n: {size} for n, size in expected.items()
    }
    assert all(one[5].isdecimal() for one in of(said, 1))
    assert all(one[4].isdecimal() for one in of(said, 2))


@pytest.mark.parametrize("version", VERSIONS)
def test_account(shared: RunningGateway, version: int) -> None:
    """Account values 6, portfolio 20, time 3, multi 8, summary 7, positions 18, PnL 5 and 7, and their ends."""
    with RawClient(shared.port) as client:
        client.start(next(CLIENT_IDS), version)
        trade(client)
        requests = (
            (6, 2, 1, "DU1234567"),
            (76, 1, 21, "DU1234567", "", 0),
            (62, 1, 22, "All", "NetLiquidation,BuyingPower"),
            (74, 1, 23, "DU1234567", ""),
            (92, 24, "DU1234567", ""),
            (94, 25, "DU1234567", "", 265598),
        )
        said = list(itertools.chain.from_iterable(client.ask(*fields) for fields in requests))
        said += client.until(lambda one: one[0] == "95")
    expected = {6: 6, 7: 20, 8: 3, 54: 3, 73: 8, 74: 3, 63: 7, 64: 3, 71: 18, 72: 3, 94: 5, 95: 7}
    assert {number: counts(said, number) for number in expected} == {
        n: {size} for n, size in expected.items()
    }
    assert all(one[2].isdecimal() for one in of(said, 95)), "ibapi reads the position as an int"


@pytest.mark.parametrize("version", VERSIONS)
def test_contracts(shared: RunningGateway, version: int) -> None:
    """contractDetails has version and size multiplier before 164, three size steps from then on; market rule 3 + 2n."""
    with RawClient(shared.port) as client:
        client.start(next(CLIENT_IDS), version)
        said = client.ask(9, 8, 31, *ANY_STOCK, 0, "", "", *([""] if version >= 176 else []))
        rule = client.ask(91, 110)
    (details,) = of(said, 10)
    assert len(details) == (39 if version < 164 else 40)
    assert details[2 if version < 164 else 1] == "31"
    assert counts(said, 52) == {3}
    assert rule == [["93", "110", "2", "0", "0.01", "3", "0.05"]]


def test_offers_no_more_than_it_knows(shared: RunningGateway) -> None:
    """A client that speaks up to 178 is offered 176, one up to 225 too; the answer has two fields and a time."""
    for high in (178, 225):
        with RawClient(shared.port) as client:
            answer = client.greet(100, high)
            assert (len(answer), answer[0]) == (2, "176")
            assert answer[1].endswith("Greenwich Mean Time")


@pytest.mark.parametrize(("low", "high"), [(100, 156), (177, 200)])
def test_refuses_what_it_cannot_speak(shared: RunningGateway, low: int, high: int) -> None:
    """A client whose newest version is too old, or whose oldest is too new, is hung up on."""
    with RawClient(shared.port) as client, pytest.raises(ConnectionError):
        client.greet(low, high)


def test_says_nothing_before_start_api(shared: RunningGateway) -> None:
    """After the handshake silence: ibapi loses what comes in the same read. startApi in the same write is served."""
    with RawClient(shared.port) as client:
        client.greet()
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.receive()
        client.socket.settimeout(10)
        client.socket.sendall(encode(71, 2, 1, "") + encode(49, 1))
        assert [client.receive()[0] for _ in range(6)] == ["15", "9", "4", "4", "4", "49"]


def test_frames_may_come_in_any_pieces(shared: RunningGateway) -> None:
    """A client whose bytes arrive one by one is served like any other."""
    with RawClient(shared.port) as client:
        client.start()
        for byte in encode(49, 1):
            client.socket.sendall(bytes([byte]))
        assert client.receive()[0] == "49"
