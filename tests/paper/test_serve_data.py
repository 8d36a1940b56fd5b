"""Answers about contracts and data, where a library would hide what they are."""

from collections.abc import Iterator

import pytest

from tests.paper.conftest import RunningGateway
from tests.paper.raw import AAPL, RawClient


@pytest.fixture(params=[157, 176])
def client(request: pytest.FixtureRequest, still_gateway: RunningGateway) -> Iterator[RawClient]:
    """A client of either version."""
    with RawClient(still_gateway.port) as one:
        one.start(version=request.param)
        yield one


def test_symbols_are_found_by_their_beginning(client: RawClient) -> None:
    """symbolSamples: six fields and the kinds of derivatives each; from 176 on a name and an issuer too."""
    (found,) = client.ask(81, 5, "aap")
    named = ["APPLE INC", ""] if client.version >= 176 else []
    assert found == ["79", "5", "1", "265598", "AAPL", "STK", "NASDAQ", "USD", "1", "OPT", *named]
    assert client.ask(81, 6, "zzz") == [["79", "6", "0"]]


def test_chain_names_expiries_and_strikes(client: RawClient) -> None:
    """securityDefinitionOptionParameter: for each exchange the counts are those of what follows; then the end."""
    *chains, end = client.ask(78, 5, "AAPL", "", "STK", 265598)
    assert end == ["76", "5"]
    assert [one[2] for one in chains] == ["SMART", "CBOE"]
    for chain in chains:
        assert chain[3:6] == ["265598", "AAPL", "100"]
        days = int(chain[6])
        strikes = int(chain[7 + days])
        assert len(chain) == 8 + days + strikes
        assert "265" in chain[8 + days :]


def test_mistakes_in_market_data(client: RawClient) -> None:
    """A ticker id in use 322, one that is unknown 300, a market rule that does not exist 321; no crash, no silence."""
    client.ask(1, 11, 7, *AAPL, 0, "", 0, 0, "")
    (twice,) = [one for one in client.ask(1, 11, 7, *AAPL, 0, "", 0, 0, "") if one[0] == "4"]
    (unknown,) = client.ask(2, 2, 99)
    (rule,) = client.ask(91, 12345)
    assert [one[2:4] for one in (twice, unknown, rule)] == [["7", "322"], ["99", "300"], ["-1", "321"]]
