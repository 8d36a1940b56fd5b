"""What the guard sends the gateway: orders, questions, and look-ups of the contracts it protects."""

from __future__ import annotations

import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from ipc.bus import Requester
from router.messages import CommandRefused, ContractReady, ContractSpec, Message, PrepareContract

Then = Callable[[ContractReady], None]
Failed = Callable[[str], None]  # told why


def nobody(_: str) -> None:
    """For what needs no telling."""


class Errands:
    """Over one requester, each under a name of its own."""

    def __init__(self, gateway: Requester, log: FilteringBoundLogger) -> None:
        self._gateway = gateway
        self._log = log
        self._ready: dict[int, ContractReady] = {}
        self._waiting: dict[int, list[tuple[Then, Failed]]] = {}  # by contract that the gateway is looking up
        self._sent = 0

    def known(self, contract: ContractSpec) -> ContractReady | None:
        """The contract with its price increments, if it was looked up."""
        return self._ready.get(contract.con_id)

    def look_up(self, contract: ContractSpec, then: Then, failed: Failed = nobody) -> None:
        """Have the contract qualified, which also streams its quotes, unless it is. One question, however many wait."""
        con_id = contract.con_id
        ready = self._ready.get(con_id)
        if ready is not None:
            then(ready)
            return
        asked = con_id in self._waiting
        self._waiting.setdefault(con_id, []).append((then, failed))
        if not asked:
            self.ask(PrepareContract(contract=contract), lambda reply: self._on_contract(con_id, reply))

    def send(self, command: Message, failed: Failed = nobody) -> None:
        """Send an order, a modification or a cancel; a refusal that is none for good is left to the next look."""

        def on_reply(reply: Message) -> None:
            if isinstance(reply, CommandRefused):
                self._log.warning("guard's order refused", code=reply.code, detail=reply.text)
                if not reply.retry:
                    failed(f"the gateway refused its stop: {reply.code} {reply.text}")

        self.ask(command, on_reply)

    def ask(self, command: Message, on_reply: Callable[[Message], None]) -> None:
        """Send anything."""
        self._sent += 1
        name = f"guard/{type(command).__name__}/{time.time_ns()}/{self._sent}"
        self._gateway.send(name, command, on_reply)

    def _on_contract(self, con_id: int, reply: Message) -> None:
        waiting = self._waiting.pop(con_id)
        if isinstance(reply, ContractReady):
            self._ready[con_id] = reply
            for then, _ in waiting:
                then(reply)
        elif not (isinstance(reply, CommandRefused) and reply.retry):
            self._log.error("contract of a position not found", con_id=con_id, answer=str(reply))
            text = reply.text if isinstance(reply, CommandRefused) else ""
            for _, failed in waiting:
                failed(f"its contract was not found: {text}")
