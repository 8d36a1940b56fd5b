"""Orders of other clients: what of IB's answer is news, and which of them have ended without a word."""

from __future__ import annotations

from msgspec.structs import replace

from router.foreign import ended, repeats
from tests.router.factory import order_event

KNOWN = order_event()


def test_what_is_only_repeated_is_no_news() -> None:
    """The same in every term, told again; anything else is, and so is what IB says unasked."""
    again = replace(KNOWN, replayed=True, received_ns=9, origin="status")
    assert repeats(again, KNOWN)
    assert not repeats(again, None)
    assert not repeats(replace(again, filled=3.0), KNOWN)
    assert not repeats(replace(again, replayed=False), KNOWN)


def test_what_is_listed_no_longer_has_ended() -> None:
    """Of other clients' orders; our own ends are told to us."""
    theirs, listed = order_event("by hand", perm_id=2, client_id=0), order_event("", perm_id=3, client_id=9)
    [gone] = ended([KNOWN, theirs, listed], [3], client_id=1, now_ns=7)
    assert (gone.perm_id, gone.status, gone.remaining, gone.received_ns) == (2, "Cancelled", 0.0, 7)
    assert (gone.replayed, gone.reason) == (True, "no longer listed by IB")
