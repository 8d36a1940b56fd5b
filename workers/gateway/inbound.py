"""Inbound messages, one handler each. Knows the wire's fields, nothing of the socket or the library.

What one socket read brought is collected and handed on together; requests that wait are answered by key.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from router.ib_errors import ErrorPolicies
from router.messages import ContractReady, PriceBand
from router.messages import Message as BusMessage
from workers.gateway import bridge, open_order
from workers.gateway.account import Summary
from workers.gateway.bridge import Bridge
from workers.gateway.quotes import Lines
from workers.gateway.values import amount, contract_spec, from_contract, number, whole

CLIENT_ID_IN_USE = 326  # answered with request id -1, then the socket closes
NO_SUCH_CONTRACT = frozenset({200, 321})  # no security definition, request not valid: asking again is no use
NO_MARKET_DATA = frozenset(
    {101, 200, 354, 10168, 10186}
)  # the request for it is over: a later one may succeed

# end-of-answer messages and the request each one ends
_ENDS = {
    "53": "open_orders",
    "102": "completed_orders",
    "55": "executions",
    "62": "positions",
    "64": "account",
    "49": "time",
}
_SIZE_OF_PRICE = {1: 0, 2: 3, 66: 69, 67: 70}  # a price tick carries the size of its side


Handler = Callable[[list[str]], None]


class Inbound:
    """The state of one connection's inbound side; `reset` starts the next connection."""

    def __init__(
        self,
        answer: Callable[[object], None],
        fail: Callable[[object, str], None],
        policies: ErrorPolicies | None = None,
        library: Mapping[str, Handler] = MappingProxyType({}),
    ) -> None:
        self._answer = answer
        self._fail = fail
        self._policies = policies or ErrorPolicies({})
        self.bridge = Bridge()
        self.lines = Lines()
        self.summary = Summary()
        self.replaying: set[str] = set()  # rebuild requests whose end has not come
        self.details: dict[int, list[ContractReady]] = {}
        self.rule_of: dict[int, int] = {}  # conId -> id of its market rule, 0 for none
        self.rules: dict[int, tuple[PriceBand, ...]] = {}
        self.pnl_accounts: dict[int, str] = {}
        self.read_ns = 0  # monotonic time of the last socket read
        self.server_version = 0  # negotiated
        self.refusal = ""  # why the other side is about to close, if it said so
        self.unused: Counter[str] = Counter()  # messages the router has no use for, by type
        self._batch: list[BusMessage] = []
        self._handlers: dict[str, Handler] = {
            **library,  # the long ones, which it decodes; it calls back below
            "1": self._tick_price,
            "2": self._tick_size,
            "3": self._order_status,
            "4": self._error,
            "5": self._open_order,
            "11": self._execution,
            "52": self._contract_details_end,
            "59": self._commission,
            "61": self._position,
            "63": self._account_summary,
            "93": self._market_rule,
            "94": self._pnl,
            **dict.fromkeys(_ENDS, self._end),
        }

    def reset(self, client_id: int) -> None:
        """A new connection: ended orders, quotes and account values are asked for again."""
        self.bridge.client_id = client_id
        self.bridge.forget_ended()
        self.lines.close_all()
        self.summary.reset()
        self.replaying.clear()
        self.pnl_accounts.clear()
        self.refusal = ""
        self.read_ns = time.monotonic_ns()

    def handle(self, fields: list[str]) -> None:
        """One message; one that nobody has a use for is counted."""
        handler = self._handlers.get(fields[0])
        if handler is None:
            self.unused[fields[0]] += 1
        else:
            handler(fields)

    def flush(self) -> list[BusMessage]:
        """What came since the last call, in IB's order, account values and quotes last."""
        self._batch.extend(self.summary.flush(self.read_ns))
        self._batch.extend(self.lines.flush(self.read_ns))
        batch, self._batch = self._batch, []
        return batch

    # ------------------------------------------------------------ messages the library decodes

    def completed_order(self, contract: Any, order: Any, state: Any) -> None:
        """completedOrder (101)."""
        self._batch.append(self.bridge.completed_order(contract, order, state, now_ns=self.read_ns))

    def contract_details(self, request_id: int, details: Any) -> None:
        """contractDetails (10); an answer nobody waits for any more is dropped."""
        found = self.details.get(request_id)
        if found is not None:
            spec = from_contract(details.contract)
            found.append(
                ContractReady(
                    contract=spec,
                    min_tick=amount(details.minTick) or 0.01,
                    trading_hours=details.tradingHours,
                    liquid_hours=details.liquidHours,
                    time_zone=details.timeZoneId,
                )
            )
            self.rule_of[spec.con_id] = _rule_of(details, spec.exchange)

    # ------------------------------------------------------------ messages decoded here

    def _open_order(self, fields: Sequence[str]) -> None:
        order = open_order.read(fields, self.server_version)
        spec = contract_spec(fields[open_order.CONTRACT])
        replayed = "open_orders" in self.replaying
        self._batch.append(
            self.bridge.open_order(
                order.orderId, spec, order, order.status, replayed=replayed, now_ns=self.read_ns
            )
        )

    def _order_status(self, fields: Sequence[str]) -> None:
        replayed = "open_orders" in self.replaying
        self._batch.append(self.bridge.order_status(fields, replayed=replayed, now_ns=self.read_ns))

    def _execution(self, fields: Sequence[str]) -> None:
        self._batch.append(self.bridge.execution(fields, now_ns=self.read_ns, now=_now))

    def _commission(self, fields: Sequence[str]) -> None:
        replayed = "executions" in self.replaying
        self._batch.append(self.bridge.commission(fields, replayed=replayed, now_ns=self.read_ns))

    def _position(self, fields: Sequence[str]) -> None:
        replayed = "positions" in self.replaying
        self._batch.append(bridge.position(fields, replayed=replayed, now_ns=self.read_ns))

    def _pnl(self, fields: Sequence[str]) -> None:
        account = self.pnl_accounts.get(whole(fields[1]))
        if account is not None:  # else the last word of a subscription that was cancelled
            self._batch.append(bridge.pnl(fields, account, now_ns=self.read_ns))

    def _account_summary(self, fields: Sequence[str]) -> None:
        self.summary.update(fields[3], fields[4], number(fields[5]), fields[6])

    def _tick_price(self, fields: Sequence[str]) -> None:
        if not fields[4]:
            return  # IB's way of saying nothing; a price that went away is -1
        request_id, tick_type = whole(fields[2]), whole(fields[3])
        self.lines.price(request_id, tick_type, number(fields[4]))
        self.lines.size(request_id, _SIZE_OF_PRICE.get(tick_type, -1), number(fields[5]))

    def _tick_size(self, fields: Sequence[str]) -> None:
        self.lines.size(whole(fields[2]), whole(fields[3]), number(fields[4]))

    def _error(self, fields: Sequence[str]) -> None:
        request_id, code, text = whole(fields[2]), whole(fields[3]), fields[4]
        if code == CLIENT_ID_IN_USE:
            self.refusal = text
        policy = self._policies.of(code)
        self._batch.append(self.bridge.error(request_id, code, text, policy, now_ns=self.read_ns))
        if code in NO_MARKET_DATA:
            self.lines.close(request_id)
        if request_id in self.details and code in NO_SUCH_CONTRACT:
            self._answer(request_id)
        elif request_id in self.details:
            self._fail(request_id, f"IB error {code}: {text}")

    def _contract_details_end(self, fields: Sequence[str]) -> None:
        self._answer(whole(fields[2]))

    def _market_rule(self, fields: Sequence[str]) -> None:
        """marketRule (93): id, count, then low edge and increment of each band."""
        numbers = [amount(field) for field in fields[3 : 3 + 2 * whole(fields[2])]]
        bands = [PriceBand(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True) if pair[1] > 0]
        rule_id = whole(fields[1])
        self.rules[rule_id] = tuple(sorted(bands, key=lambda band: band.low_edge))
        self._answer(("rule", rule_id))

    def _end(self, fields: Sequence[str]) -> None:
        name = _ENDS[fields[0]]
        self.replaying.discard(name)
        if name == "account":
            self.summary.complete()
        self._answer(name)


def _now() -> datetime:
    return datetime.now(UTC)


def _rule_of(details: Any, exchange: str) -> int:
    """The id of the market rule on this exchange: IB lists one per valid exchange, in the same order."""
    ids = str(details.marketRuleIds or "").split(",")
    exchanges = str(details.validExchanges or "").split(",")
    by_exchange = dict(zip(exchanges, ids, strict=False))
    text = by_exchange.get(exchange or "SMART", ids[0]).strip()
    return int(text) if text.isdecimal() else 0
