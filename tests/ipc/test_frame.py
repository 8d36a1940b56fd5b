"""ipc.frame: what a frame says of itself."""

from __future__ import annotations

from ipc.codec import decode_raw_frame
from ipc.frame import BEGINNING, LIVE, Head, Position
from tests.ipc.helpers import frame_of, sent


def test_head_tells_where_it_leads() -> None:
    """The seq and tails after a frame follow from its head."""
    head: Head = decode_raw_frame(
        frame_of(sent(1), sent(2), seq=5, topic_seq=3, tails={"trade": 2, "link": 1})
    )
    assert head.last == 6
    assert head.tails_after == {"trade": 4, "link": 1}


def test_mark_leads_nowhere() -> None:
    """A frame without messages, as a journal's marks are, ends before its own seq and changes no tail."""
    head: Head = decode_raw_frame(frame_of(topic="", seq=5, tails={"trade": 4}))
    assert head.last == 4
    assert head.tails_after == {"trade": 4}


def test_named_positions_are_no_places_of_a_message() -> None:
    """The beginning is before every message, and live is no seq at all."""
    assert Position(0, 0) == BEGINNING
    assert LIVE.seq < BEGINNING.seq
