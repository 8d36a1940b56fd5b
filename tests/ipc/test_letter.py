"""Id and payload in one message part, as libzmq cannot interrupt it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.letter import seal, unseal
from tests.helpers import PROJECT


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_what_is_sealed_is_unsealed(name: bytes, payload: bytes) -> None:
    """Whatever bytes they are made of."""
    assert unseal(seal(name, payload)) == (name, payload)


@pytest.mark.parametrize("letter", [b"", b"one", b"\0\0\0", b"\0\0\0\x05abcd", b"\xff\xff\xff\xff"])
def test_what_is_no_letter_is_refused(letter: bytes) -> None:
    """It ends before its id does."""
    with pytest.raises(ValueError, match="are no letter"):
        unseal(letter)


def test_nothing_on_the_bus_has_two_parts() -> None:
    """But for the identity that a ROUTER puts before a message, which libzmq itself keeps apart."""
    used = [
        (path.name, call)
        for path in sorted((PROJECT / "ipc").glob("*.py"))
        for call in re.findall(r"(?:send|recv)_multipart\(.*\)", path.read_text())
    ]
    assert used == [
        ("responder.py", "recv_multipart(zmq.NOBLOCK))"),
        ("responder.py", "send_multipart([asker, seal(wire_id, payload)], zmq.NOBLOCK)"),
    ]
