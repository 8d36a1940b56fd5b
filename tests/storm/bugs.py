"""Known bugs to plant in a process: a storm that does not catch them proves nothing.

`python -m tests.storm.bugs BUG ROLE` is `python -m workers ROLE` with that bug.
"""

from __future__ import annotations

import sys
from typing import Any

BUGS = ("skip_lookup", "order_id_in_ref", "ack_before_durable")


def plant(name: str) -> None:
    """Break this process in one way. Raises KeyError for a bug that nobody knows."""
    {
        "skip_lookup": _skip_lookup,
        "order_id_in_ref": _order_id_in_ref,
        "ack_before_durable": _ack_before_durable,
    }[name]()


def _skip_lookup() -> None:
    """The gateway sends whatever it is asked to, known or not."""
    from workers.gateway.known import Known

    Known.verdict = lambda self, delivery: "unknown"  # type: ignore[method-assign]  # that is the bug


def _order_id_in_ref() -> None:
    """The orderRef carries the order's id, so that no lookup by it can find the order again."""
    from workers.gateway.known import Known
    from workers.gateway.link import Link

    ours = Link.place

    def place(self: Link, spec: Any, orders: Any) -> None:
        for order in orders:
            order.orderRef = f"{order.orderRef}#{order.orderId}"
        ours(self, spec, orders)

    Link.place = place  # type: ignore[method-assign]  # that is the bug
    verdict = Known.verdict

    def blind(self: Any, delivery: str) -> Any:
        found = verdict(self, delivery)
        return "unknown" if found == "in_doubt" else found

    Known.verdict = blind  # type: ignore[method-assign]  # without it the doubt is parked


def _ack_before_durable() -> None:
    """The signal is settled when it is taken, before anything is known of its end."""
    from workers.store.intake import Intake
    from workers.store.keys import TAKEN

    ours = Intake.collect

    def collect(self: Intake) -> list[Any]:
        found = ours(self)
        for taken in found:
            self._client.call("HDEL", TAKEN, taken.ticket.entry)
        return list(found)

    Intake.collect = collect  # type: ignore[method-assign]  # that is the bug


if __name__ == "__main__":
    plant(sys.argv[1])
    from workers.__main__ import main

    sys.exit(main(sys.argv[2:]))
