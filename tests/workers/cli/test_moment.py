"""Instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cli.misuse import Misused
from workers.cli.moment import moment

NOW = 1_758_290_400_000_000_000


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [("0s", 0), ("90s", 90), ("10m", 600), ("1h30m", 5_400), ("2d", 172_800), ("1w", 604_800)],
)
def test_a_span_counts_back_from_now(text: str, ago_s: int) -> None:
    """Seconds to weeks, also added up."""
    assert moment("--since", text, NOW) == NOW - ago_s * 10**9


def test_an_instant_stands_for_itself() -> None:
    """With its zone, to the microsecond."""
    assert moment("--since", "2025-09-19T14:00:00Z", NOW) == NOW
    assert moment("--since", "2025-09-19T10:00:00.000001-04:00", NOW) == NOW + 1_000


def test_a_time_without_zone_is_local() -> None:
    """As the clock on the wall shows it."""
    local = datetime(2025, 9, 19, 14, 0)  # noqa: DTZ001  # local time is what is meant
    assert moment("--until", "2025-09-19 14:00", NOW) == int(local.timestamp()) * 10**9


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_is_read_exactly(at: datetime) -> None:
    """What isoformat writes comes back as the same microsecond."""
    found = moment("--since", at.isoformat(), NOW)
    assert found % 1_000 == 0
    assert (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(found / 1e9)


@pytest.mark.parametrize("text", ["", "10", "m", "10x", "soon", "-5m", "10 m", "2025-13-01"])
def test_anything_else_is_named(text: str) -> None:
    """The option and its value are in the error."""
    with pytest.raises(Misused, match=f"^--since {text}: neither a time span"):
        moment("--since", text, NOW)
