"""The account to trade: named, the only one, and of this mode."""

from __future__ import annotations

import pytest

from workers.gateway.login import Refused, choose_account


@pytest.mark.parametrize(
    ("managed", "named", "mode", "chosen"),
    [
        (["DU1"], "", "paper", "DU1"),
        (["DU1", "DU2"], "DU2", "paper", "DU2"),
        (["DF1"], "", "paper", "DF1"),
        (["U1", "U2"], "U1", "live", "U1"),
    ],
)
def test_choose_account(managed: list[str], named: str, mode: str, chosen: str) -> None:
    """The named account, or the only one."""
    assert choose_account(managed, named, mode) == chosen


@pytest.mark.parametrize(
    ("managed", "named", "mode", "said"),
    [
        (["DU1"], "DU2", "paper", "DU2 is not managed"),
        (["DU1", "DU2"], "", "paper", "name one"),
        (["U1"], "", "paper", "paper accounts start with D"),
        (["DU1"], "DU1", "live", "paper accounts start with D"),
    ],
)
def test_refused_account(managed: list[str], named: str, mode: str, said: str) -> None:
    """Not there, ambiguous, or of the other mode: refused, with what to change."""
    with pytest.raises(Refused, match=said):
        choose_account(managed, named, mode)
