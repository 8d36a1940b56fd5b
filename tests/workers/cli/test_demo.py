"""The demo signal is one the platform could have sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from conf.settings import Settings
from paper.contracts import Catalog, ContractQuery
from router.contract import fingerprint
from router.sessions import EASTERN
from router.signal import parse
from workers.cli.demo import demo_signal, session


@pytest.mark.parametrize(
    ("now", "first", "second"),
    [
        ("2025-09-19T09:00", "20250919", "20250922"),  # a Friday before the open
        ("2025-09-19T15:59", "20250919", "20250922"),
        ("2025-09-19T16:00", "20250922", "20250923"),  # rolls over the weekend
        ("2025-11-26T16:00", "20251128", "20251201"),  # Thanksgiving is closed, the half day after it is not
        ("2025-12-31T20:00", "20260102", "20260105"),  # over New Year
        ("2025-12-25T10:00", "20251226", "20251229"),
    ],
)
def test_the_expiry_is_the_session_the_platform_would_name(now: str, first: str, second: str) -> None:
    """Today's session until 16:00 Eastern, else the next one; 1DTE is the one after; no holidays or weekends."""
    moment = datetime.fromisoformat(now).replace(tzinfo=EASTERN)
    assert f"{session(moment.astimezone(UTC), ahead=0):%Y%m%d}" == first
    assert f"{session(moment.astimezone(UTC), ahead=1):%Y%m%d}" == second


def test_it_passes_validation_and_carries_the_platforms_fingerprint() -> None:
    """The router's own parser takes it, and its contract_fp is what the contract gives."""
    document = demo_signal(datetime(2025, 9, 19, 14, 0, tzinfo=UTC), nonce=5)
    signal = parse(json.dumps(document).encode())
    assert signal.contract.strike == 451.0
    assert signal.contract_fp == fingerprint(document["contract"], symbol="SPY", strategy="1dte", side="LONG")
    assert (signal.strategy, signal.confidence) == ("1dte", 94)  # entered at market


def test_every_call_gives_another_signal() -> None:
    """Ids never repeat, strikes take turns."""
    now = datetime(2025, 9, 19, 14, 0, tzinfo=UTC)
    documents = [demo_signal(now, nonce) for nonce in range(50)]
    assert len({document["id"] for document in documents}) == 50
    assert len({document["contract_fp"] for document in documents}) == 11


@pytest.mark.parametrize("nonce", range(11))
def test_the_paper_gateway_lists_its_contract(nonce: int) -> None:
    """Each of the strikes is found in the paper gateway's catalogue on the day itself."""
    now = datetime(2025, 9, 19, 14, 0, tzinfo=UTC)
    contract = parse(json.dumps(demo_signal(now, nonce)).encode()).contract
    query = ContractQuery(
        symbol="SPY", sec_type="OPT", expiry=contract.expiry, right=contract.right, exchange="SMART"
    )
    found = Catalog().find(query, now.date())
    assert contract.strike in {float(option.strike) for option in found}


def test_twenty_demo_signals_may_end_at_their_stops(settings: Settings) -> None:
    """Whoever tries the paper gateway sends one after the other: the day's loss limit must not refuse the fourth."""
    stopped = settings.paper.cash * settings.sizing.base_fraction * settings.protection.option_risk_pct
    assert settings.profile == "paper"
    assert 20 * stopped < settings.risk.max_daily_loss
