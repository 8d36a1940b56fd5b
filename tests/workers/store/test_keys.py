"""The table of keys for people and the one for the program agree."""

from __future__ import annotations

import re

from tests.helpers import PROJECT
from workers.store import keys

DOCUMENTED = set(re.findall(r"`([a-z]+:[^`]+)`", (PROJECT / "docs" / "redis.md").read_text()))


def test_every_key_is_documented() -> None:
    """docs/redis.md has a row for each name in keys.py."""
    names = {name: value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    assert len(names) > 30
    assert set(names.values()) <= DOCUMENTED


def test_every_pattern_is_documented() -> None:
    """The names made of parts too, with the parts in braces."""
    patterns = {
        keys.execution_list("{symbol}"),
        keys.live_lock("{symbol}", "{contract_fp}"),
        keys.ack("{id}"),
        keys.positions_by_symbol("{symbol}"),
        keys.open_position("{symbol}", "{account}:{conId}"),
        keys.closed_position("{YYYYMMDD}", "{account}:{conId}"),
        keys.delivery("{delivery}"),
        "orders:pending:{orderId}",
    }
    assert patterns <= DOCUMENTED
    assert keys.pending_order(101) == "orders:pending:101"


def test_keyspace_channels_name_database_and_key() -> None:
    """Redis' own form."""
    assert keys.keyspace_channel(3, "a:b") == "__keyspace@3__:a:b"
