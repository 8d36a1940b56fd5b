"""Entry terms, protection and legs, against the platform contract, sections 0, 6 and 10."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conf.sections import Protection
from conf.stop_profiles import load_stop_profiles
from router import bracket
from router.bracket import legs, protect, split, split_ref, stem_of
from router.errors import FieldError
from router.messages import Action, Adjustment, ContractSpec, Leg, Target
from tests.helpers import PROJECT
from tests.router.factory import OPTION, STOCK, request, signal

TICKS = st.sampled_from([0.01, 0.05, 0.1, 0.25])
OTHER = ContractSpec(sec_type="FUT", symbol="ES")


def on_grid(price: float, tick: float) -> bool:
    """Whether a price is a whole number of ticks."""
    return Decimal(repr(price)) % Decimal(repr(tick)) == 0


# ---------------------------------------------------------------- direction


@pytest.mark.parametrize(
    ("contract", "side", "action"),
    [(OPTION, "LONG", "BUY"), (OPTION, "SHORT", "BUY"), (STOCK, "LONG", "BUY"), (STOCK, "SHORT", "SELL")],
)
def test_options_are_bought(contract: ContractSpec, side: str, action: str) -> None:
    """An option is bought for either view, its right carries it; a stock follows the side (contract 0.1)."""
    assert bracket.action_for(signal(contract=contract, side=side)) == action


def test_opposite() -> None:
    """What was bought is sold, what was sold is bought."""
    assert [bracket.opposite("BUY"), bracket.opposite("SELL")] == ["SELL", "BUY"]


# ---------------------------------------------------------------- protection


def protected(
    contract: ContractSpec, action: Action, reference: float, tick: float, **changes: Any
) -> tuple[float, float]:
    """Stop and first target under the default rules."""
    found = protect(
        Protection(), contract, action=action, reference=reference, quantity=7, tick=tick, **changes
    )
    return found.stop, found.targets[0].price


@pytest.mark.parametrize(
    ("contract", "action", "reference", "tick", "stop", "target"),
    [
        (OPTION, "BUY", 2.50, 0.05, 1.40, 3.25),
        (OPTION, "BUY", 4.20, 0.05, 2.35, 5.50),
        (OPTION, "SELL", 2.50, 0.05, 3.60, 1.75),
        (
            OPTION,
            "BUY",
            0.10,
            0.05,
            0.05,
            0.15,
        ),  # the platform's own stop, 0.10, is at the market (0.8, 8.14)
        (STOCK, "BUY", 100.0, 0.01, 96.0, 130.0),
        (STOCK, "SELL", 100.0, 0.01, 104.0, 70.0),
        (OTHER, "BUY", 100.0, 0.02, 80.0, 130.0),
    ],
)
def test_protection_vectors(
    contract: ContractSpec, action: Action, reference: float, tick: float, stop: float, target: float
) -> None:
    """The platform's vectors (contract 6), long rounded up and short rounded down."""
    assert protected(contract, action, reference, tick) == (stop, target)


def test_stop_multiplier() -> None:
    """`risk:stop_multiplier` scales the stop's distance and nothing else (contract 0.2)."""
    assert protected(OPTION, "BUY", 2.50, 0.05, stop_multiplier=0.5) == (1.95, 3.25)
    assert protected(OPTION, "BUY", 2.50, 0.05, stop_multiplier=2.0) == (0.25, 3.25)
    assert protected(STOCK, "SELL", 100.0, 0.01, stop_multiplier=0.75) == (103.0, 70.0)


def test_targets_of_the_signal() -> None:
    """Split evenly, remainder first; those at or behind the reference are left out (contract 6)."""
    found = protect(
        Protection(),
        OPTION,
        action="BUY",
        reference=2.5,
        quantity=7,
        tick=0.05,
        prices=(3.01, 2.5, 2.0, 3.5, 4.0),
    )
    assert found.targets == (Target(3.05, 3), Target(3.5, 2), Target(4.0, 2))


def test_targets_of_a_short() -> None:
    """Mirrored for shorts; a target that rounds to nothing is left out."""
    found = protect(
        Protection(),
        STOCK,
        action="SELL",
        reference=100.0,
        quantity=5,
        tick=0.05,
        prices=(90.02, 101.0, 0.04, 80.0),
    )
    assert found.targets == (Target(90.0, 3), Target(80.0, 2))


def test_more_targets_than_contracts() -> None:
    """With fewer contracts than targets the first targets are kept, one contract each (contract 6)."""
    found = protect(
        Protection(), OPTION, action="BUY", reference=2.5, quantity=2, tick=0.05, prices=(3.0, 3.5, 4.0)
    )
    assert found.targets == (Target(3.0, 1), Target(3.5, 1))


@pytest.mark.parametrize("action", ["BUY", "SELL"])
@pytest.mark.parametrize("reference", [0.0, 0.05, 0.09])
def test_no_room(action: Action, reference: float) -> None:
    """Less than two ticks leave no room; that is said, not bent."""
    with pytest.raises(FieldError, match="reference"):
        protect(Protection(), OPTION, action=action, reference=reference, quantity=1, tick=0.05)


@given(
    contract=st.sampled_from([OPTION, STOCK, OTHER]),
    action=st.sampled_from(["BUY", "SELL"]),
    reference=st.floats(0.02, 1e5),
    quantity=st.integers(1, 10_000),
    tick=TICKS,
    prices=st.lists(st.floats(0.001, 1e6), max_size=10),
    stop_multiplier=st.floats(0.001, 2),
    option_risk=st.floats(0.001, 1),
    target=st.floats(0.001, 100),
)
def test_protection_law(
    contract: ContractSpec,
    action: Action,
    reference: float,
    quantity: int,
    tick: float,
    prices: list[float],
    stop_multiplier: float,
    option_risk: float,
    target: float,
) -> None:
    """Whatever the input: stop and targets on the tick, above zero, on their own side of the reference and never at
    it, and the targets close exactly what was entered, at least one each."""
    assume(reference >= 2 * tick)
    found = protect(
        Protection(option_risk_pct=option_risk, target_pct=target),
        contract,
        action=action,
        reference=reference,
        quantity=quantity,
        tick=tick,
        prices=tuple(prices),
        stop_multiplier=stop_multiplier,
    )
    sign = 1 if action == "BUY" else -1
    assert sign * (reference - found.stop) > 0
    assert found.stop >= tick
    assert on_grid(found.stop, tick)
    assert sum(each.quantity for each in found.targets) == quantity
    for each in found.targets:
        assert sign * (each.price - reference) > 0
        assert each.price >= tick
        assert on_grid(each.price, tick)
        assert each.quantity >= 1


@given(st.integers(1, 10_000), st.lists(st.floats(0.01, 1e5), min_size=1, max_size=10))
def test_split_law(quantity: int, prices: list[float]) -> None:
    """All of it is spread, the shares differ by one at most and never grow."""
    shares = [each.quantity for each in split(tuple(prices), quantity)]
    assert sum(shares) == quantity
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_split_vector() -> None:
    """Seven over three is 3, 2, 2 (contract 6)."""
    assert [each.quantity for each in split((1.0, 2.0, 3.0), 7)] == [3, 2, 2]


# ---------------------------------------------------------------- legs


def test_legs_of_one_target() -> None:
    """The example of contract 10: entry, target and stop of all seven, joined by one OCA group of type 2."""
    delivery = request().delivery
    group = f"{delivery}-1"
    assert legs(request(), outside_rth=True) == (
        Leg(f"{delivery}-E", "entry", "BUY", "LMT", 7, 2.5, None, "DAY", True),
        Leg(f"{delivery}-T1", "target", "SELL", "LMT", 7, 3.25, None, "GTC", True, group, 2),
        Leg(f"{delivery}-S1", "stop", "SELL", "STP", 7, None, 1.4, "GTC", True, group, 2),
    )


def test_each_stop_carries_its_first_rung() -> None:
    """IB takes it by itself, whether the router runs or not; targets and entry carry none."""
    option = load_stop_profiles(PROJECT).option
    order = request(targets=(Target(3.00, 3), Target(3.25, 4)))
    rungs = {leg.ref[-2:]: leg.adjustment for leg in legs(order, outside_rth=True, ladder=option)}
    rung = Adjustment(2.7, "TRAIL", 1.55, 42.5)
    assert rungs == {"-E": None, "T1": None, "S1": rung, "T2": None, "S2": rung}


def test_market_entry_of_a_short() -> None:
    """A market entry has no limit, and what was sold is bought back."""
    entry, target, stop = legs(
        request(action="SELL", entry_type="MKT", limit_price=None, contract=STOCK), outside_rth=True
    )
    assert (entry.order_type, entry.limit_price, entry.action) == ("MKT", None, "SELL")
    assert (target.action, stop.action) == ("BUY", "BUY")


def test_only_the_entry_may_be_kept_to_regular_hours() -> None:
    """What is held is protected at all hours, whenever entries may fill."""
    entry, *children = legs(request(), outside_rth=False)
    assert not entry.outside_rth
    assert all(child.outside_rth for child in children)


@given(st.lists(st.tuples(st.floats(0.05, 1e4), st.integers(1, 500)), min_size=1, max_size=10))
def test_legs_law(targets: list[tuple[float, int]]) -> None:
    """Every target has a stop of its own quantity in a group of its own, so that one target's fill never leaves
    the rest unprotected (contract 0.11); every ref is unique and leads back to the delivery."""
    quantity = sum(number for _, number in targets)
    order = request(quantity=quantity, targets=tuple(Target(*each) for each in targets))
    entry, *children = legs(order, outside_rth=True)
    assert entry.quantity == quantity
    stops = [leg for leg in children if leg.role == "stop"]
    takes = [leg for leg in children if leg.role == "target"]
    assert [(leg.quantity, leg.oca_group) for leg in stops] == [
        (leg.quantity, leg.oca_group) for leg in takes
    ]
    assert sum(leg.quantity for leg in stops) == quantity
    assert len({leg.oca_group for leg in stops}) == len(targets)
    refs = [leg.ref for leg in (entry, *children)]
    assert len(set(refs)) == len(refs)
    assert {stem_of(ref) for ref in refs} == {order.delivery}


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "E",
        "-E",
        "manual",
        "desk-E",
        "desk-alpha-Exit",
        "desk-alpha-Stop",
        "my-TREND-S1",
        "a-mfqwpfk0",
        "a-mfqwpfk0-",
        "a-mfqwpfk0-S",
        "a-mfqwpfk0-T0",
        "a-mfqwpfk0-E1",
        "a-mfqwpfk0-e",
        "a-mfqwpfk0-E\n",
    ],
)
def test_foreign_refs(ref: str) -> None:
    """An orderRef of somebody else's making is not taken for one of ours."""
    assert stem_of(ref) == ""


@pytest.mark.parametrize("leg", ["E", "S1", "T10", "X", "X2"])
def test_own_refs(leg: str) -> None:
    """Every leg the design names, under an id with dashes of its own (design, section 6)."""
    assert stem_of(f"sim-0dte-mfqwpfk0-{leg}") == "sim-0dte-mfqwpfk0"


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("9bbeedc541dd1c7a-mfqwpfk0-E", ("9bbeedc541dd1c7a-mfqwpfk0", "E")),
        ("sim-0dte-abc-T12", ("sim-0dte-abc", "T12")),
        ("a-b-S1", ("a-b", "S1")),
        ("a-b-X", ("a-b", "X")),
        ("", ("", "")),
        ("manual", ("", "")),
        ("a-E", ("", "")),
        ("a-b-E1", ("", "")),
        ("a-b-Q1", ("", "")),
    ],
)
def test_a_reference_names_delivery_and_leg(ref: str, parts: tuple[str, str]) -> None:
    """Only references of the router's own form are a delivery's."""
    assert split_ref(ref) == parts
