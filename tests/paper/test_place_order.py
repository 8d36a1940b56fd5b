"""placeOrder with every part that is there only if another says so."""

from decimal import Decimal
from typing import Any

import pytest

from paper.orders import Condition, OrderTerms, Trail
from paper.place_order import read_place_order
from paper.wire import FieldError, Fields
from tests.paper import raw

_CONTRACT_END = 14  # message id, order id, twelve fields of the contract
_SPREAD = ("0", "SPY", "BAG", "", "0.0", "", "", "SMART", "", "USD", "", "")


def read(fields: list[object], version: int = 176) -> tuple[int, OrderTerms]:
    """The order id and the terms of a placeOrder, the message id left off."""
    return read_place_order(Fields("".join(f"{field}\0" for field in fields[1:]).encode()), version)


def with_parts(
    parts: dict[str, list[object]], contract: tuple[str, ...] = raw.AAPL, **order: object
) -> list[object]:
    """A placeOrder at 176 with more fields after some of the named ones."""
    fields = raw.place_order(176, 7, contract, **order)
    names = raw._NAMES.split()
    for name in sorted(parts, key=names.index, reverse=True):
        at = _CONTRACT_END + names.index(name) + 1
        fields[at:at] = parts[name]
    return fields


def test_plain_order_at_each_version() -> None:
    """157, 165 and 176 differ by a few fields; the terms are the same."""
    for version in (157, 158, 165, 176):
        order_id, terms = read(raw.place_order(version, 7, orderType="LMT", lmtPrice="10.5"), version)
        assert (order_id, terms.order_type, terms.limit, terms.transmit) == (7, "LMT", Decimal("10.5"), True)
        assert (terms.aux, terms.adjustment, terms.conditions) == (None, None, ())


def test_every_optional_part_is_read_past() -> None:
    """Combo legs, a delta-neutral order and contract, scale, hedge, peg: what follows them is still found."""
    parts: dict[str, list[object]] = {
        "hidden": [1, *range(8), 1, 0.5, 1, "tag", "value"],
        "deltaNeutralAuxPrice": list(range(8)),
        "scalePriceIncrement": list(range(7)),
        "hedgeType": ["1"],
        "deltaNeutralContract": [1, 0.5, 10],
        "randomizePrice": [1, 0, 0.1, 0.2, "ISLAND"],
    }
    _, terms = read(
        with_parts(
            parts,
            contract=_SPREAD,
            orderType="PEG BENCH",
            deltaNeutralOrderType="MKT",
            scalePriceIncrement="0.1",
            hedgeType="B",
            deltaNeutralContract=1,
            cashQty="99",
        )
    )
    assert terms.raw["cashQty"] == "99"
    assert (terms.raw["hedgeParam"], terms.raw["dncPrice"]) == ("1", "10")


def test_algo_and_conditions() -> None:
    """The algo's parameters and the conditions with their flags."""
    parts: dict[str, list[object]] = {
        "algoStrategy": [1, "adaptivePriority", "Normal"],
        "conditions": [1, "o", 1, 300, 265598, "SMART", 0, 3, "a", 1, "20991231", 0, 1],
    }
    _, terms = read(with_parts(parts, algoStrategy="Adaptive", conditions=2))
    assert terms.algo_params == (("adaptivePriority", "Normal"),)
    assert terms.conditions == (
        Condition(1, "o", ("1", "300", "265598", "SMART", "0")),
        Condition(3, "a", ("1", "20991231")),
    )
    assert terms.conditions_cancel


def test_unknown_condition_is_refused() -> None:
    """A condition of a type nobody knows cannot be read past."""
    with pytest.raises(FieldError, match="conditionType is 2"):
        read(with_parts({"conditions": [2, "a", 1]}, conditions=1))


def test_adjustable_stop() -> None:
    """Trigger, prices and unit; without a trigger there is no adjustment."""
    names: dict[str, Any] = {
        "adjustedOrderType": "TRAIL",
        "adjustedStopPrice": "9",
        "adjustedTrailingAmount": "2",
    }
    _, terms = read(raw.place_order(176, 7, **names, triggerPrice="11", adjustableTrailingUnit="1"))
    assert terms.adjustment is not None
    assert (terms.adjustment.trigger, terms.adjustment.unit) == (Decimal(11), Trail.PERCENT)
    _, terms = read(raw.place_order(176, 7, **names, triggerPrice="11", adjustableTrailingUnit="0"))
    assert terms.adjustment is not None
    assert terms.adjustment.unit is Trail.AMOUNT
    assert read(raw.place_order(176, 7, **names))[1].adjustment is None


def test_order_that_ends_too_early_is_refused() -> None:
    """The field that is missing is named."""
    with pytest.raises(FieldError, match="missing"):
        read(raw.place_order(176, 7)[:50])
