"""What one `receive` of a subscriber brought: checked and in order, decoded when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import overload

from ipc.codec import Undecodable, envelopes
from ipc.follower import Delivery
from ipc.frame import Envelope
from ipc.quarantine import Quarantine


class Batch(Sequence[Envelope]):
    """Envelopes in order. True when a frame came.

    That nothing is missing, doubled or out of order is known from the frames' heads. Their messages are decoded at
    the first look at any of them, once; what does not decode is left out, and kept in the quarantine.
    """

    __slots__ = ("_decoded", "_deliveries", "_quarantine")

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine
        self._deliveries: list[tuple[str, Sequence[Delivery]]] = []  # by publisher
        self._decoded: list[Envelope] | None = None

    def add(self, publisher: str, deliveries: Sequence[Delivery]) -> None:
        """These come next. Not after somebody has looked."""
        if deliveries:
            self._deliveries.append((publisher, deliveries))

    @property
    def counted(self) -> int:
        """Messages as the frames count them, those included that will turn out not to decode."""
        return sum(frame.count - skip for _, some in self._deliveries for frame, skip, _ in some)

    def __bool__(self) -> bool:
        return bool(self._deliveries)

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Envelope]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Envelope: ...
    @overload
    def __getitem__(self, index: slice) -> list[Envelope]: ...
    def __getitem__(self, index: int | slice) -> Envelope | list[Envelope]:
        return self._all()[index]

    def _all(self) -> list[Envelope]:
        if self._decoded is None:
            self._decoded = []
            for publisher, deliveries in self._deliveries:
                for frame, skip, snapshot in deliveries:
                    keep = partial(self._keep, f"{publisher}.{frame.topic}")
                    self._decoded += envelopes(publisher, frame, skip=skip, snapshot=snapshot, aside=keep)
        return self._decoded

    def _keep(self, source: str, bad: Undecodable) -> None:
        self._quarantine.keep(source, bad.problem, bad.raw)
