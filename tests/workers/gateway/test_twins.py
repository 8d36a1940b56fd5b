"""The same orderRef twice: found whoever is told first, once, and never where it is not true."""

from __future__ import annotations

import pytest

from tests.router.factory import order_event
from workers.gateway.twins import Twins

REF = "a-b-E"


@pytest.mark.parametrize("order", [(7, 8), (8, 7)])
def test_the_younger_is_told_once(order: tuple[int, int]) -> None:
    """That with the higher permId, whichever IB tells first, and not again with each of its events."""
    twins, (first, second) = Twins(), order
    assert twins.observe(order_event(REF, perm_id=first)) is None
    younger = twins.observe(order_event(REF, perm_id=second))
    assert younger is not None
    assert younger.perm_id == 8
    assert twins.observe(order_event(REF, perm_id=8)) is None
    assert twins.observe(order_event(REF, perm_id=7)) is None


def test_one_after_the_other_is_no_twin() -> None:
    """An order that ended makes place for the next one under its ref; the end of another one does not."""
    twins = Twins()
    assert twins.observe(order_event(REF, perm_id=7)) is None
    assert twins.observe(order_event(REF, perm_id=6, status="Cancelled")) is None
    assert twins.observe(order_event(REF, perm_id=7, status="Filled")) is None
    assert twins.observe(order_event(REF, perm_id=7, status="Filled")) is None
    assert twins.observe(order_event(REF, perm_id=8)) is None
    twins.forget()
    assert twins.observe(order_event(REF, perm_id=9)) is None


def test_somebody_elses_under_our_name_is_one_too() -> None:
    """IB tells of it when it is asked for all open orders."""
    twins = Twins()
    assert twins.observe(order_event(REF, perm_id=7)) is None
    foreign = twins.observe(order_event(REF, perm_id=8, client_id=2))
    assert foreign is not None
    assert foreign.client_id == 2


def test_what_cannot_be_told_apart_or_is_not_ours_is_left_alone() -> None:
    """Orders without a ref, refs that the router does not make, orders that IB has not given a permId."""
    twins = Twins()
    for perm_id in (7, 8):
        assert twins.observe(order_event("by hand", perm_id=perm_id)) is None
        assert twins.observe(order_event("", perm_id=perm_id)) is None
    assert twins.observe(order_event(REF, perm_id=0, order_id=101)) is None
    assert twins.observe(order_event(REF, perm_id=9, order_id=101)) is None
