"""Who hears which message: each observer has a table of the types it learns from, and all of them make one. Pure.

A storm brings a hundred thousand messages a second, and most of them say nothing to most observers: to ask each
observer about each message costs more than all that they learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.messages import Message

Hear = Callable[[Any], object]  # takes what its key in the table says
Hears = Mapping[type[Message], Hear]


def together(*observers: Hears) -> Mapping[type[Message], tuple[Hear, ...]]:
    """For each type those who learn from it, in the order of the observers."""
    kinds = {kind for hears in observers for kind in hears}
    return {kind: tuple(hears[kind] for hears in observers if kind in hears) for kind in kinds}


def tell(hears: Hears, message: Message) -> None:
    """One message to one observer, who need not have a use for it."""
    hear = hears.get(type(message))
    if hear is not None:
        hear(message)
