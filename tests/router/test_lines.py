"""Market data lines: never more than there may be, never one in use given up, the least recently used one first."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import ConfigError
from conf.sections import Ingress, Quotes
from conf.settings import load
from router.lines import Lines, LinesInUse, prewarmed
from router.messages import ContractSpec
from tests.helpers import PROJECT

HOLD, IDLE = 10, 100  # ns


def test_the_least_recently_used_makes_place() -> None:
    """Using a line again makes it the newest; a contract that has a line needs no place."""
    lines = Lines(2, hold_ns=HOLD, idle_ns=IDLE)
    assert [lines.use(1, 0), lines.use(2, 1), lines.use(1, 2)] == [None, None, None]
    assert lines.use(3, 20) == 2
    assert lines.use(4, 40) == 1
    assert len(lines) == 2


def test_no_place_while_all_are_in_use() -> None:
    """Held or ordered, pinned, or prepared a moment ago: refused, and nothing is forgotten by it."""
    lines = Lines(3, hold_ns=HOLD, idle_ns=IDLE)
    lines.use(1, 0, pin=True)
    lines.use(2, 0)
    lines.use(3, 11)
    with pytest.raises(LinesInUse, match="all 3 market data lines are in use"):
        lines.use(4, 20, busy={2})
    assert lines.use(4, 21, busy={2}) == 3


def test_idle_lines() -> None:
    """After their time, unless they are held, ordered or pinned."""
    lines = Lines(9, hold_ns=HOLD, idle_ns=IDLE)
    lines.use(1, 0, pin=True)
    lines.use(2, 0)
    lines.use(3, 0)
    lines.use(4, 1)
    assert lines.release_idle(99) == []
    assert lines.release_idle(100, busy={2}) == [3]
    assert lines.release_idle(1_000) == [2, 4]
    assert len(lines) == 1


STEP = st.tuples(st.integers(1, 6), st.integers(0, 30), st.sets(st.integers(1, 6), max_size=2), st.booleans())


@given(st.integers(1, 4), st.lists(STEP, max_size=40))
def test_law(limit: int, steps: list[tuple[int, int, set[int], bool]]) -> None:
    """Whatever is used when: within the limit, and what is given up is neither busy, pinned nor just prepared."""
    lines, used, pinned, now = Lines(limit, hold_ns=HOLD, idle_ns=IDLE), dict[int, int](), set[int](), 0
    for con_id, passed, busy, pin in steps:
        now += passed
        try:
            gone = lines.use(con_id, now, busy, pin=pin)
        except LinesInUse:
            assert con_id not in used
            assert all(one in busy | pinned or now - used[one] < HOLD for one in used)
            continue
        if gone is not None:
            assert gone not in busy | pinned
            assert now - used[gone] >= HOLD
            assert used[gone] == min(at for one, at in used.items() if one not in busy | pinned)
            del used[gone]
        used[con_id] = now
        pinned |= {con_id} if pin else set()
        for idle in lines.release_idle(now, busy):
            assert idle not in busy | pinned
            assert now - used.pop(idle) >= IDLE
        assert len(lines) == len(used) <= limit


def test_what_is_looked_up_beforehand() -> None:
    """The symbols signals come for, then the contracts named by the desk, each once."""
    settings = msgspec.structs.replace(
        load(PROJECT, {}),
        ingress=Ingress(symbols=("SPY", "BRK.B")),
        quotes=Quotes(contracts=("SPY   250919C00451000", "SPY")),
    )
    spy, brk, option = prewarmed(settings)
    assert (spy, brk) == (ContractSpec("STK", "SPY"), ContractSpec("STK", "BRK.B"))
    assert option == ContractSpec("OPT", "SPY", expiry="20250919", strike=451.0, right="C", multiplier=100)


@pytest.mark.parametrize("text", ["", "spy", "SPY   250919X00451000", "SPY   250931C00451000"])
def test_what_names_no_contract_is_a_problem_of_the_configuration(text: str) -> None:
    """By section, key and value."""
    settings = msgspec.structs.replace(load(PROJECT, {}), quotes=Quotes(contracts=(text,)))
    with pytest.raises(ConfigError, match=r"\[(quotes|contract)\] "):
        prewarmed(settings)
