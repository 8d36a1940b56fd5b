"""The limit of messages a second."""

from hypothesis import given
from hypothesis import strategies as st

from paper.pacing import LIMIT, Pacer

SECOND = 1_000_000_000  # ns


def test_fifty_pass_and_the_next_waits_for_the_first_to_age() -> None:
    """The fifty-first waits until a second after the first; later ones are free again."""
    pacer = Pacer()
    for at in range(LIMIT):
        assert pacer.wait(at) == 0
        pacer.count(at)
    assert pacer.wait(SECOND - 7) == 7
    assert pacer.wait(SECOND) == 0


def test_a_run_of_refusals_is_one_violation_and_three_are_out() -> None:
    """Only a message that passed in between begins a new violation."""
    pacer = Pacer(limit=1)
    pacer.count(0)
    assert pacer.strike()
    assert not pacer.strike()
    assert pacer.text == "Max rate of messages per second has been exceeded:max=1 rec=2 (1)"
    for strikes in (2, 3):
        assert not pacer.is_out
        pacer.count(strikes)
        assert pacer.strike()
    assert pacer.is_out


@given(st.lists(st.integers(0, SECOND // 5), max_size=200), st.integers(1, 10))
def test_no_second_ever_sees_more_than_the_limit(gaps: list[int], limit: int) -> None:
    """Whoever waits as told never has more than the limit within any second."""
    pacer, now, times = Pacer(limit), 0, list[int]()
    for gap in gaps:
        now += gap
        now += pacer.wait(now)
        assert pacer.wait(now) == 0
        pacer.count(now)
        times.append(now)
    assert all(late - early >= SECOND for early, late in zip(times, times[limit:], strict=False))
