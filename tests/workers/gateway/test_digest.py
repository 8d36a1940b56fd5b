"""What the journal comes to, and its checkpoint: reading on from one is as good as reading everything."""

from __future__ import annotations

from typing import get_args
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.ib_errors import Policy
from ipc.bus import Position
from router.messages import Message, OrderChange, OrderSent
from tests.router.factory import OPTION, leg, order_event, quote
from tests.workers.gateway.test_known import ONE, TWO, error, execution, intent, parked
from workers.gateway import digest as digest_module
from workers.gateway import known as known_module
from workers.gateway.digest import CHECK_SIZE, FORMAT, Checkpoint, Digest, State, Unusable, pack, unpack

AT = Position(1_700_000_000_000, 42)
THREE = "c-mfqwpfk0"
DELIVERIES = (ONE, TWO, THREE)


def about(delivery: str) -> list[Message]:
    """Everything that the trade topic may say of a delivery."""
    refs = (f"{delivery}-E", f"{delivery}-S1")
    decisions = [
        OrderChange("parked", delivery, "DU1", OPTION, (), how) for how in ("adopt", "drop", "resend")
    ]
    first_id = 100 * (DELIVERIES.index(delivery) + 1)
    return [
        intent(delivery, first_id),
        intent(delivery, first_id + 50),
        OrderSent(delivery, (first_id,)),
        parked(delivery),
        *decisions,
        *(order_event(ref, order_id=first_id) for ref in refs),
        *(execution(ref) for ref in refs),
        *(error(ref, policy) for ref in refs for policy in get_args(Policy)),
    ]


OTHERS: list[Message] = [
    OrderChange("place", "guard", "DU1", OPTION, (leg("guard:1", 900),), "unprotected"),
    order_event("manual", order_id=950),
    error(""),
    error("guard:1", "query"),
    quote(),
]
MESSAGES = st.lists(
    st.one_of(*(st.sampled_from(about(delivery)) for delivery in DELIVERIES), st.sampled_from(OTHERS)),
    max_size=40,
)


def digest(*messages: Message, state: State | None = None) -> Digest:
    """After these messages, on top of a state."""
    made = Digest(state)
    for message in messages:
        made.observe(message)
    return made


def decisions(made: Digest) -> list[object]:
    """Whatever a gateway decides from it once it is connected, also about an error that comes now."""
    for delivery in DELIVERIES:
        made.observe(error(f"{delivery}-E", "query"))
    made.known.new_connection()
    return [
        [made.known.verdict(delivery) for delivery in DELIVERIES],
        [made.known.intent_of(delivery) for delivery in DELIVERIES],
        made.known.doubts(),
        made.known.parked(),
        made.known.highest_order_id,
        made.doubts.conclude(9),
    ]


@given(MESSAGES, st.data())
def test_law_any_cut(messages: list[Message], data: st.DataObject) -> None:
    """Wherever a checkpoint was made: it and the rest of the journal come to what all of the journal comes to.

    Also where more was seen than is remembered: what is forgotten first is the same.
    """
    cut = data.draw(st.integers(0, len(messages)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_module, "KEEP", data.draw(st.integers(1, 4)))
        patch.setattr(digest_module, "KEEP_HEARD", data.draw(st.integers(1, 4)))
        kept = unpack(pack(AT, digest(*messages[:cut]).state()))
        assert kept.position == AT
        on_top, whole = digest(*messages[cut:], state=kept.state), digest(*messages)
        assert on_top.state() == whole.state()
        assert decisions(on_top) == decisions(whole)


@given(MESSAGES)
def test_law_the_same_answers(messages: list[Message]) -> None:
    """A process that begins with a state decides like one that has read the messages itself."""
    read = digest(*messages)
    assert decisions(Digest(unpack(pack(AT, read.state())).state)) == decisions(read)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("sent", [False, True])
def test_what_became_of_an_intent(sent: bool, released: bool) -> None:
    """Whether its last byte left decides what the recovery does; one that was to be sent again is in doubt again."""
    messages: list[Message] = [intent()]
    if sent:
        messages.append(OrderSent(ONE, (101,)))
    if released:
        messages.append(OrderChange("parked", ONE, "DU1", OPTION, (), "resend"))
    made = Digest(unpack(pack(AT, digest(*messages).state())).state)
    made.known.new_connection()
    assert made.known.verdict(ONE) == "in_doubt"
    assert [doubt.sent for doubt in made.known.doubts()] == [sent]


def test_a_state_is_not_changed_by_what_follows() -> None:
    """It is written while the gateway goes on."""
    made = digest(intent(), error(f"{TWO}-E", "query"))
    state = made.state()
    before = pack(AT, state)
    for message in (*about(ONE), *about(TWO)):
        made.observe(message)
    assert pack(AT, state) == before


def test_an_error_of_an_order_that_ib_has_told_of() -> None:
    """Is a doubt that is never concluded as `never taken`; of an order heard of only afterwards it would be settled."""
    assert digest(order_event(f"{ONE}-E"), error(f"{ONE}-E", "query")).doubts.conclude(9).never == []
    (never,) = digest(order_event(f"{ONE}-S1"), error(f"{ONE}-E", "query")).doubts.conclude(9).never
    assert never.ref == f"{ONE}-E"


def test_orders_heard_of_are_bounded_by_when_ib_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old order that IB goes on telling of is remembered, a newer one of which it is silent is not."""
    monkeypatch.setattr(digest_module, "KEEP_HEARD", 2)
    told = [order_event(f"{delivery}-E") for delivery in (ONE, TWO, ONE, THREE, ONE)]
    doubted = [error(f"{delivery}-E", "query") for delivery in (ONE, TWO, THREE)]
    (never,) = digest(*told, *doubted).doubts.conclude(9).never
    assert never.ref == f"{TWO}-E"


RAW = pack(AT, digest(*about(ONE), *about(TWO), intent(THREE), parked(THREE)).state())


@given(st.integers(0, len(RAW) - 1))
def test_truncated(size: int) -> None:
    """Never read in part."""
    with pytest.raises(Unusable):
        unpack(RAW[:size])


@given(st.integers(0, 8 * len(RAW) - 1))
def test_a_flipped_bit(bit: int) -> None:
    """Never believed, wherever it is."""
    raw = bytearray(RAW)
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unusable):
        unpack(bytes(raw))


def test_other_bytes_behind_it() -> None:
    """Nor is more than was written."""
    with pytest.raises(Unusable, match="checksum"):
        unpack(RAW + b"\x00")


def test_another_format() -> None:
    """Of another version of this file."""
    with pytest.raises(Unusable, match="another format"):
        unpack(RAW.replace(FORMAT, b"router checkpoint 2\n"))


def test_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade that judges differently what was read, it is read again."""
    monkeypatch.setattr(digest_module, "CODE", digest_module.CODE ^ 1)
    raw = pack(AT, Digest().state())
    monkeypatch.undo()
    with pytest.raises(Unusable, match="other code"):
        unpack(raw)


def test_whole_but_of_other_fields() -> None:
    """Its messages may have lost or gained fields since."""
    body = msgspec.msgpack.encode({"code": digest_module.CODE, "position": AT})
    raw = FORMAT + crc32(body).to_bytes(CHECK_SIZE) + body
    with pytest.raises(Unusable, match="does not decode"):
        unpack(raw)


def test_a_checkpoint_says_where_it_stands() -> None:
    """Position and state come back as they were."""
    state = digest(intent(), execution(f"{TWO}-E")).state()
    assert unpack(pack(AT, state)) == Checkpoint(digest_module.CODE, AT, state)
