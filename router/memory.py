"""What dispatch must not forget: the changes of `router.book`, stored in the same script as what they told."""

from __future__ import annotations

from typing import NamedTuple

from router.delivery import Delivery
from router.holding import Holding
from router.messages import CommissionReport


class DeliveryChanged(NamedTuple):
    """A delivery before (None: new) and after."""

    before: Delivery | None
    after: Delivery


class DeliveryForgotten(NamedTuple):
    """Long over."""

    name: str


class HoldingChanged(NamedTuple):
    """A position, as it is now."""

    holding: Holding


class HoldingForgotten(NamedTuple):
    """A position that is flat and closed long ago."""

    position_id: str


class Seen(NamedTuple):
    """An execution or its commission report came for the first time."""

    member: str
    at_ms: int


class SeenForgotten(NamedTuple):
    """Executions older than this are repeated no more."""

    before_ms: int


class OrphanKept(NamedTuple):
    """A commission report whose execution has not come."""

    report: CommissionReport


class OrphanJoined(NamedTuple):
    """Its execution came, or will not come any more."""

    exec_id: str


Memory = (
    DeliveryChanged
    | DeliveryForgotten
    | HoldingChanged
    | HoldingForgotten
    | Seen
    | SeenForgotten
    | OrphanKept
    | OrphanJoined
)
