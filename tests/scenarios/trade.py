"""One signal on the stack: sent as the platform sends it, and everything told of it afterwards."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

from router.contract import fingerprint
from router.messages import OrderLifecycleEvent
from router.signal import base36
from tests.scenarios.stack import SECONDS, Stack
from workers.cli.demo import demo_signal, session
from workers.store.producer import push

LIMIT = {
    "strategy": "0dte",
    "ahead": 0,
}  # the platform enters 0DTE at the middle, 1DTE at market (contract 6)
MARKET = {"strategy": "1dte", "ahead": 1}
_numbers = itertools.count(1)


class Trade:
    """A long call at 2.48 to 2.52, seven of them for the platform's own example numbers, in a contract of its own."""

    def __init__(
        self,
        stack: Stack,
        *,
        how: dict[str, Any] = MARKET,
        targets: tuple[float, ...] = (),
        size: int = 100,
        strike: int | None = None,
    ) -> None:
        now = datetime.now(UTC)
        self.stack = stack
        self.strike = next(stack.strikes) if strike is None else strike
        expiry = f"{session(now, ahead=how['ahead']):%Y%m%d}"
        self.option = f"SPY   {expiry[2:]}C{self.strike * 1000:08d}"
        document: dict[str, Any] = demo_signal(now, next(_numbers))
        contract = document["contract"] | {"strike": float(self.strike), "expiry": expiry}
        document |= {
            "contract": contract,
            "contract_fp": fingerprint(contract, symbol="SPY", strategy=how["strategy"], side="LONG"),
            "strategy": how["strategy"],
        }
        if targets:
            document["targets"] = list(targets)
        self.id: str = document["id"]
        self.delivery = f"{self.id}-{base36(document['ts'])}"
        self._document = document
        self.quote(2.48, 2.52, size)

    # ------------------------------------------------------------ hands

    def quote(self, bid: float, ask: float, size: int = 100) -> None:
        """Put the option's market."""
        self.stack.do(f'quote "{self.option}" {bid} {ask} last {bid} size {size}')

    def send(self) -> Trade:
        """Push it to the platform's list."""
        push(self.stack.redis, "SPY", json.dumps(self._document).encode())
        self.stack.sent.append(self.id)
        return self

    def by_hand(self, action: str, quantity: int) -> None:
        """A market order in this option, made in TWS itself."""
        self.stack.do(f'manual {action} {quantity} "{self.option}"')

    # ------------------------------------------------------------ what is told

    def ack(self) -> dict[str, Any]:
        """Its ack, once it is there."""
        self.stack.await_true(lambda: self.stack.ack(self.id), f"the ack of {self.id}", SECONDS)
        ack = self.stack.ack(self.id)
        assert ack is not None
        return ack

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the platform was told of it, of one kind."""
        return [one for one in self.stack.told() if one["id"] == self.id and one["action_type"] == kind]

    def event(self, kind: str, number: int = 1) -> dict[str, Any]:
        """The n-th of these, once it is there."""
        self.stack.await_true(
            lambda: len(self.events(kind)) >= number, f"{kind} {number} of {self.id}", SECONDS
        )
        return self.events(kind)[number - 1]

    # ------------------------------------------------------------ what is

    def live(self) -> dict[str, OrderLifecycleEvent]:
        """Its live orders by leg, the guard's for it included."""
        found = [event for event in self.stack.live() if event.ref.startswith(f"{self.delivery}-")]
        return {event.ref.removeprefix(f"{self.delivery}-"): event for event in found}

    def orders(self) -> dict[str, str]:
        """Leg -> type and remaining quantity of its live orders."""
        return {leg: f"{event.order_type} {event.remaining:g}" for leg, event in self.live().items()}

    def await_orders(self, **wanted: str) -> None:
        """Wait until exactly these work."""
        self.stack.await_true(
            lambda: self.orders() == wanted, f"{wanted} of {self.id}, not {self.orders()}", SECONDS
        )

    def await_protected(self) -> None:
        """Wait until the stops are what is held, of everything."""
        self.stack.await_true(self.stack.is_protected, "protected as held", SECONDS)

    def executed(self) -> list[tuple[str, float, float]]:
        """Leg (empty for somebody else's), shares and price of every execution in its contract, by the ledger."""
        return [
            (
                record["order_ref"].removeprefix(f"{self.delivery}-"),
                float(record["shares"]),
                float(record["price"]),
            )
            for record in self.stack.ledger("execution")
            if record["local_symbol"] == self.option
        ]

    def bracket(self) -> Trade:
        """Sent, filled, protected."""
        self.send()
        assert self.ack()["status"] == "FILLED"
        self.event("ENTRY")
        self.await_protected()
        return self
