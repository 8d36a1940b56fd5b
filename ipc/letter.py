"""A command or reply as one message part: its id and its payload.

libzmq counts on the parts of a message being read without a break. Between two parts it may have to let go of another
peer's pipe, after which it reads on in the wrong one and aborts the process: `Assertion failed: !_more (src/fq.cpp:80)`.
A peer that is killed at that moment is enough. A message of one part cannot be interrupted.
"""

from __future__ import annotations

LENGTH = 4  # bytes of the id's length, big endian


def seal(name: bytes, payload: bytes) -> bytes:
    """One part of both."""
    return len(name).to_bytes(LENGTH, "big") + name + payload


def unseal(letter: bytes) -> tuple[bytes, bytes]:
    """Id and payload. Raises ValueError for bytes that are too short to be a letter."""
    end = LENGTH + int.from_bytes(letter[:LENGTH], "big")
    if not LENGTH <= end <= len(letter):
        raise ValueError(f"{len(letter)} bytes are no letter")
    return letter[LENGTH:end], letter[end:]
