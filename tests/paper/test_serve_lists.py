"""Depth, scans, option values, lists and what is not simulated, over TCP at either version: nothing stays unanswered."""

from collections.abc import Iterator

import pytest

from tests.paper.conftest import RunningGateway
from tests.paper.raw import AAPL, Message, RawClient

NONE = ("0", "NOPE", "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")
EURO = ("0", "EUR", "CASH", "", "0.0", "", "", "IDEALPRO", "", "USD", "", "")


@pytest.fixture(params=[157, 176])
def client(request: pytest.FixtureRequest, still_gateway: RunningGateway) -> Iterator[RawClient]:
    """A client of either version."""
    with RawClient(still_gateway.port) as one:
        one.start(version=request.param)
        one.do = still_gateway.do  # type: ignore[attr-defined]
        yield one


def error(messages: list[Message]) -> list[str]:
    """Request id and code of the one error that came."""
    (one,) = messages
    assert one[0] == "4"
    return one[2:4]


def option(client: RawClient) -> tuple[str, ...]:
    """A call on AAPL that is listed today."""
    chain = client.ask(78, 99, "AAPL", "", "STK", 265598)[0]
    return ("0", "AAPL", "OPT", chain[12], "265", "C", "", "SMART", "", "USD", "", "")


def test_market_depth(client: RawClient) -> None:
    """Five levels of either side at once, then the levels that change; smart depth names an exchange."""
    client.do("quote AAPL 250 250.02 size 300")  # type: ignore[attr-defined]
    said = client.ask(10, 5, 6, *AAPL, 5, 1, "")
    assert {one[0] for one in said} == {"13"}
    assert said[:2] == [
        ["13", "1", "6", "0", "NASDAQ", "0", "0", "250.02", "300", "1"],
        ["13", "1", "6", "0", "NASDAQ", "0", "1", "250", "300", "1"],
    ]
    assert len(said) == 10
    client.do("quote AAPL 250 250.03 size 300")  # type: ignore[attr-defined]
    changed = client.heard()
    assert [one[3:8] for one in changed] == [
        [str(level), "NASDAQ", "1", "0", f"250.0{3 + level}"] for level in range(5)
    ]
    assert client.ask(11, 1, 6, 1) == []
    assert error(client.ask(11, 1, 6, 1)) == ["6", "310"]


def test_market_depth_of_one_exchange(client: RawClient) -> None:
    """updateMktDepth without a name; for SMART without smart depth 10092, for no contract 200, for an id in use 322."""
    said = client.ask(10, 5, 7, *EURO, 2, 0, "")
    assert [(one[0], len(one)) for one in said] == [("12", 8)] * 4
    assert error(client.ask(10, 5, 7, *EURO, 2, 0, "")) == ["7", "322"]
    assert error(client.ask(10, 5, 8, *AAPL, 5, 0, "")) == ["8", "10092"]
    assert error(client.ask(10, 5, 8, *NONE, 5, 1, "")) == ["8", "200"]


def scan(
    client: RawClient, req_id: int, code: str, *, above: str = "", kind: str = "STK", filters: str = ""
) -> list[Message]:
    """Ask for a scan of US stocks."""
    return client.ask(22, req_id, 5, kind, "STK.US.MAJOR", code, above, *[""] * 16, filters, "")


def test_scan(client: RawClient) -> None:
    """Rows ranked from 0 on, sixteen fields each, within the bounds; a cancel answers 162, a second one 365."""
    scan(client, 4, "TOP_PERC_GAIN")
    client.do("move AMD 300")  # type: ignore[attr-defined]
    (one,) = scan(client, 5, "TOP_PERC_GAIN", above="200")
    assert one[:4] == ["20", "3", "5", "5"]
    assert len(one) == 4 + 5 * 16
    assert one[4::16] == ["0", "1", "2", "3", "4"]
    assert one[5:8] == ["4391", "AMD", "STK"]
    assert error(client.ask(23, 1, 5)) == ["5", "162"]
    assert error(client.ask(23, 1, 5)) == ["5", "365"]
    (losers,) = scan(client, 6, "TOP_PERC_LOSE", above="200")
    assert "AMD" not in losers
    (risen,) = scan(client, 7, "HOT_BY_PRICE", filters="changePercAbove=20;rumoursAbove=7;")
    assert (risen[3], risen[6]) == ("1", "AMD")
    (none,) = scan(client, 8, "HOT_BY_PRICE", filters="changePercAbove=20;priceBelow=50;")
    assert none[3] == "0"


def test_scans_that_cannot_be(client: RawClient) -> None:
    """A code or an instrument that is not simulated, and an eleventh scan at a time: 162."""
    assert error(scan(client, 5, "RUMOURS")) == ["5", "162"]
    assert error(scan(client, 5, "MOST_ACTIVE", kind="BOND")) == ["5", "162"]
    for number in range(10):
        assert scan(client, number, "MOST_ACTIVE")[0][0] == "20"
    assert error(scan(client, 10, "MOST_ACTIVE")) == ["10", "162"]


def test_what_can_be_scanned_for(client: RawClient) -> None:
    """scannerParameters: one field of XML that names the codes."""
    ((number, version, xml),) = client.ask(24, 1)
    assert (number, version) == ("19", "1")
    assert "<scanCode>TOP_PERC_GAIN</scanCode>" in xml


def test_option_value_and_volatility(client: RawClient) -> None:
    """What a volatility is worth implies that volatility; a stock has neither."""
    call = option(client)
    (value,) = client.ask(55, 3, 5, *call, 0.3, 260, 0, "")
    assert value[:4] == ["21", "5", "53", "0"]
    price = value[6]
    (volatility,) = client.ask(54, 3, 6, *call, price, 260, 0, "")
    assert abs(float(volatility[4]) - 0.3) < 0.001
    assert error(client.ask(55, 3, 5, *AAPL, 0.3, 260, 0, "")) == ["5", "200"]
    assert error(client.ask(55, 3, 5, *call, 0, 260, 0, "")) == ["-1", "320"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((18, 1, 1), ["-1", "321"]),
        ((19, 1, 1, "<x/>", 5), ["5", "321"]),
        ((21, 2, 5, *AAPL[:8], "USD", "", "", 1, 1, "", 0), ["5", "322"]),
        ((52, 2, 5, *AAPL[:4], "SMART", "", "USD", "", "ReportSnapshot", 0, ""), ["5", "430"]),
        ((84, 5, "BRFG", "x", ""), ["5", "10172"]),
        ((86, 5, 265598, "BRFG", "", "", 10, ""), ["5", "10276"]),
        ((100, 5), ["5", "10276"]),
        ((102, 5, 265598), ["5", "10276"]),
    ],
)
def test_what_is_not_simulated_is_refused(
    client: RawClient, fields: tuple[object, ...], expected: list[str]
) -> None:
    """Every request that this gateway cannot serve has an error of TWS's for an answer."""
    assert error(client.ask(*fields)) == expected


def test_lists(client: RawClient) -> None:
    """Exchanges, components of the best price, families, tiers, news providers and display groups."""
    (depth,) = client.ask(82)
    assert len(depth) == 2 + 5 * int(depth[1])
    (components,) = client.ask(83, 5, "9c0001")
    assert components[:6] == ["82", "5", "7", "0", "ARCA", "P"]
    assert len(components) == 3 + 3 * 7
    assert client.ask(80) == [["78", "1", "DU1234567", ""]]
    assert client.ask(79, 5) == [["77", "5", "0"]]
    assert client.ask(85) == [["85", "0"]]
    assert client.ask(67, 1, 5) == [["67", "1", "5", "1|2|3|4|5|6|7"]]
    assert client.ask(68, 1, 5, 1) == [["68", "1", "5", "none"]]


def test_what_has_no_answer(client: RawClient) -> None:
    """News bulletins that never come, and cancels of what was answered at once."""
    for fields in (
        (12, 1, 1),
        (13, 1),
        (53, 1, 5),
        (56, 1, 5),
        (57, 1, 5),
        (69, 1, 5, "x"),
        (70, 1, 5),
        (101, 5),
    ):
        assert client.ask(*fields) == []
    assert client.ask(103, 5) == []
