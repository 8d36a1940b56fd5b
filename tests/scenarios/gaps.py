"""How long positions were not protected as they were held, by the gateway's journal and its own clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ipc.bus import Envelope
from router.exposure import Exposure, Key, Place
from router.messages import ExecutionFill, LinkState, OrderLifecycleEvent, PositionSnapshot
from router.protection import STOPS, closers_of, judge
from router.quantity import EPSILON


class Gap(NamedTuple):
    """From the message after which stops and position differed to the one after which they did not."""

    strike: float
    bare: bool  # whether there was too little at any moment of it, not only too much
    seconds: float


def gaps(envelopes: Iterable[Envelope]) -> list[Gap]:
    """Every gap of a journal, in the order of their ends. While the connection is gone nobody can do anything."""
    exposure, found = Exposure(), []
    since: dict[Key, tuple[int, bool]] = {}
    for envelope in envelopes:
        message, now_ns = envelope.message, envelope.at_ns
        if not isinstance(message, LinkState | OrderLifecycleEvent | ExecutionFill | PositionSnapshot):
            continue
        exposure.observe(message, now_ns)
        if not exposure.ready:
            since.clear()
            continue
        for place in exposure.places():
            key = (place.account, place.contract.con_id)
            closers = closers_of(place.quantity, place.orders.values(), client_id=exposure.client_id)
            if judge(place.quantity, closers).needed:
                begun_ns, bare = since.get(key, (now_ns, False))
                since[key] = (begun_ns, bare or _is_bare(place))
            elif key in since:
                begun_ns, bare = since.pop(key)
                found.append(Gap(place.contract.strike, bare, (now_ns - begun_ns) / 1e9))
    return found


def _is_bare(place: Place) -> bool:
    stopped = sum(event.remaining for event in place.orders.values() if event.order_type in STOPS)
    return stopped < abs(place.quantity) - EPSILON
