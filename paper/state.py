"""What a Gateway still knows after it was killed: orders, executions, positions and each client's next id.

A file of JSON lines in the manner of the ledger: each line is a value as it stands from then on, the last one of a
key counts. Staged orders, subscriptions and prices are not kept: a real Gateway loses the first two as well.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from paper.account import Account, Position
from paper.book import Book
from paper.ledger import FileLedger, Ledger, NoLedger, read
from paper.orders import Event, Executed, Execution, Order, OrderKey, PositionChanged

_MONEY = ("starting_cash", "cash", "realized", "realized_before", "day_start")


class State:
    """Follows a book and an account into a file, and puts them back from it."""

    def __init__(self, path: Path | None, book: Book, account: Account) -> None:
        self._book = book
        self._account = account
        if path is not None and path.exists():
            for record in read(path):
                self._restore(record)
        self._file: Ledger = NoLedger() if path is None else FileLedger(path)

    def follow(self, events: list[Event]) -> None:
        """Keep what events changed, as the book and the account have it now."""
        keys: dict[OrderKey, None] = {}
        for event in events:
            match event:
                case Executed(execution):
                    self._file.append("execution", value=execution)
                case PositionChanged():
                    self._file.append("account", value=vars(self._account))
                case _ if isinstance(order := getattr(event, "order", None), Order):
                    keys[order.key] = None
        for key in keys:
            if key in self._book.orders:
                self._file.append("order", value=self._book.orders[key])

    def commit(self) -> None:
        """Make it durable. Raises OSError when the disk refuses."""
        self._file.commit()

    def close(self) -> None:
        """Commit and let go of the file."""
        self._file.close()

    def _restore(self, record: dict[str, Any]) -> None:
        value = record["value"]
        match record["kind"]:
            case "order":
                order = msgspec.convert(value, Order)
                self._book.put(order)
                self._book.use_id(*order.key)
            case "execution":
                self._book.executions.append(msgspec.convert(value, Execution))
            case _:
                positions = msgspec.convert(value["positions"], dict[int, Position], strict=False)
                self._account.positions = positions
                for name in _MONEY:
                    setattr(self._account, name, Decimal(value[name]))
