"""Dates and times as clients write them."""

from datetime import UTC, datetime, time

import pytest

from paper.hours import NEW_YORK
from paper.moments import parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261218 16:00:00 US/Eastern", datetime(2026, 12, 18, 16, tzinfo=NEW_YORK)),
        ("20261218 16:00:00 EST", datetime(2026, 12, 18, 16, tzinfo=NEW_YORK)),
        ("20261218 16:00:00 EDT", datetime(2026, 12, 18, 16, tzinfo=NEW_YORK)),
        ("20261218 16:00:00 Moon/Crater", None),
        ("20261218 16:00:00", datetime(2026, 12, 18, 16, tzinfo=NEW_YORK)),
        ("20261218-21:00:00", datetime(2026, 12, 18, 21, tzinfo=UTC)),
        ("20261218", datetime(2026, 12, 18, 16, tzinfo=NEW_YORK)),
        ("20261318", None),
        ("", None),
    ],
)
def test_formats(text: str, moment: datetime | None) -> None:
    """With a zone, without one, in UTC, a bare date; None for what is no date."""
    assert parse_moment(text, time(16)) == moment
