"""What sizing knows of IB: nothing sizes a signal before it is there, nothing of a lost connection prices one."""

from __future__ import annotations

import msgspec
import pytest

from router.broker_view import BrokerView
from router.messages import AccountSnapshot, LinkPhase, LinkState, Message, OrderSent, PositionSnapshot
from tests.router import factory

READY = LinkState(phase=LinkPhase.READY, reason="rebuilt", account="DU1")
ACCOUNT = AccountSnapshot("DU1", "USD", 100_000.0, 400_000.0, None, None, None, None, None, True, 1)


def view(*messages: Message) -> BrokerView:
    """A view that has seen these messages."""
    seen = BrokerView()
    for message in messages:
        seen.observe(message)
    return seen


def held(con_id: int, quantity: float, account: str = "DU1") -> PositionSnapshot:
    """A position in one contract."""
    return PositionSnapshot(
        account, msgspec.structs.replace(factory.OPTION, con_id=con_id), quantity, 1.0, True, 1
    )


@pytest.mark.parametrize(
    ("messages", "waiting_for"),
    [
        ((), "the gateway process"),
        ((LinkState(LinkPhase.SYNCING, "rebuilding"),), "IB connection: SYNCING (rebuilding)"),
        ((READY,), "account values of IB"),
        ((READY, msgspec.structs.replace(ACCOUNT, account="DU2")), "account values of IB"),
        ((READY, msgspec.structs.replace(ACCOUNT, buying_power=None)), "account values of IB"),
        ((READY, ACCOUNT, OrderSent("a-1", (1,))), ""),
    ],
)
def test_it_says_what_is_missing(messages: tuple[Message, ...], waiting_for: str) -> None:
    """Gateway, link, account, in that order; another account's values are not ours."""
    assert view(*messages).waiting_for == waiting_for


def test_buying_power_is_nothing_until_ib_has_said() -> None:
    """Zero allows no entry, which is right for an account nothing is known of."""
    assert view().buying_power == 0.0
    assert view(READY, ACCOUNT).buying_power == 400_000.0


def test_positions_are_counted_by_account_and_contract() -> None:
    """Long and short count once each; a flat one no more."""
    seen = view(held(1, 2.0), held(1, 3.0), held(2, -1.0), held(2, -1.0, "DU2"))
    assert seen.open_positions == 3
    seen.observe(held(1, 0.0))
    assert seen.open_positions == 2


def test_a_new_connection_starts_from_nothing() -> None:
    """Positions and quotes of the connection before are forgotten as the rebuild begins."""
    seen = view(READY, held(1, 2.0), factory.quote())
    assert seen.quotes.get(factory.OPTION.con_id)
    seen.observe(LinkState(LinkPhase.SYNCING, "rebuilding"))
    assert seen.open_positions == 0
    assert seen.quotes.get(factory.OPTION.con_id) is None


def test_what_a_snapshot_tells_again_is_forgotten_before_it() -> None:
    """A position may have been closed unheard; link and account values stay what they were last."""
    seen = view(READY, ACCOUNT, held(1, 2.0), factory.quote(con_id=1))
    seen.forget()
    assert seen.open_positions == 0
    assert seen.quotes.get(1) is None
    assert seen.waiting_for == ""
