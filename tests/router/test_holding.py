"""IB's word on a position and the executions behind it, whichever comes first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router import holding as holdings
from router.delivery import Context, Delivery
from router.holding import MAX_PATH, Holding
from router.learning import learn
from router.messages import ContractSpec
from tests.router.factory import OPTION, STOCK, TS_MS
from tests.router.history import ACCOUNT, POSITION_ID, Story

EMPTY = Holding(ACCOUNT, OPTION)


def after(*steps: tuple[str, float]) -> Holding:
    """An empty holding after executions (`x`), IB's word (`ib`) and IB's answers (`answer`)."""
    one = EMPTY
    for kind, quantity in steps:
        if kind == "x":
            one = holdings.executed(one, quantity)
        else:
            one = holdings.observed(one, Story().position(quantity, replayed=kind == "answer"))
    return one


def test_executions_run_ahead_and_are_confirmed() -> None:
    """The position is there at its fill, and IB's word on a step of the way changes nothing."""
    assert after(("x", 3), ("x", 4)).quantity == 7
    assert after(("x", 3), ("x", 4), ("ib", 3)).quantity == 7
    assert after(("x", 3), ("x", 4), ("ib", 3), ("ib", 7)).path == (7,)


def test_ib_may_be_first() -> None:
    """Executions that explain what IB had said do not count twice."""
    assert after(("ib", 7)).quantity == 7
    assert after(("ib", 7), ("x", 3)).quantity == 7
    assert after(("ib", 7), ("x", 3), ("x", 4)).path == (7,)
    assert after(("ib", 7), ("x", 3), ("x", 4), ("x", -7)).quantity == 0


def test_somebody_elses_trades_are_ibs_word() -> None:
    """What our executions do not explain stands as IB said it."""
    assert after(("x", 7), ("ib", 7), ("ib", 17)).quantity == 17
    assert after(("x", 7), ("ib", 7), ("ib", 0)).quantity == 0


def test_an_answer_counts_whole() -> None:
    """What IB lists after a reconnect is the truth, whatever was thought before."""
    assert after(("x", 7), ("answer", 0)).quantity == 0
    assert after(("x", 7), ("ib", 9), ("answer", 4)).path == (4,)


def test_the_path_is_bounded() -> None:
    """A position that IB never confirms does not grow for ever."""
    one = EMPTY
    for _ in range(10 * MAX_PATH):
        one = holdings.executed(one, 1.0)
    assert len(one.path) == MAX_PATH
    assert one.quantity == 10 * MAX_PATH


@st.composite
def interleaved(draw: st.DrawFn) -> list[tuple[str, float]]:
    """Executions in their order, IB's word after each of some of them in its order, mixed at will."""
    deltas = draw(st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=8))
    levels = [sum(deltas[: n + 1]) for n in range(len(deltas))]
    kept = draw(st.lists(st.booleans(), min_size=len(levels), max_size=len(levels)))
    words = [level for level, keep in zip(levels, kept, strict=True) if keep] + [levels[-1]]
    lanes = {"x": list(map(float, deltas)), "ib": list(map(float, words))}
    steps = []
    while any(lanes.values()):
        lane = draw(st.sampled_from([name for name, left in lanes.items() if left]))
        steps.append((lane, lanes[lane].pop(0)))
    return steps


@settings(max_examples=500)
@given(steps=interleaved())
def test_both_end_in_the_same_place(steps: Sequence[tuple[str, float]]) -> None:
    """When all executions and IB's last word are in, in whatever mixture, the position is IB's."""
    assert after(*steps).quantity == [quantity for kind, quantity in steps if kind == "ib"][-1]


# ---------------------------------------------------------------- document


def holder(name: str, price: float, quantity: float) -> Delivery:
    """A delivery that entered."""
    story = Story()
    delivery = learn(Delivery(name), story.intent(), "", TS_MS)
    return learn(delivery, story.fill("E", quantity, price, exec_id=name), "E", TS_MS)


def test_a_document_of_two_deliveries_averages_their_entries() -> None:
    """Scale-in: quantity-weighted to six decimals, ids and stops those of the newest (contract 7)."""
    one = replace(EMPTY, path=(7.0,), shown=True)
    document = holdings.document(one, [holder("a", 2.0, 3), holder("b", 3.0, 4)], 1_500)
    assert document["entry_price"] == round((3 * 2 + 4 * 3) / 7, 6)
    assert document["position_notional"] == 1800.0
    assert document["quantity"] == 7
    assert document["id"] == POSITION_ID
    assert document["market_value"] == 1800.0


def test_a_document_takes_ibs_value_where_it_is_known() -> None:
    """The risk manager reads market_value; current_price and unrealised come from the same source."""
    one = replace(EMPTY, path=(-2.0,), value=-640.0, unrealized=-12.5)
    document = holdings.document(one, [], 1_500)
    assert (document["market_value"], document["current_price"]) == (-640.0, 3.2)
    assert (document["unrealized_pnl"], document["side"], document["quantity"]) == (-12.5, "SHORT", 2)


@pytest.mark.parametrize(
    ("contract", "quantity", "cost", "entry", "view"),
    [
        (OPTION, 2.0, 250.65, 2.5065, "BULLISH"),
        (replace(OPTION, right="P"), 2.0, 250.65, 2.5065, "BEARISH"),
        (replace(OPTION, right="P"), -2.0, 250.65, 2.5065, "BULLISH"),
        (STOCK, 10.0, 180.0, 180.0, "BULLISH"),
        (STOCK, -10.0, 180.0, 180.0, "BEARISH"),
    ],
)
def test_a_position_made_elsewhere_is_synced(
    contract: ContractSpec, quantity: float, cost: float, entry: float, view: str
) -> None:
    """IB's average cost is per contract for options; strategy SYNCED, no orders of ours (contract 7)."""
    one = replace(EMPTY, contract=contract, path=(quantity,), avg_cost=cost, since_ms=TS_MS)
    document = holdings.document(one, [], 1_500)
    assert (document["entry_price"], document["view"]) == (entry, view)
    assert (document["strategy"], document["order_id"]) == ("SYNCED", None)
    assert document["market_value"] == pytest.approx(quantity * contract.multiplier * entry)
    assert document["entry_time"] == "2025-09-19T14:00:00+00:00"
    assert (document["last_update"], document["last_fill_price"]) == (
        "1970-01-01T00:00:01.500000+00:00",
        None,
    )


def test_no_context_no_document() -> None:
    """A delivery that never became an order has no position to speak of."""
    with pytest.raises(ValueError, match="no order"):
        holdings.document(replace(EMPTY, path=(7.0,)), [Delivery("x", Context())], 1_500)
