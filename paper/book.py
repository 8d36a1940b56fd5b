"""The orders of the day, those still staged, and the ids TWS hands out. No decisions, only places."""

from collections.abc import Iterator
from datetime import date, datetime

from paper.hours import NEW_YORK
from paper.orders import Execution, Order, OrderKey, OrderTerms


class Ids:
    """permIds and execution ids: distinct over restarts because they start from the second of the start."""

    def __init__(self, start: datetime) -> None:
        second = int(start.timestamp())
        self._perm_id = second % 1_000_000 * 1000
        self._session = second & 0xFFFFFFFF
        self._executions = 0

    def continue_after(self, book: "Book") -> None:
        """Stay above what a book has from an earlier start, which may have been in this same second."""
        self._perm_id = max([self._perm_id, *(order.perm_id for order in book.orders.values())])
        sessions = (int(one.exec_id.split(".", 1)[0], 16) + 1 for one in book.executions)
        self._session = max(self._session, *sessions, 0)

    def perm_id(self) -> int:
        """The next permId."""
        self._perm_id += 1
        return self._perm_id

    def exec_id(self) -> str:
        """The next execution id, in the shape TWS gives: four segments, the last one the revision."""
        self._executions += 1
        return f"{self._session:08x}.{self._executions:08x}.01.01"


class Book:
    """Orders by (client id, order id), in the order they came."""

    def __init__(self) -> None:
        self.orders: dict[OrderKey, Order] = {}
        self.live: dict[OrderKey, None] = {}  # keys of live orders, an ordered set
        self.staged: dict[OrderKey, OrderTerms] = {}
        self.executions: list[Execution] = []
        self.closed_groups: set[str] = set()  # OCA groups that have done what they were for
        self._next_ids: dict[int, int] = {}
        self._manual_id = 0

    def next_id(self, client_id: int) -> int:
        """The lowest order id that client may use."""
        return self._next_ids.get(client_id, 1)

    def use_id(self, client_id: int, order_id: int) -> None:
        """Remember that an id was used."""
        self._next_ids[client_id] = max(self.next_id(client_id), order_id + 1)

    def roll_back(self, client_id: int, by: int) -> None:
        """Take back the last `by` ids of a client, as a restarted Gateway was seen to do."""
        self._next_ids[client_id] = max(self.next_id(client_id) - by, 1)

    def set_next_id(self, client_id: int, order_id: int) -> None:
        """Say which id a client is to use next."""
        self._next_ids[client_id] = order_id

    def manual_id(self) -> int:
        """The next id of an order made by hand: -1, -2 and so on."""
        self._manual_id -= 1
        return self._manual_id

    def any_with_id(self, order_id: int) -> Order | None:
        """A live order with that id, whoever's it is."""
        return next((order for order in self.live_orders() if order.order_id == order_id), None)

    def forget_before(self, day: date) -> None:
        """Keep only the executions and ended orders of `day` and later, New York's days."""
        self.executions = [one for one in self.executions if _day(one.time) >= day]
        self.orders = {
            key: order
            for key, order in self.orders.items()
            if order.completed_at is None or _day(order.completed_at) >= day
        }

    def put(self, order: Order) -> None:
        """Keep an order as it now stands."""
        self.orders[order.key] = order
        self._manual_id = min(self._manual_id, order.order_id)
        if order.is_live:
            self.live[order.key] = None
        else:
            self.live.pop(order.key, None)

    def live_orders(self) -> list[Order]:
        """Every live order, oldest first."""
        return [self.orders[key] for key in self.live]

    def each_live(self) -> Iterator[Order]:
        """Every order that is live when its turn comes, as it stands then, oldest first."""
        for key in list(self.live):
            if key in self.live:
                yield self.orders[key]

    def children(self, parent: OrderKey) -> list[Order]:
        """Live orders attached to a parent."""
        return [order for order in self.live_orders() if order.parent_key == parent]

    def parent_of(self, order: Order) -> Order | None:
        """The order's parent, if it is known."""
        return self.orders.get(order.parent_key) if order.parent_key else None

    def oca_partners(self, order: Order) -> list[Order]:
        """Live orders that a fill of this one cancels or reduces: its OCA group, else its siblings in the bracket."""
        group, parent = order.terms.oca_group, order.parent_key
        return [
            other
            for other in self.live_orders()
            if other.key != order.key
            and (
                other.terms.oca_group == group
                if group
                else parent is not None and other.parent_key == parent and not other.terms.oca_group
            )
        ]

    def staged_family(self, client_id: int, order_id: int) -> Iterator[tuple[int, OrderTerms]]:
        """Take out what an order's release releases with it: its staged parent and the parent's staged children."""
        key = (client_id, order_id)
        parent_id = self.staged[key].parent_id
        for other, terms in sorted(self.staged.items()):
            related = other[1] == parent_id or (parent_id and terms.parent_id == parent_id)
            if other[0] == client_id and (other == key or related):
                del self.staged[other]
                yield other[1], terms


def _day(moment: datetime) -> date:
    return moment.astimezone(NEW_YORK).date()
