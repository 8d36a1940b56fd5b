"""Which TWS client library is installed: the only module that names one.

ib_insync by default; its successor ib_async, with the same names, where it is installed (the extra `ib_async`).
The two cannot share an environment, as both bring a package called eventkit. It imports numpy, for operators that
nobody here uses: half of what a gateway's start would load, and one that was killed is waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any


class Deferred(ModuleType):
    """Stands for a module that is imported when something of it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


@contextmanager
def deferring(name: str) -> Iterator[None]:
    """What is imported inside has the module deferred; whoever imports it afterwards has the module itself."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = Deferred(name)
    try:
        yield
    finally:
        del sys.modules[name]


with deferring("numpy"):
    if TYPE_CHECKING or find_spec("ib_async") is None:
        from ib_insync import IB, Client, Contract, ExecutionFilter, Order, TagValue
        from ib_insync.connection import Connection
    else:
        from ib_async import IB, Client, Contract, ExecutionFilter, Order, TagValue
        from ib_async.connection import Connection

LIBRARY: str = Client.__module__.partition(".")[0]

__all__ = [
    "IB",
    "LIBRARY",
    "Client",
    "Connection",
    "Contract",
    "ExecutionFilter",
    "Order",
    "TagValue",
]
