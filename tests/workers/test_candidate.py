"""What a signal is decided on: the newest word, as far as it still counts."""

from __future__ import annotations

from typing import Any

import pytest

from conf.settings import Settings
from router.broker_view import BrokerView
from router.messages import ContractReady, LinkPhase, LinkState, Message, PositionSnapshot
from tests.router import factory
from tests.router.test_order import ACCOUNT, GATES
from workers.candidate import Candidate, Looks

READY = LinkState(phase=LinkPhase.READY, reason="rebuilt", account=ACCOUNT.account)
AGE_NS = 10_000_000_000  # quotes.max_age_s


@pytest.fixture
def view() -> BrokerView:
    """A link that is READY, an account, one contract held."""
    made = BrokerView()
    held = PositionSnapshot("DU1", factory.STOCK, 7.0, 100.0, True, 1)
    messages: list[Message] = [READY, ACCOUNT, held]
    for message in messages:
        made.observe(message)
    return made


@pytest.fixture
def looks(settings: Settings, view: BrokerView) -> Looks:
    """Under the default settings."""
    return Looks(settings, view)


def candidate(**parts: Any) -> Candidate:
    """The example signal, gated and with its contract."""
    ready = ContractReady(contract=factory.OPTION, min_tick=0.05)
    plain = {"gates": GATES, "ready": ready}
    return Candidate("d", factory.signal(), factory.TICKET, **(plain | parts))


def test_facts(looks: Looks) -> None:
    """The account's buying power, what is held, and New York's time at this moment."""
    facts = looks.facts(candidate(), GATES, now_ms=factory.TS_MS, notional=5.0)
    assert (facts.buying_power, facts.open_positions, facts.notional) == (400_000.0, 1, 5.0)
    assert f"{facts.now_eastern:%Y%m%d %H:%M}" == "20250919 10:00"


def test_a_quote_counts_up_to_its_age(looks: Looks, view: BrokerView) -> None:
    """At exactly quotes.max_age_s it still prices, a nanosecond later nothing does."""
    assert looks.quote(candidate(), 0) is None
    view.observe(factory.quote(received_ns=5))
    assert looks.quote(candidate(), AGE_NS + 5) == factory.quote(received_ns=5)
    assert looks.priced(candidate(), AGE_NS + 5)
    assert looks.quote(candidate(), AGE_NS + 6) is None
    assert not looks.priced(candidate(), AGE_NS + 6)
    assert looks.quote(candidate(ready=None), 5) is None


def test_it_is_sized_on_its_own_contracts_quote(looks: Looks, view: BrokerView) -> None:
    """Never on that of another contract of its symbol (contract 8); without one, on none."""
    view.observe(factory.quote(9.0, 9.1, con_id=1002, received_ns=5))
    sized = looks.sized(candidate(), 5)
    assert sized is not None
    assert (sized.quote.con_id, sized.quote.bid) == (1001, None)
    view.observe(factory.quote(received_ns=5))
    sized = looks.sized(candidate(), 5)
    assert sized is not None
    assert sized.quote.bid == 2.48


@pytest.mark.parametrize("missing", ["gates", "ready"])
def test_nothing_to_size_on(looks: Looks, missing: str) -> None:
    """Without gates or contract there is nothing yet."""
    assert looks.sized(candidate(**{missing: None}), 0) is None


def test_no_account(settings: Settings) -> None:
    """Nor without the account's values."""
    assert Looks(settings, BrokerView()).sized(candidate(), 0) is None
