"""Switches from text."""

import pytest

from paper.switches import MarketAck, Switches


def test_switches_are_set_from_text() -> None:
    """A truth value, a number of seconds, a word; the others stay."""
    switches = Switches().with_value("margin", "off").with_value("cancel_delay", "1.5")
    switches = switches.with_value("market_ack", "submitted")
    assert switches == Switches(margin=False, cancel_delay=1.5, market_ack=MarketAck.SUBMITTED)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gravity", "on"),
        ("margin", "yes"),
        ("fill_delay", "-1"),
        ("fill_delay", "soon"),
        ("market_ack", "on"),
    ],
)
def test_wrong_switches_are_refused(name: str, text: str) -> None:
    """An unknown name or a wrong value raises ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        Switches().with_value(name, text)
