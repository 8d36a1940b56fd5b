"""Whether IB's servers can be reached behind a Gateway that answers: a fold of its link messages (1100 and on).

The socket to the Gateway may live while the Gateway has lost IB. Orders at IB go on working then; what they do is
told later, and may never be told to a client that does not ask again, so every return asks for a rebuild.
"""

from __future__ import annotations

from typing import NamedTuple

LOST = frozenset({1100, 2110})
RESTORED_DATA_LOST, RESTORED = 1101, 1102
FARM_BROKEN = frozenset({2103, 2157})  # market data, security definitions; nobody here needs historical data
FARM_OK = frozenset({2104, 2108, 2158})  # 2108: inactive until needed


class Connectivity(NamedTuple):
    """What does not work just now, in IB's words."""

    server: str = ""
    farms: tuple[tuple[str, str], ...] = ()  # name, text

    @property
    def trouble(self) -> str:
        """Empty when all works."""
        return self.server or "; ".join(text for _, text in self.farms)


class Heard(NamedTuple):
    """`rebuild`: ask IB for everything again; `data_lost`: market data and PnL must be subscribed anew too."""

    state: Connectivity
    rebuild: bool = False
    data_lost: bool = False


def hear(state: Connectivity, code: int, text: str) -> Heard:
    """One message with policy `link`."""
    if code in LOST:
        return Heard(state._replace(server=text))
    if code in (RESTORED, RESTORED_DATA_LOST):
        return Heard(state._replace(server=""), rebuild=True, data_lost=code == RESTORED_DATA_LOST)
    if code in FARM_BROKEN or code in FARM_OK:
        others = tuple(farm for farm in state.farms if farm[0] != _farm(text))
        return Heard(state._replace(farms=(*others, (_farm(text), text)) if code in FARM_BROKEN else others))
    return Heard(state)


def _farm(text: str) -> str:
    """The name after "... is broken:" and "... is OK:", or after "... available upon demand."; it may have dots."""
    before, _, name = text.rpartition(":")
    return (name if before else text.rpartition("demand.")[2]).strip()
