"""1100 and its relatives."""

from __future__ import annotations

import pytest

from router.connectivity import Connectivity, hear

LOST = hear(Connectivity(), 1100, "Connectivity between IB and the TWS has been lost.").state
BROKEN = "Market data farm connection is broken:usfarm"


@pytest.mark.parametrize("code", [1100, 2110])
def test_a_lost_server_is_trouble_in_ibs_words(code: int) -> None:
    """Its text is the reason that people will read; nothing is asked while IB is away."""
    heard = hear(Connectivity(), code, "lost")
    assert heard.state.trouble == "lost"
    assert not heard.rebuild


@pytest.mark.parametrize(("code", "data_lost"), [(1101, True), (1102, False)])
def test_every_return_asks_for_a_rebuild(code: int, data_lost: bool) -> None:
    """Executions of the gap may be told to nobody who does not ask; 1101 says that the feeds are gone as well."""
    heard = hear(LOST, code, "restored")
    assert heard.state.trouble == ""
    assert (heard.rebuild, heard.data_lost) == (True, data_lost)


def test_a_broken_farm_is_trouble_until_it_is_back() -> None:
    """Each farm by its name; another farm's return does not help."""
    state = hear(Connectivity(), 2103, BROKEN).state
    state = hear(state, 2103, BROKEN).state
    state = hear(state, 2157, "Sec-def data farm connection is broken:secdefnj").state
    assert state.trouble == f"{BROKEN}; Sec-def data farm connection is broken:secdefnj"
    state = hear(state, 2104, "Market data farm connection is OK:eufarm").state
    state = hear(state, 2158, "Sec-def data farm connection is OK:secdefnj").state
    assert state.trouble == BROKEN
    inactive = "Market data farm connection is inactive but should be available upon demand.usfarm"
    assert hear(state, 2108, inactive).state.trouble == ""


def test_the_server_comes_before_the_farms() -> None:
    """Without IB's servers a farm's state says nothing."""
    state = hear(LOST, 2103, BROKEN).state
    assert state.trouble == LOST.server
    assert hear(state, 1102, "restored").state.trouble == BROKEN


@pytest.mark.parametrize("code", [2105, 2106, 2107, 2119, 326, 1300])
def test_other_link_messages_change_nothing(code: int) -> None:
    """Historical data is not used here; the rest is followed by a closed socket, which speaks for itself."""
    assert hear(LOST, code, "text") == (LOST, False, False)
