"""Two live orders under one orderRef: found once, the younger one, and only under names of the router's form."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.messages import LinkPhase, LinkState
from router.twins import Twins, alert
from tests.router.factory import order_event

OLDER = order_event(perm_id=1)
YOUNGER = order_event(perm_id=2, order_id=202)


def test_the_younger_is_found_whichever_comes_first() -> None:
    """By permId, and told once however often IB repeats it."""
    for messages in ((OLDER, YOUNGER), (YOUNGER, OLDER)):
        twins = Twins()
        assert twins.observe(messages[0]) is None
        assert twins.observe(messages[1]) == YOUNGER
        assert twins.observe(OLDER) is None
        assert twins.observe(YOUNGER) is None


@pytest.mark.parametrize("status", ["Filled", "Cancelled", "ApiCancelled", "Inactive"])
def test_an_order_that_has_ended_is_no_twin(status: str) -> None:
    """A bracket that was cancelled and sent again by an operator's decision has one live order under each ref."""
    twins = Twins()
    twins.observe(OLDER)
    assert twins.observe(replace(OLDER, status=status)) is None
    assert twins.observe(YOUNGER) is None
    assert twins.observe(replace(OLDER, origin="completed")) is None


def test_a_rebuild_starts_anew() -> None:
    """All live orders are told again; what ended meanwhile may not be."""
    twins = Twins()
    twins.observe(OLDER)
    twins.observe(LinkState(phase=LinkPhase.SYNCING, reason=""))
    assert twins.observe(YOUNGER) is None


def test_names_that_are_not_ours_and_orders_without_one() -> None:
    """Whoever trades by hand may use one text for all his orders; an order without a permId is not told apart yet."""
    twins = Twins()
    for ref in ("by hand", ""):
        assert twins.observe(replace(OLDER, ref=ref)) is None
        assert twins.observe(replace(YOUNGER, ref=ref)) is None
    twins.observe(OLDER)
    assert twins.observe(replace(YOUNGER, perm_id=0)) is None


def test_what_a_person_is_told() -> None:
    """That it is being cancelled, or whose it is, since IB lets nobody cancel another client's order."""
    ours = alert(YOUNGER, ours=True)
    assert (ours.kind, ours.severity, ours.ref, ours.symbol) == (
        "duplicate_order",
        "critical",
        OLDER.ref,
        "SPY",
    )
    assert ours.text.endswith("permId 2, is being cancelled")
    foreign = alert(replace(YOUNGER, client_id=9, contract=None), ours=False)
    assert foreign.text.endswith("belongs to client 9: cancel it there")
    assert dict(foreign.details) == {"perm_id": "2", "client_id": "9"}
