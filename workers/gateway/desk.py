"""Orders beside the brackets: protection and exits, modifications, cancels by name, and making everything flat.

Whatever is written here is journalled before it is: the audit log knows every order and modification.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from functools import partial

import msgspec
import structlog

from ipc.bus import JournalFull
from router.errors import FieldError, Recoverable
from router.messages import (
    CancelOrders,
    CancelReply,
    CommandRefused,
    ContractSpec,
    Flatten,
    HoldingsReply,
    Leg,
    LinkPhase,
    ModifyOrder,
    ModifyReply,
    OrderChange,
    OrderLifecycleEvent,
    PlaceOrders,
    PlaceReply,
)
from router.messages import Message as BusMessage
from router.modify import modified
from router.pacing import Priority, UnitTooLarge
from router.protection import is_guards, superfluous
from router.reasons import Reason
from router.recovery import ROUNDS
from router.stops import TRAILS
from workers.gateway.current import Current
from workers.gateway.flattening import Flattening
from workers.gateway.outbox import Withdrawn
from workers.gateway.session import Session, Sink

KEEP = 1_000  # names remembered: who asks again does so within seconds

log = structlog.get_logger()

Reply = Callable[[str, BusMessage], None]


class Desk:
    """Answers by request id; `durable` journals before a write."""

    def __init__(self, session: Session, current: Current, *, durable: Sink, reply: Reply) -> None:
        self._session = session
        self._current = current
        self._durable = durable
        self._reply = reply
        self._placed: OrderedDict[str, None] = OrderedDict()  # names of PlaceOrders of this life
        self._guarding: dict[tuple[str, int], list[int]] = {}  # order ids the guard had sent last for a place
        self._flattening = Flattening(
            session,
            current,
            lambda name, account, contract, legs: self._write(
                "place", name, account, contract, legs, "flatten"
            ),
        )
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ place

    def closed(self, account: str) -> CommandRefused | None:
        """Why nothing may be placed or modified there now; the same command may succeed later."""
        if self._session.phase is not LinkPhase.READY:
            return self.not_ready()
        if self._flattening.concerns(account):
            text = f"{account} is being made flat: what is placed now would turn it round"
            return CommandRefused(Reason.FLATTENING, text, retry=True)
        return None

    def place(self, request_id: str, command: PlaceOrders) -> BusMessage | None:
        """Send the orders once: a name that was sent, or refs that IB has live, are adopted."""
        if refusal := self.closed(command.account):
            return refusal
        refs = {leg.ref for leg in command.legs}
        if command.name in self._placed or refs & set(self._current.live_refs()):
            return PlaceReply(delivery=command.name, outcome="adopted")
        if self._beside_unheard(command):
            self._spawn(request_id, self._ask_and_place(request_id, command))
            return None
        self._placed[command.name] = None
        if len(self._placed) > KEEP:
            self._placed.popitem(last=False)

        def write() -> None:
            if self._superfluous(command):  # it waited for its turn, and something has filled meanwhile
                self._placed.pop(command.name, None)
                text = "the position is protected by now, or will be"
                self._reply(request_id, CommandRefused(Reason.NOT_MISSING, text, retry=True))
                return
            self._write(
                "place", command.name, command.account, command.contract, command.legs, command.reason
            )
            self._reply(request_id, PlaceReply(delivery=command.name, outcome="sent"))

        undo = partial(self._placed.pop, command.name, None)
        return self._offer(request_id, command.account, write, len(command.legs), undo)

    def _beside_unheard(self, command: PlaceOrders) -> bool:
        """Whether it is the guard's, and IB has not said a word on what the guard had sent last for this place."""
        bridge, here = self._session.link.inbound.bridge, (command.account, command.contract.con_id)
        unheard = any(bridge.unheard(order_id) for order_id in self._guarding.get(here, ()))
        return unheard and any(is_guards(leg.ref) for leg in command.legs)

    async def _ask_and_place(self, request_id: str, command: PlaceOrders) -> None:
        """An order that IB, asked again, does not list protects nothing: it was lost, or refused by an error alone."""
        here = (command.account, command.contract.con_id)
        last = self._guarding.get(here)
        for _ in range(ROUNDS):  # the first may have been under way before that order left
            await self._session.link.open_orders(self._session.request_timeout_s)
        if self._guarding.get(here) is last:
            self._guarding.pop(here, None)
        answer = self.place(request_id, command)
        if answer is not None:
            self._reply(request_id, answer)

    def _superfluous(self, command: PlaceOrders) -> bool:
        """Whether the guard's order has nothing left to protect, or comes beside one IB has not told of yet."""
        here = (command.account, command.contract.con_id)
        held = [p.quantity for p in self._current.places(here[0]) if p.contract.con_id == here[1]]
        orders = [e for e in self._current.orders() if e.contract and (e.account, e.contract.con_id) == here]
        position = held[0] if held else 0.0
        late = superfluous(command.legs, position, orders, client_id=self._session.client_id)
        return late or self._beside_unheard(command)

    def _write(
        self, what: str, name: str, account: str, contract: ContractSpec, legs: tuple[Leg, ...], reason: str
    ) -> tuple[Leg, ...]:
        """Journal, then write."""
        link = self._session.link
        orders = [link.single(leg, account) for leg in legs]
        numbered = tuple(_with_id(leg, order.orderId) for leg, order in zip(legs, orders, strict=True))
        if what == "place" and is_guards(legs[0].ref):
            self._guarding[account, contract.con_id] = [leg.order_id for leg in numbered]
        self._durable(
            OrderChange(
                what="modify" if what == "modify" else "place",
                name=name,
                account=account,
                contract=contract,
                legs=numbered,
                reason=reason,
            )
        )
        link.place(contract, orders)
        for leg in numbered:
            log.info(
                f"order {what}",
                order_ref=leg.ref,
                order_id=leg.order_id,
                quantity=leg.quantity,
                reason=reason,
            )
        return numbered

    def _offer(
        self, request_id: str, account: str, write: Callable[[], None], size: int, undo: Callable[[], object]
    ) -> BusMessage | None:
        def drop(error: Exception) -> None:
            undo()
            self._reply(request_id, dropped(error))

        def leave() -> None:
            """What was true when it was offered may not be now: a rebuild forgets which orders there are."""
            if refusal := self.closed(account):
                undo()
                self._reply(request_id, refusal)
            else:
                write()

        try:
            self._session.link.outbox.offer(Priority.PROTECT, leave, size=size, dropped=drop, account=account)
        except UnitTooLarge as error:
            undo()
            return CommandRefused(code=Reason.TOO_MANY_LEGS, text=str(error))
        return None

    # ------------------------------------------------------------ modify

    def modify(self, request_id: str, command: ModifyOrder) -> BusMessage | None:
        """Change one live order of this client; a trailing stop is looked up at IB first, because it moves."""
        if self._session.phase is not LinkPhase.READY:
            return self.not_ready()
        event = self._one(command)
        if event is None:
            return CommandRefused(Reason.NO_SUCH_ORDER, f"no live order of this client under {command.ref}")
        if refusal := self.closed(event.account):
            return refusal
        if event.order_type in TRAILS and command.trail_stop is None:
            self._spawn(request_id, self._refresh_and_modify(request_id, command))
            return None
        return self._modify(request_id, command, event)

    async def _refresh_and_modify(self, request_id: str, command: ModifyOrder) -> None:
        await self._session.link.open_orders(self._session.request_timeout_s)
        event = self._one(command)
        if event is None:
            self._reply(
                request_id, CommandRefused(Reason.NO_SUCH_ORDER, f"{command.ref} has ended meanwhile")
            )
            return
        answer = self.closed(event.account) or self._modify(request_id, command, event)
        if answer is not None:
            self._reply(request_id, answer)

    def _modify(self, request_id: str, command: ModifyOrder, event: OrderLifecycleEvent) -> BusMessage | None:
        contract = event.contract
        if contract is None:
            return CommandRefused(
                Reason.NO_TERMS, f"IB has not told the terms of {command.ref} yet", retry=True
            )
        try:
            leg = modified(event, command, with_parent=command.ref not in self._current.parentless)
        except FieldError as error:
            return CommandRefused(Reason.BAD_CHANGE, str(error))

        def write() -> None:
            self._write("modify", command.ref, event.account, contract, (leg,), command.reason)
            self._reply(request_id, ModifyReply(ref=command.ref, order_id=leg.order_id))

        return self._offer(request_id, event.account, write, 1, lambda: None)

    def _one(self, command: ModifyOrder) -> OrderLifecycleEvent | None:
        """The live order that is meant; of two under one ref, which is an incident, the older if none is named."""
        events = self._current.live_orders((command.ref,), self._session.client_id)
        meant = [event for event in events if command.perm_id in (0, event.perm_id)]
        return min(meant, key=lambda event: event.perm_id, default=None)

    # ------------------------------------------------------------ cancel

    def cancel(self, request_id: str, command: CancelOrders) -> BusMessage | None:
        """Cancels are always tried; only a link that is down refuses them, and of orders not told of again yet."""
        if not self._session.connected:
            return self.not_ready()
        events = self._current.matching(command, self._session.client_id)
        if not events:
            syncing = self._session.phase is LinkPhase.SYNCING  # IB is being asked which orders there are
            return self.not_ready() if syncing else CancelReply(refs=())
        waiting, written = {event.order_id for event in events}, []

        def settle(event: OrderLifecycleEvent, error: Exception | None = None) -> None:
            waiting.discard(event.order_id)
            if error is None:
                written.append(event.ref)
                log.info("cancel sent", order_ref=event.ref, order_id=event.order_id)
            if not waiting:
                lost = error is not None and not written
                self._reply(request_id, dropped(error) if lost and error else CancelReply(tuple(written)))

        for event in events:
            told = partial(settle, event)
            self._session.link.cancel(event.order_id, told, told)
        return None

    # ------------------------------------------------------------ flatten

    def holdings(self) -> BusMessage:
        """What is held and what works, once IB has told everything."""
        if self._session.phase is not LinkPhase.READY:
            return self.not_ready()
        return HoldingsReply(
            account=self._session.account,
            positions=tuple(self._current.positions()),
            orders=tuple(self._current.orders()),
        )

    def flatten(self, request_id: str, command: Flatten) -> BusMessage | None:
        """Cancel the account's orders, wait for their ends, close what is held then at market."""
        if self._session.phase is not LinkPhase.READY:
            return self.not_ready()
        account = command.account or self._session.account
        if account not in self._session.link.accounts:
            managed = ", ".join(self._session.link.accounts)
            return CommandRefused(
                Reason.NO_SUCH_ACCOUNT, f"account {account} is not managed here, but {managed}"
            )
        self._flattening.begin(account)
        self._spawn(request_id, self._flattening.run(account, partial(self._reply, request_id)))
        return None

    def _spawn(self, request_id: str, work: Coroutine[object, object, None]) -> None:
        """`work` answers the request; where it fails, its failure is the answer."""

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                if not isinstance(error, OSError):  # IB is away, or silent
                    log.error("command failed", request_id=request_id, exc_info=error)
                self._reply(request_id, dropped(error))

        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(done)

    def not_ready(self) -> CommandRefused:
        """The link is not there; the same command may succeed later."""
        text = f"the IB connection is {self._session.phase}"
        return CommandRefused(code=Reason.LINK_NOT_READY, text=text, retry=True)


def dropped(error: Exception) -> CommandRefused:
    """Why a command was not carried out; but for one taken back the same may succeed later."""
    match error:
        case Withdrawn():
            return CommandRefused(Reason.CANCELLED, str(error))
        case JournalFull():
            return CommandRefused(Reason.JOURNAL_FULL, str(error), retry=True)
        case Recoverable():  # its intent could not be kept
            return CommandRefused(Reason.NOT_KEPT, str(error), retry=True)
        case OSError():
            return CommandRefused(Reason.LINK_NOT_READY, str(error), retry=True)
        case _:
            return CommandRefused(Reason.FAILED, repr(error), retry=True)


def _with_id(leg: Leg, order_id: int) -> Leg:
    return msgspec.structs.replace(leg, order_id=order_id)
