"""Which TWS client library is installed: the only module that names one.

ib_insync by default; its successor ib_async, with the same names, where it is installed (the extra `ib_async`).
The two cannot share an environment, as both bring a package called eventkit.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

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
