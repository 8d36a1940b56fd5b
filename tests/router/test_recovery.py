"""Orders in doubt: evidence first, two rounds, and never a second order where the first may exist."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.recovery import ROUNDS, decide, reason


@given(st.booleans(), st.integers(0, 5), st.booleans(), st.integers(0, 10), st.integers(0, 10))
def test_law_of_resending(evidence: bool, rounds: int, sent: bool, now_ms: int, expires_ms: int) -> None:
    """Sent again only without evidence, after two rounds, never sent before, and fresh; parked only after two rounds."""
    decision = decide(evidence=evidence, rounds=rounds, sent=sent, now_ms=now_ms, expires_ms=expires_ms)
    assert (decision == "resend") == (not evidence and rounds >= ROUNDS and not sent and now_ms <= expires_ms)
    assert (decision == "adopt") == evidence
    if decision == "park":
        assert rounds >= ROUNDS


def test_the_operator_is_told_what_is_known() -> None:
    """Whether it was sent is the difference that matters to a person."""
    assert reason(sent=True).startswith("sent, then")
    assert "not known to have been sent" in reason(sent=False)
