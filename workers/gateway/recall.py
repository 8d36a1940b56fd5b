"""Reading the journal back, and the file that makes it short: a checkpoint of what was read.

The journal is the authority and the file a mere cache of it, `trade.checkpoint` beside the segments. It is made by reading
the journal like at a start, never of what the process believes: it covers nothing that is not on the disk, and where
anything is odd about it, it is ignored and everything is read.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from ipc.bus import BEGINNING, Journal
from workers.gateway.digest import Checkpoint, Digest, Unusable, pack, unpack

NAME = "trade.checkpoint"
EVERY = 5_000  # messages of the journal that a checkpoint may be behind before the next one is made
LOOK_S = 1.0  # between two looks how far it is behind
SLICE_S = 0.002  # of reading at a time, while the gateway works
PAUSE_S = 0.05  # between two slices
DRAIN_S = 1.0  # of reading for the last checkpoint: below runner.DRAIN_S

log = structlog.get_logger()


class Recall:
    """What the journal says of the trade topic, up to `position`.

    Construction reads it to its end: all of it, or what follows the checkpoint.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._path = journal.directory / NAME
        self._refused = ""  # why the disk did not take the last checkpoint
        self.digest = Digest()
        self.position = BEGINNING
        self.read = 0  # trade messages
        began = time.monotonic()
        self._begin()
        self._covered = covered = self.position.seq
        for _ in self._slices():
            pass
        seconds = round(time.monotonic() - began, 3)
        log.info("journal read back", after=covered, trade_messages=self.read, seconds=seconds)
        if self.behind >= EVERY:
            self.save()

    @property
    def behind(self) -> int:
        """Messages of the journal after those that the checkpoint covers."""
        return self._journal.seq - self._covered

    async def run(self) -> None:
        """Keep the checkpoint near the journal's end, a little at a time."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.behind < EVERY:
                continue
            try:
                for _ in self._slices():
                    await asyncio.sleep(PAUSE_S)
            except OSError as error:
                log.warning("journal not read on", problem=str(error))
            self.save()

    def close(self) -> None:
        """A last checkpoint, as far as reading comes in its time."""
        deadline = time.monotonic() + DRAIN_S
        try:
            for _ in self._slices():
                if time.monotonic() > deadline:
                    break
        except OSError as error:
            log.warning("journal not read on", problem=str(error))
        self.save()

    def save(self) -> None:
        """Write what was read, unless the file says so already. Never raises: a start without it only takes longer."""
        if self.position.seq == self._covered:
            return
        problem = _write(self._path, pack(self.position, self.digest.state()))
        if problem:
            if problem != self._refused:
                log.warning("checkpoint not written", problem=problem)
        else:
            self._covered = self.position.seq
        self._refused = problem

    def _begin(self) -> None:
        """From the checkpoint, if there is one and the journal is the one that it was made of."""
        try:
            checkpoint = unpack(self._path.read_bytes())
            self._check(checkpoint)
        except FileNotFoundError:
            return
        except (OSError, Unusable) as error:
            log.warning("checkpoint ignored", file=str(self._path), reason=str(error))
            return
        self.digest = Digest(checkpoint.state)
        self.position = checkpoint.position

    def _check(self, checkpoint: Checkpoint) -> None:
        """The journal must have the record that was read last: one that lost its end may have given out `seq` anew."""
        epoch, seq = checkpoint.position
        last = next(self._journal.steps(after=seq - 1), None)
        if last is None or last.position != checkpoint.position:
            raise Unusable(f"the journal has no record of epoch {epoch} that ends with seq {seq}")

    def _slices(self) -> Iterator[None]:
        """Read on to what is the end now; yields after each slice."""
        began = time.monotonic()
        for position, envelopes in self._journal.steps(after=self.position.seq, topic="trade"):
            for envelope in envelopes:
                self.digest.observe(envelope.message)
            self.read += len(envelopes)
            self.position = position
            if time.monotonic() - began > SLICE_S:
                yield
                began = time.monotonic()


def _write(path: Path, data: bytes) -> str:
    """Replace the file in one step; returns what the system has against it. Without fsync: the checksum tells."""
    fresh = path.with_suffix(path.suffix + ".new")
    try:
        with open(fresh, "wb", opener=_private) as file:
            file.write(data)
        fresh.replace(path)
    except OSError as error:
        try:
            fresh.unlink(missing_ok=True)  # half of it only takes room
        except OSError:
            pass  # the next one writes over it
        return str(error)
    return ""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
