"""ipc.recovery: a journal torn anywhere goes on after its last intact record, and nothing is thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc import recovery
from ipc.codec import encode
from ipc.frame import START_MARK, Frame
from ipc.recovery import recover
from ipc.segment import pack
from tests.ipc.helpers import fill, frame_of, sent
from tests.ipc.test_appender import file_size_limit


def segment(directory: Path, first: int, content: bytes) -> Path:
    """A segment file of this content."""
    path = directory / f"{first:020d}.journal"
    path.write_bytes(content)
    return path


def records(count: int) -> list[bytes]:
    """Records with the messages 1 to `count`."""
    return [pack(frame_of(sent(number), seq=number)) for number in range(1, count + 1)]


def test_nothing_is_the_beginning(tmp_path: Path) -> None:
    """A new journal stands before its first message."""
    assert recover([]) == (0, 0, {}, None)


def test_stands_after_the_last_record(tmp_path: Path) -> None:
    """seq and tails are those after the last record, of the last segment."""
    first = segment(tmp_path, 1, b"".join(records(2)))
    second = segment(tmp_path, 3, records(3)[2])
    assert recover([first, second]) == (1, 3, {"trade": 3}, second)


def test_a_mark_tells_where_it_stands(tmp_path: Path) -> None:
    """A journal of nothing but a start mark has its epoch, and no messages."""
    mark = pack(encode(Frame(START_MARK, 5, 11, 0, 0, 0, 0, {"trade": 4})))
    path = segment(tmp_path, 11, mark)
    assert recover([path]) == (5, 10, {"trade": 4}, path)


def test_a_large_last_record_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One larger than what is looked at first, and with a torn one as large behind it."""
    monkeypatch.setattr(recovery, "NEAR", 1 << 12)
    large = pack(frame_of(*map(fill, range(256)), seq=2))
    assert len(large) > recovery.NEAR
    path = segment(tmp_path, 1, records(1)[0] + large)
    assert recover([path]).seq == 257
    with path.open("ab") as file:
        file.write(large[:-1])
    assert recover([path]).seq == 257
    assert path.read_bytes() == records(1)[0] + large


@given(data=st.data())
def test_torn_anywhere_it_keeps_the_whole_records(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut at any byte: the whole records stay, the rest is moved aside, byte for byte."""
    directory = tmp_path_factory.mktemp("j")
    stream = b"".join(records(3))
    cut = data.draw(st.integers(len(records(1)[0]), len(stream)))
    path = segment(directory, 1, stream[:cut])
    found = recover([path])
    whole = b"".join(records(found.seq))
    assert path.read_bytes() == whole == stream[: len(whole)]
    aside = path.with_name(path.name + ".torn")
    assert (aside.read_bytes() if aside.exists() else b"") == stream[len(whole) : cut]


@pytest.mark.parametrize("room", [0, 3])
def test_without_room_for_what_is_cut_off_it_goes_on_all_the_same(tmp_path: Path, room: int) -> None:
    """As much as the disk takes is moved aside; the rest is let go rather than keep the process down."""
    whole, torn = b"".join(records(2)), records(3)[2][:-1]
    path = segment(tmp_path, 1, whole + torn)
    with file_size_limit(room):
        assert recover([path]) == (1, 2, {"trade": 2}, path)
    assert path.read_bytes() == whole
    assert path.with_name(path.name + ".torn").read_bytes() == torn[:room]


def test_trouble_of_another_kind_with_what_is_cut_off_is_an_error(tmp_path: Path) -> None:
    """A directory in its place is no full disk: nothing is cut off that is not kept."""
    path = segment(tmp_path, 1, records(1)[0] + b"torn")
    path.with_name(path.name + ".torn").mkdir()
    with pytest.raises(IsADirectoryError):
        recover([path])
    assert path.read_bytes().endswith(b"torn")


def test_segment_without_records_is_set_aside(tmp_path: Path) -> None:
    """A segment of garbage is kept under another name, and its first seq is not used again."""
    first = segment(tmp_path, 1, b"".join(records(2)))
    second = segment(tmp_path, 8, b"\x00" * 100)
    assert recover([first, second]) == (1, 7, {"trade": 2}, first)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [first.name, second.name + ".damaged"]


def test_only_garbage_still_does_not_reuse_numbers(tmp_path: Path) -> None:
    """Even with no intact record at all, messages get numbers that no earlier one had."""
    assert recover([segment(tmp_path, 8, b"garbage")]) == (0, 7, {}, None)


def test_reads_only_the_end_of_a_long_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last record is found from the end, in the midst of whatever it begins in."""
    path = segment(tmp_path, 1, b"".join(records(3)))
    monkeypatch.setattr(recovery, "TAIL", len(records(3)[2]) + 7)
    assert recover([path]) == (1, 3, {"trade": 3}, path)


def test_garbage_at_the_end_longer_than_its_look(tmp_path: Path) -> None:
    """When the end holds no record, the whole segment is searched."""
    path = segment(tmp_path, 1, records(1)[0] + b"\x00" * (recovery.TAIL + 1))
    assert recover([path]) == (1, 1, {"trade": 1}, path)


def test_intact_record_of_another_program_is_not_a_message(tmp_path: Path) -> None:
    """A record with a right checksum that is no frame of ours is passed over, and cut off only at the end."""
    path = segment(tmp_path, 1, records(1)[0] + pack(b"\xc1foreign"))
    assert recover([path]).seq == 1
    assert path.with_name(path.name + ".torn").read_bytes() == pack(b"\xc1foreign")
