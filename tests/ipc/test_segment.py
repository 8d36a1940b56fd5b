"""ipc.segment: whatever is done to the bytes, only records that were written come back, in their order."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from ipc.codec import MAX_FRAME
from ipc.segment import HEAD_SIZE, Record, pack, scan

# Bodies full of the bytes that records begin with, so that a search for them meets false ones.
BODIES = st.lists(
    st.binary(max_size=40) | st.sampled_from([b"\xce\xc6" * 9, pack(b"x")[:-1], b""]), max_size=12
)


def scanned(data: bytes, offset: int = 0, *, block: int = 64) -> list[Record]:
    """Every record of these bytes."""
    return list(scan(lambda at, size: data[at : at + size], offset, len(data), block=block))


def bodies(records: list[Record]) -> list[bytes]:
    """What the records hold."""
    return [record.body for record in records]


@given(BODIES, st.integers(1, 200))
def test_what_was_packed_is_scanned(written: list[bytes], block: int) -> None:
    """Records come back whole and adjacent, whatever the size of the blocks they are read in."""
    records = scanned(b"".join(map(pack, written)), block=block)
    assert bodies(records) == written
    assert all(record.skipped == 0 for record in records)
    assert [record.offset for record in records[1:]] == [record.end for record in records[:-1]]


@given(BODIES, st.data())
def test_truncation_loses_the_last_records_only(written: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere, exactly the records that are whole come back."""
    stream = b"".join(map(pack, written))
    cut = data.draw(st.integers(0, len(stream)))
    whole, size = 0, 0
    for body in written:
        size += len(pack(body))
        whole += size <= cut
    assert bodies(scanned(stream[:cut])) == written[:whole]


def is_subsequence(some: list[bytes], of: list[bytes]) -> bool:
    """Whether `some` is `of` with elements left out."""
    rest = iter(of)
    return all(body in rest for body in some)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), st.data())
def test_bit_flips_never_make_a_record(written: list[bytes], data: st.DataObject) -> None:
    """With any bits turned, what comes back was written, in order, and every untouched record is among it."""
    stream = bytearray(b"".join(map(pack, written)))
    bits = data.draw(st.sets(st.integers(0, len(stream) * 8 - 1), min_size=1, max_size=6))
    for bit in bits:
        stream[bit // 8] ^= 1 << bit % 8
    untouched, offset = [], 0
    for body in written:
        end = offset + HEAD_SIZE + len(body)
        if not any(offset <= bit // 8 < end for bit in bits):
            untouched.append(body)
        offset = end
    found = bodies(scanned(bytes(stream)))
    assert is_subsequence(found, written)
    assert is_subsequence(untouched, found)


@given(BODIES, st.data())
@example([b"a", b"b"], None)
def test_scan_may_begin_anywhere(written: list[bytes], data: st.DataObject | None) -> None:
    """From any offset, the records that begin there or later come back."""
    stream = b"".join(map(pack, written))
    begin = data.draw(st.integers(0, len(stream))) if data else 1
    expected, offset = [], 0
    for body in written:
        if offset >= begin:
            expected.append(body)
        offset += HEAD_SIZE + len(body)
    assert bodies(scanned(stream, begin))[-len(expected) :] == expected or not expected


def test_damage_is_measured() -> None:
    """The record after unreadable bytes says how many there were."""
    stream = pack(b"one") + b"\x00" * 5 + pack(b"two")
    assert [(record.body, record.skipped) for record in scanned(stream)] == [(b"one", 0), (b"two", 5)]


def test_length_beyond_a_frame_is_damage() -> None:
    """A length that no frame has is not believed, so garbage costs no memory."""
    record = bytearray(pack(b"one"))
    record[6:10] = (MAX_FRAME + 1).to_bytes(4, "big")
    assert scanned(bytes(record) + pack(b"two"))[0].body == b"two"


def test_file_shorter_than_said_ends_the_scan() -> None:
    """A segment cut off while it is read ends early, and nothing more."""
    stream = pack(b"one")
    found = list(scan(lambda at, size: stream[at : at + size], 0, len(stream) + 100))
    assert bodies(found) == [b"one"]


def test_segment_is_a_msgpack_stream() -> None:
    """Any msgpack tool reads a segment: a checksum, then the frame as binary."""
    assert msgspec.msgpack.decode(b"\x92" + pack(b"body"))[1] == b"body"
