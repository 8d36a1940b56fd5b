"""What a person is alerted to, and that a flood of one kind is told once and then together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import alerts
from router.alerts import Throttle, caused_by
from router.messages import Alert, BrokerError, LinkPhase, LinkState, OrderParked
from tests.router.factory import order_event, request

S = 1_000_000_000


def bad(kind: str = "a", text: str = "x", what: str = "1") -> Alert:
    """An alert of a kind."""
    return Alert(kind, "warning", text, details=(("what", what),))


def test_a_parked_order_calls_for_a_decision() -> None:
    """It names the order, the signal, and the command that shows it."""
    order = request()
    alert = caused_by(OrderParked(order.delivery, order, "nobody knows"))
    assert alert is not None
    assert (alert.kind, alert.severity) == ("order_parked", "critical")
    assert (alert.ref, alert.signal_id, alert.symbol) == (
        f"{order.delivery}-E",
        order.signal.id,
        order.signal.symbol,
    )
    assert f"router parked show {order.delivery}" in alert.text
    assert alert.text.endswith("nobody knows")


def test_an_unknown_error_is_told_with_its_order() -> None:
    """One kind per code, whatever the order, so that a thousand orders make one alert."""
    alert = alerts.unknown_error(BrokerError(7, 99_999, "nobody knows this", "a-b-E", 0, "query"))
    assert (alert.kind, alert.ref, alert.details) == ("ib_error_unknown", "a-b-E", (("code", "99999"),))
    assert "99999" in alert.text
    assert "nobody knows this" in alert.text


def test_other_messages_alert_nobody_and_an_alert_is_its_own() -> None:
    """Only what is in SPEAKING can be or cause one."""
    assert caused_by(LinkState(LinkPhase.READY, "")) is None
    assert caused_by(bad()) == bad()
    assert {Alert, OrderParked} == alerts.SPEAKING


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"11\x00short\x00", "11"),
        (b"", "unknown"),
        (b"\xff\xfe", "unknown"),
        (b"12345\x00", "unknown"),
        (b"-1\x00", "unknown"),
    ],
)
def test_undecodable_messages_are_told_by_type_and_error(payload: bytes, kind: str) -> None:
    """The type is taken from the bytes only if it can be one: they are not to be trusted."""
    alert = alerts.undecodable(payload, ValueError("y" * 1_000))
    assert alert.details == (("message", kind), ("error", "ValueError"))
    assert len(alert.text) < 400


def test_what_the_others_say() -> None:
    """Doubts are counted and named, a journal says what is refused, and afterwards what is missing."""
    assert alerts.in_doubt(["a-1", "b-2"]).text.startswith("2 not known to IB")
    assert "a-1, b-2" in alerts.in_doubt(["a-1", "b-2"]).text
    twin = alerts.twins(order_event("a-b-E", perm_id=8, order_id=102), ours=True)
    foreign = alerts.twins(order_event("a-b-E", perm_id=8, client_id=9), ours=False)
    assert foreign.text.endswith("belongs to client 9: cancel it there")
    assert (twin.kind, twin.severity, twin.ref) == ("two_orders_one_ref", "critical", "a-b-E")
    assert "order 102 (permId 8)" in twin.text
    lost = alerts.journal_lost("no space")
    assert (lost.kind, lost.severity) == ("journal_full", "critical")
    assert "no new order is accepted" in lost.text
    assert "nothing is missing" in alerts.journal_back(0).text
    assert "3 records are missing" in alerts.journal_back(3).text


def test_the_first_at_once_then_together() -> None:
    """A summary carries the number and the last text; a quiet window forgets the kind, which is then told at once."""
    throttle = Throttle(10)
    assert throttle.take(bad(), 0) == bad()
    assert throttle.take(bad(text="y"), 1 * S) is None
    assert throttle.take(bad(text="z"), 2 * S) is None
    assert throttle.take(bad(what="2"), 3 * S) == bad(what="2")
    assert throttle.due(9 * S) == []
    (summary,) = throttle.due(10 * S)
    assert (summary.kind, summary.text) == ("a", "2 more in 10 s, the last: z")
    assert summary.details == (("what", "1"), ("more", "2"))
    assert throttle.take(bad(), 11 * S) is None
    assert [alert.text for alert in throttle.due(20 * S)] == ["1 more in 10 s, the last: x"]
    assert throttle.due(30 * S) == []
    assert throttle.take(bad(), 31 * S) == bad()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4 * S)), max_size=60))
def test_nothing_is_lost_and_no_kind_is_told_twice_in_a_window(steps: list[tuple[str, int]]) -> None:
    """Whatever comes when: the numbers told add up to what came, at most one alert per kind and second."""
    throttle, now, told = Throttle(1), 0, []
    for kind, wait in steps:
        now += wait
        told += [(alert, now) for alert in throttle.due(now)]
        alert = throttle.take(bad(kind), now)
        told += [(alert, now)] if alert else []
    told += [(alert, now + S) for alert in throttle.due(now + S)]
    for kind in "abc":
        mine = [(alert, at) for alert, at in told if alert.kind == kind]
        counted = sum(int(dict(alert.details).get("more", "1")) for alert, _ in mine)
        assert counted == sum(one == kind for one, _ in steps)
        assert all(later - earlier >= S for (_, earlier), (_, later) in pairwise(mine))
