"""Reference lists on the wire."""

from xml.etree import ElementTree

from paper.contracts import Catalog, ContractQuery
from paper.lists_out import directory, scanner_data, scanner_parameters
from tests.paper.desk import MONDAY
from tests.paper.raw import encode

(_AAPL,) = Catalog().find(ContractQuery(symbol="AAPL", sec_type="STK"), MONDAY.date())


def test_rows_of_a_scan() -> None:
    """Rank, contract, market name and trading class, then four fields that are empty."""
    contract = (265598, "AAPL", "STK", "", "0", "", "SMART", "USD", "AAPL", "NMS", "NMS")
    assert scanner_data(5, [_AAPL]) == encode(20, 3, 5, 1, 0, *contract, "", "", "", "")
    assert scanner_data(5, []) == encode(20, 3, 5, 0)


def test_scanner_parameters_are_xml() -> None:
    """A tree in which the codes are found where TWS has them, whatever characters they have."""
    payload = scanner_parameters(["MOST_ACTIVE", "A&B"], ["price"])[4:].decode().split("\0")
    tree = ElementTree.fromstring(payload[2])  # our own text
    assert [one.text for one in tree.iter("scanCode")] == ["MOST_ACTIVE", "A&B"]
    assert [one.text for one in tree.findall(".//AbstractField/code")] == ["priceAbove", "priceBelow"]


def test_directories() -> None:
    """Each list under its own number."""
    numbers = {
        kind: directory(kind, 5, "DU1")[4:].split(b"\0")[0]
        for kind in ("familyCodes", "softDollarTiers", "newsProviders", "displayGroups", "displayGroup")
    }
    assert list(numbers.values()) == [b"78", b"77", b"85", b"67", b"68"]
