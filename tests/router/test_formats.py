"""How values are written."""

from __future__ import annotations

import pytest

from router import formats
from router.messages import Signal
from tests.router.factory import OPTION, STOCK, TS_MS, payload, signal


def test_money_and_prices_are_rounded_without_a_negative_zero() -> None:
    """Two and four decimals, and never -0.0, which readers print."""
    assert (formats.money(1.005), formats.money(2.675), formats.price(1.23456)) == (1.0, 2.67, 1.2346)
    assert str(formats.money(-0.001)) == "0.0"
    assert str(formats.price(-0.00001)) == "0.0"


def test_whole_quantities_are_integers() -> None:
    """7.0 contracts are 7; half a share is half a share."""
    assert repr(formats.whole(7.0)) == "7"
    assert repr(formats.whole(0.5)) == "0.5"
    assert repr(formats.whole(6.9999999)) == "7"


@pytest.mark.parametrize(
    ("amount", "word"), [(0.006, "WIN"), (-0.006, "LOSS"), (0.004, "FLAT"), (0.0, "FLAT")]
)
def test_results_are_to_the_cent(amount: float, word: str) -> None:
    """What is no cent is FLAT (contract 0.6)."""
    assert formats.result(amount) == word


def test_times_are_aware() -> None:
    """ISO with the zone's offset."""
    assert formats.iso(TS_MS) == "2025-09-19T14:00:00+00:00"


def test_an_option_is_described_in_the_platforms_words() -> None:
    """Our own words win over the signal's where both speak, and the rest of the signal's stays."""
    document = formats.contract_document(OPTION, signal(raw=payload().decode()))
    assert document["type"] == "option"
    assert (document["expiry"], document["strike"], document["right"]) == ("20250919", 451.0, "C")
    assert (document["dte_band"], document["conId"]) == ("0", 1001)


def test_a_stock_has_no_option_fields() -> None:
    """Expiry, strike and right are an option's."""
    document = formats.contract_document(STOCK)
    assert document["type"] == "stock"
    assert not {"expiry", "strike", "right"} & set(document)


@pytest.mark.parametrize("raw", ["", '{"contract": 5}', "{}"])
def test_a_signal_without_a_contract_adds_nothing(raw: str) -> None:
    """The documents stand on the validated contract alone."""
    bare: Signal = signal(raw=raw)
    assert formats.sent_contract(bare) == {}
    assert formats.contract_document(bare.contract, bare)["symbol"] == "SPY"
    assert "conId" not in formats.contract_document(bare.contract, bare)


def test_what_is_unknown_is_left_out() -> None:
    """The platform removes None, and only None."""
    assert formats.present({"a": None, "b": 0, "c": ""}) == {"b": 0, "c": ""}


def test_views_have_names() -> None:
    """The correlation gate reads them (contract 0.1)."""
    assert (formats.view(True), formats.view(False)) == ("BULLISH", "BEARISH")
