"""ipc.batch: in order, decoded at the first look, once; what does not decode is kept aside and left out."""

from __future__ import annotations

import msgspec
import pytest

from ipc.batch import Batch
from ipc.codec import read_frame
from ipc.follower import Delivery
from ipc.frame import Envelope
from ipc.quarantine import Quarantine
from tests.ipc.helpers import frame_of, link, sent

STRANGER = ["Stranger", 1]


def delivery(*messages: object, seq: int = 1, topic: str = "trade", skip: int = 0) -> Delivery:
    """A frame as a follower hands it on."""
    return read_frame(frame_of(*messages, seq=seq, topic=topic)), skip, False  # type: ignore[arg-type]  # strangers


@pytest.fixture
def quarantine() -> Quarantine:
    """One that only counts."""
    return Quarantine()


def test_empty_batch_is_false(quarantine: Quarantine) -> None:
    """Nothing came: nobody is called."""
    batch = Batch(quarantine)
    batch.add("gateway", [])
    assert not batch
    assert (batch.counted, len(batch), list(batch)) == (0, 0, [])


def test_envelopes_of_all_frames_in_order(quarantine: Quarantine) -> None:
    """Publisher by publisher and frame by frame, each with its own numbers, without what was delivered before."""
    batch = Batch(quarantine)
    batch.add("gateway", [delivery(sent(1), sent(2), skip=1), delivery(link(3), seq=3, topic="link")])
    batch.add("other", [delivery(sent(9), seq=9)])
    assert batch
    assert batch.counted == len(batch) == 3
    assert [(one.publisher, one.seq, one.message) for one in batch] == [
        ("gateway", 2, sent(2)), ("gateway", 3, link(3)), ("other", 9, sent(9)),
    ]  # fmt: skip
    assert batch[-1].publisher == "other"
    assert [one.seq for one in batch[:2]] == [2, 3]


def test_not_decoded_before_the_first_look_and_only_once(quarantine: Quarantine) -> None:
    """Counting needs no message; looking twice gives the same envelopes and puts nothing aside twice."""
    batch = Batch(quarantine)
    batch.add("gateway", [delivery(sent(1), STRANGER, sent(3))])
    assert (batch.counted, quarantine.count) == (3, 0)
    first: list[Envelope] = list(batch)
    assert [one.seq for one in first] == [1, 3]
    assert all(one is other for one, other in zip(first, batch, strict=True))
    assert quarantine.count == 1


def test_what_does_not_decode_is_named_by_publisher_and_topic(caplog: pytest.LogCaptureFixture) -> None:
    """The quarantine hears where it came from, and gets the very bytes."""
    quarantine = Quarantine()
    batch = Batch(quarantine)
    batch.add("gateway", [delivery(STRANGER, topic="link")])
    assert batch
    assert len(batch) == 0
    size = len(msgspec.msgpack.encode(STRANGER))
    assert "from gateway.link" in caplog.text
    assert f"({size} bytes)" in caplog.text
