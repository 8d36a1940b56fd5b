"""What becomes of an order that may or may not have reached IB (design, section 6). Pure.

It was intended, and then the connection or the process was lost. IB is asked for all open orders, completed orders and
executions, twice, with the connection settled in between; only two rounds that agree are an answer.
"""

from __future__ import annotations

from typing import Literal

ROUNDS = 2  # of asking IB, all of which must agree

Decision = Literal["adopt", "ask", "resend", "park"]


def decide(*, evidence: bool, rounds: int, sent: bool, now_ms: int, expires_ms: int) -> Decision:
    """What to do now. `evidence`: IB has told of the order; `rounds`: complete answers of IB without a word on it.

    `sent`: the journal says that its last byte was handed to the socket. Where it does not, the order can only have
    been cut off before that, and two rounds say that IB never took it: it may be sent again while its signal is fresh.
    In every other case a person decides.
    """
    if evidence:
        return "adopt"
    if rounds < ROUNDS:
        return "ask"
    if not sent and now_ms <= expires_ms:
        return "resend"
    return "park"


def reason(*, sent: bool) -> str:
    """Why it was parked, for the operator."""
    if sent:
        return "sent, then the connection was lost; IB, asked twice, knows no such order"
    return "intended, not known to have been sent; IB, asked twice, knows no such order; its signal is stale"
