"""Carries the statements of a scenario out on the running gateway."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import assert_never

from paper import messages_out as out
from paper import scenario as say
from paper.connection import Connection
from paper.faults import Faults
from paper.gateway import Gateway
from paper.hours import NEW_YORK
from paper.orders import Execution, Order
from paper.pacing import Policy
from paper.revisions import correct, reject
from paper.scenario import ScriptError, Statement

log = logging.getLogger("paper")
_LOST = (1100, "Connectivity between IBKR and Trader Workstation has been lost.")
_KEPT = (
    1102,
    "Connectivity between IBKR and Trader Workstation has been restored - data maintained. All data farms are "
    "connected: usfarm; ushmds; secdefnj.",
)
_DATA_LOST = (1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost.")
_FARM_CODES = {  # by the farm's first letters: broken, ok, inactive
    "": (2103, 2104, 2108, "Market data"),
    "ushmds": (2105, 2106, 2107, "HMDS data"),
    "secdef": (2157, 2158, 2158, "Sec-def data"),
}


@dataclass
class Stage:
    """Everything a statement can act on."""

    gateway: Gateway
    faults: Faults
    connections: set[Connection]
    flush_soon: Callable[[], None]
    restart: Callable[[float], None]
    hand: Callable[[tuple[str, ...]], object]  # does what its words say; raises ScriptError
    pacing: Policy = Policy.OFF
    due: list[tuple[datetime, Statement]] = field(default_factory=list)

    def perform(self, statement: Statement) -> object:
        """Carry a statement out at once. Returns what is to be told of it; raises ScriptError."""
        told: object = None
        match statement:
            case say.AddRule():
                self.faults.rules.append(statement.rule())
            case say.Clear():
                self.faults.clear()
            case say.After(seconds, later):
                asyncio.get_running_loop().call_later(seconds, self.perform_logged, later)
            case say.At(moment, later):
                self.due.append((_next(moment, self.gateway.clock.now()), later))
            case say.Hand(words):
                told = self.hand(words)
            case say.SetPacing() | say.Restart() | say.Rollback():
                self._handle_gateway(statement)
            case say.Disconnect() | say.Freeze() | say.Throttle():
                self._handle_connection(statement)
            case say.Connectivity(state):
                self._connect(state)
            case say.Farm(name, state):
                self._tell_all(*_farm(name, state))
            case say.Tell() | say.Reject() | say.Correct():
                self._disturb(statement)
            case _:
                assert_never(statement)
        self.flush_soon()
        return told

    def perform_logged(self, statement: Statement) -> None:
        """Carry a statement out that nobody waits for: what goes wrong is logged."""
        try:
            self.perform(statement)
        except ScriptError as error:
            log.error("scenario: %s", error)

    def perform_due(self) -> None:
        """Carry out what the gateway's clock has reached."""
        now = self.gateway.clock.now()
        reached = [statement for moment, statement in self.due if moment <= now]
        self.due = [(moment, statement) for moment, statement in self.due if moment > now]
        for statement in reached:
            self.perform_logged(statement)

    def _handle_gateway(self, statement: say.SetPacing | say.Restart | say.Rollback) -> None:
        match statement:
            case say.SetPacing(policy):
                self.pacing = policy
            case say.Restart(down):
                self.restart(down)
            case say.Rollback(client, by):
                self.gateway.engine.book.roll_back(client, by)

    def _handle_connection(self, statement: say.Disconnect | say.Freeze | say.Throttle) -> None:
        found = [one for one in self.connections if one.client_id == statement.client]
        if not found:
            raise ScriptError(f"client {statement.client} is not connected")
        match statement:
            case say.Disconnect(_, after):
                found[0].cut(after)
            case say.Freeze(_, frozen):
                found[0].freeze(frozen)
            case say.Throttle(_, rate):
                found[0].throttle(rate)

    def _connect(self, state: str) -> None:
        if state == "lost":
            self._tell_all(*_LOST)
            self.faults.offline = True
            return
        self._collect()  # what is still in the outboxes was said offline
        withheld = self.faults.restore(kept=state == "kept")
        self._tell_all(*(_KEPT if state == "kept" else _DATA_LOST))
        self._collect()
        for connection in self.connections:
            connection.push(withheld.get(connection.client_id, []))
            if state == "data-lost":
                connection.session.lines.clear()
                connection.session.ticks.clear()

    def _collect(self) -> None:
        for connection in self.connections:
            connection.collect()

    def _tell_all(self, code: int, text: str) -> None:
        for session in self.gateway.sessions.values():
            session.send(out.error(-1, code, text, session.version))

    def _disturb(self, statement: say.Tell | say.Reject | say.Correct) -> None:
        gateway = self.gateway
        match statement:
            case say.Tell(code, text, ""):
                self._tell_all(code, text)
            case say.Tell(code, text, name):
                order = self.order(name)
                if session := gateway.sessions.get(order.client_id):
                    session.send(out.error(order.order_id, code, text, session.version))
            case say.Reject(name, code, text):
                order = self.order(name)
                gateway.publish(reject(gateway.engine.book, order, code, text, gateway.clock.now()))
            case say.Correct(name, price, shares):
                book, account = gateway.engine.book, gateway.account
                one = self.execution(name)
                gateway.publish(correct(book, account, one, _decimal(price), _decimal(shares)))

    def order(self, name: str) -> Order:
        """An order by `last`, CLIENT/ORDERID or orderRef. Raises ScriptError."""
        for order in reversed(self.gateway.engine.book.orders.values()):
            if name in ("last", f"{order.client_id}/{order.order_id}", order.terms.order_ref):
                return order
        raise ScriptError(f"no order {name!r}")

    def execution(self, name: str) -> Execution:
        """An execution by `last` or its id. Raises ScriptError."""
        for execution in reversed(self.gateway.engine.book.executions):
            if name in ("last", execution.exec_id):
                return execution
        raise ScriptError(f"no execution {name!r}")


def _farm(name: str, state: str) -> tuple[int, str]:
    prefix = next(prefix for prefix in ("ushmds", "secdef", "") if name.startswith(prefix))
    broken, ok, inactive, kind = _FARM_CODES[prefix]
    match state:
        case "broken":
            return broken, f"{kind} farm connection is broken:{name}"
        case "ok":
            return ok, f"{kind} farm connection is OK:{name}"
        case _:
            return (
                inactive,
                f"{kind} farm connection is inactive but should be available upon demand.{name}",
            )


def _next(moment: time, now: datetime) -> datetime:
    local = now.astimezone(NEW_YORK)
    due = datetime.combine(local.date(), moment, NEW_YORK)
    return due if due > local else due + timedelta(days=1)


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise ScriptError(f"{text!r} is not a number") from None
