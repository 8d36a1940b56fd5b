"""What a list of IB does not have: positions that are over, entries that work no longer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.delivery import Delivery
from router.holding import Holding
from router.learning import advance, learn
from router.listing import lapsed, unlisted
from router.messages import LinkPhase, LinkState, Message
from tests.router.factory import TS_MS
from tests.router.history import Story

STORY = Story()
CONTRACT = STORY.request.contract
READY = LinkState(LinkPhase.READY, "rebuilt from IB")
HELD = [Holding(account, CONTRACT, path=(7.0,), shown=True) for account in ("DU1", "DU2")]


def gone(*messages: Message) -> list[str]:
    """The accounts whose position is over."""
    found = unlisted(messages, HELD)
    assert all(one.quantity == 0 and one.replayed and one.contract == CONTRACT for one in found)
    return [one.account for one in found]


def listing(*accounts: str) -> LinkState:
    """The contract is held in these."""
    return replace(READY, held=(CONTRACT.con_id,) * len(accounts), holders=accounts)


def test_a_contract_that_another_account_holds_is_gone_from_this_one() -> None:
    """A login may manage several accounts."""
    assert gone(listing("DU2")) == ["DU1"]
    assert gone(listing("DU1", "DU2")) == []
    assert gone(listing()) == ["DU1", "DU2"]
    assert gone(replace(STORY.position(7), account="DU2"), READY) == ["DU1"]


def test_an_old_journal_does_not_say_in_which_account() -> None:
    """Then the contract counts as held in all of them."""
    assert gone(replace(READY, held=(CONTRACT.con_id,))) == []


def test_nothing_is_over_before_ib_was_asked() -> None:
    """A snapshot of a gateway that rebuilds has only a part; what was not shown is not over either."""
    assert gone(LinkState(LinkPhase.SYNCING, "rebuilding")) == []
    assert unlisted([listing()], [replace(HELD[0], shown=False)]) == []


def resting() -> Delivery:
    """An entry of which IB has told."""
    delivery = Delivery(STORY.name)
    for message in (STORY.received(), STORY.intent(), STORY.status("E", "Submitted")):
        delivery = learn(delivery, message, "E", TS_MS)
    return advance(delivery, pending_told=True)


@pytest.mark.parametrize(
    ("messages", "is_over"),
    [
        ([replace(READY, held=(), working=())], True),
        ([replace(READY, held=(), working=(STORY.ref("E"),))], False),
        ([replace(READY, held=())], False),  # of a journal from before
        ([replace(READY, phase=LinkPhase.DEGRADED, held=(), working=())], False),
        ([READY], True),  # a snapshot of nothing
        ([READY, STORY.status("E", "Submitted")], False),
        ([READY, STORY.status("E", "Cancelled")], True),  # its end is told with it
    ],
)
def test_an_entry_that_is_not_listed(messages: list[Message], is_over: bool) -> None:
    """By the list of a rebuild, or by the orders of a snapshot."""
    delivery = resting()
    assert lapsed(messages, [delivery]) == ([delivery] if is_over else [])


def test_entries_that_say_nothing_to_a_list() -> None:
    """One that ended, one that works no longer, and one of which IB never told: the gateway finds out about it."""
    order = resting().progress.entry
    others = [
        advance(resting(), entry=replace(order, ended_ms=1)),
        advance(resting(), pending_told=False),
        advance(resting(), entry=replace(order, status="")),
    ]
    assert lapsed([replace(READY, held=(), working=())], others) == []
