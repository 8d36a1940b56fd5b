"""Rules on messages, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.faults import (
    Action,
    Cut,
    Delay,
    Drop,
    Duplicate,
    End,
    Faults,
    Hold,
    Later,
    Now,
    Perform,
    Rule,
    Step,
    Watch,
    pattern,
)
from paper.names import MESSAGES
from paper.wire import frame

FILLED = frame(3, 7, "Filled", 1)
OPEN = frame(5, 7)
COMMISSION = frame(59, 1, "x")


def out(faults: Faults, *frames: bytes, client: int | None = 1) -> list[Step]:
    """What becomes of frames."""
    return [step for one in frames for step in faults.outgoing(client, one)]


@pytest.mark.parametrize(
    ("action", "steps"),
    [
        (Drop(), []),
        (Delay(0.5), [Later(0.5, FILLED)]),
        (Duplicate(), [Now(FILLED), Now(FILLED)]),
        (Cut(6), [End(FILLED[:6])]),
        (Watch("it"), [Now(FILLED), Perform("it")]),
    ],
)
def test_each_action(action: Action, steps: list[Step]) -> None:
    """A rule acts once on what it fits, and lets everything else and what comes later pass."""
    faults = Faults([Rule(pattern("orderStatus", status="Filled"), action)])
    assert out(faults, OPEN, FILLED, FILLED) == [Now(OPEN), *steps, Now(FILLED)]
    assert faults.rules == []


def test_held_frames_follow_what_they_waited_for() -> None:
    """What is held comes right after the message it was held for, per client, and not after a dropped one."""
    held = Rule(pattern("orderStatus"), Hold(pattern("commissionReport")), times=0)
    faults = Faults([held, Rule(pattern("commissionReport"), Drop())])
    assert out(faults, FILLED, COMMISSION, OPEN) == [Now(OPEN)]
    assert out(faults, COMMISSION, client=2) == [Now(COMMISSION)]
    assert out(faults, COMMISSION) == [Now(COMMISSION), Now(FILLED)]
    assert out(faults, COMMISSION) == [Now(COMMISSION)]


def test_skip_times_and_client_are_counted() -> None:
    """The first ones pass, then so many are taken, of that client only; 0 times is for ever."""
    faults = Faults([Rule(pattern("openOrder", client=1), Drop(), skip=1, times=2)])
    assert out(faults, OPEN, client=2) == [Now(OPEN)]
    assert out(faults, OPEN, OPEN, OPEN, OPEN) == [Now(OPEN), Now(OPEN)]
    faults = Faults([Rule(pattern("openOrder"), Drop(), times=0)])
    assert out(faults, *[OPEN] * 9) == []
    assert len(faults.rules) == 1


def test_the_first_rule_decides_and_all_may_watch() -> None:
    """Of two rules that act the first does; watching rules see the message whatever becomes of it."""
    faults = Faults(
        [
            Rule(pattern("openOrder"), Watch("a")),
            Rule(pattern("openOrder"), Drop()),
            Rule(pattern("openOrder"), Duplicate()),
            Rule(pattern("openOrder"), Watch("b")),
        ]
    )
    assert out(faults, OPEN) == [Perform("a"), Perform("b")]
    assert out(faults, OPEN) == [Now(OPEN), Now(OPEN)]


def test_requests_are_swallowed_or_watched() -> None:
    """Inbound rules see requests, not answers with the same id."""
    payload = frame(3, 1, *[""] * 24, "s-1", 1)[4:]
    faults = Faults()
    assert faults.incoming(1, payload) == (True, ())
    faults.rules += [
        Rule(pattern("placeOrder"), Watch("it")),
        Rule(pattern("placeOrder", orderRef="s-1"), Drop()),
    ]
    assert out(faults, FILLED) == [Now(FILLED)]
    assert faults.incoming(1, b"4\x001\x00") == (True, ())
    assert faults.incoming(1, payload) == (False, ("it",))
    assert faults.incoming(1, payload) == (True, ())


def test_a_field_that_is_not_there_fits_nothing() -> None:
    """A pattern on a field beyond the end of a message does not fit it; unknown names are refused."""
    faults = Faults([Rule(pattern("orderStatus", whyHeld="trigger"), Drop())])
    assert out(faults, FILLED) == [Now(FILLED)]
    with pytest.raises(KeyError):
        pattern("orderStatus", colour="red")
    with pytest.raises(KeyError):
        pattern("nothing")


@pytest.mark.parametrize("kept", [True, False])
def test_offline_withholds_all_but_notices_and_loses_ticks(kept: bool) -> None:
    """Errors pass, ticks are gone for good, the rest waits and is given back when it was kept."""
    notice, tick = frame(4, 2, -1, 1100, "lost"), frame(1, 6, 1)
    faults = Faults(offline=True)
    assert out(faults, notice, tick, FILLED, OPEN) == [Now(notice)]
    assert out(faults, COMMISSION, client=2) == []
    assert faults.restore(kept=kept) == ({1: [FILLED, OPEN], 2: [COMMISSION]} if kept else {})
    assert out(faults, FILLED) == [Now(FILLED)]
    assert faults.restore(kept=True) == {}


def test_what_waits_for_a_client_goes_with_it() -> None:
    """Held and withheld frames of a client that left are forgotten, those of others are not; clear forgets rules."""
    rule = Rule(pattern("openOrder"), Hold(pattern("commissionReport")), times=0)
    faults = Faults([rule])
    out(faults, OPEN, client=1)
    out(faults, OPEN, client=2)
    faults.offline = True
    out(faults, OPEN, client=1)
    faults.forget(1)
    assert faults.restore(kept=True) == {}
    assert out(faults, COMMISSION, client=1) == [Now(COMMISSION)]
    assert out(faults, COMMISSION, client=2) == [Now(COMMISSION), Now(OPEN)]
    out(faults, OPEN, client=2)
    faults.clear()
    assert out(faults, OPEN, COMMISSION, client=2) == [Now(OPEN), Now(COMMISSION)]


@given(st.lists(st.binary(min_size=5, max_size=30), max_size=20))
def test_without_rules_nothing_changes(frames: list[bytes]) -> None:
    """Every frame, well made or not, passes as it is."""
    assert out(Faults(), *frames) == [Now(one) for one in frames]


def test_names_are_unambiguous() -> None:
    """No two messages of one direction share an id, and every field has a place behind the id."""
    assert len({message.key for message in MESSAGES.values()}) == len(MESSAGES)
    assert all(place > 0 for message in MESSAGES.values() for place in message.places.values())
