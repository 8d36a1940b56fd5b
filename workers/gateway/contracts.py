"""Contracts as IB lists them: looked up once, remembered with their price increments and hours, their quotes streamed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress

import msgspec
import structlog

from conf.settings import Settings
from router.contract import describe, nearest_listed
from router.lines import Lines, LinesInUse, prewarmed
from router.messages import CommandRefused, ContractReady, ContractSpec, LinkPhase, PriceBand
from router.messages import Message as BusMessage
from router.reasons import Reason
from workers.gateway.current import Current
from workers.gateway.desk import Reply
from workers.gateway.session import Session
from workers.killpoint import kill_point

RULE_S = 1.0  # for a market rule: a signal waits for it
KEEP_NS = 12 * 3600 * 10**9  # then it is looked up anew: hours and increments change from day to day
KEEP = 4_000  # contracts remembered; the first one goes
SWEEPS = 4  # looks for idle lines in the time after which a line is idle

log = structlog.get_logger()


class NotOne(Exception):
    """IB lists none that fits, or more than one; the text says which are near."""


class Contracts:
    """Answers PrepareContract by request id."""

    def __init__(self, session: Session, current: Current, settings: Settings, reply: Reply) -> None:
        self._session = session
        self._current = current
        self._settings = settings
        self._reply = reply
        # and when it was looked up; a plain dict is slow to lose its first key
        self._known: OrderedDict[ContractSpec, tuple[ContractReady, int]] = OrderedDict()
        quotes = settings.quotes
        signal_s = settings.ingress.max_age_ms / 1000 + settings.entry.quote_wait_s
        self._lines = Lines(quotes.max_lines, hold_ns=_ns(signal_s), idle_ns=_ns(quotes.idle_s))
        self._silence_ns = _ns(quotes.max_age_s)
        self._tasks: set[asyncio.Task[None]] = set()
        self._warming = False
        session.on_ready = self.begin
        self._later()

    def prepare(self, request_id: str, wanted: ContractSpec) -> BusMessage | None:
        """The contract with its quotes under way; None when the answer follows. Only while the link is READY."""
        ready = self._remembered(wanted)
        if ready is not None:
            return self._streamed(ready)
        self._spawn(self._answer(request_id, wanted))
        return None

    def begin(self) -> None:
        """IB is READY: stream what is held, whoever asked for it before; then look up what the configuration names,
        one after the other, and stream it if it says so."""
        for position in self._current.positions():
            with suppress(LinesInUse):
                self._stream(self._current.routable(position.contract))
        if self._settings.quotes.prewarm != "off" and not self._warming:
            self._warming = True
            self._spawn(self._prewarm(prewarmed(self._settings)))

    # ------------------------------------------------------------ look up

    async def _answer(self, request_id: str, wanted: ContractSpec) -> None:
        answer: BusMessage
        try:
            answer = self._streamed(await self._look_up(wanted, kill_point))
        except TimeoutError:
            answer = CommandRefused(Reason.LOOKUP_FAILED, "IB did not answer in time", retry=True)
        except OSError as error:
            answer = CommandRefused(Reason.LOOKUP_FAILED, str(error), retry=True)
        except NotOne as error:
            answer = CommandRefused(Reason.CONTRACT_LOOKUP_FAILED, str(error))
        except Exception as error:  # whatever it is, somebody waits, and who asks again would wait with him
            log.exception("contract not looked up", contract=describe(wanted))
            answer = CommandRefused(Reason.FAILED, repr(error), retry=True)
        kill_point("gateway.prepared.before")
        self._reply(request_id, answer)
        kill_point("gateway.prepared.after")

    async def _look_up(self, wanted: ContractSpec, point: Callable[[str], None]) -> ContractReady:
        """Raises NotOne, TimeoutError, OSError. `point` is kill_point where a signal waits."""
        point("gateway.details.before")
        found = await self._session.link.contract_details(wanted, self._session.request_timeout_s)
        point("gateway.details.after")
        if len(found) != 1:
            several = f"fits {len(found)} contracts at IB"
            raise NotOne(several if found else await self._not_listed(wanted, point))
        ready = found[0]
        if not ready.contract.exchange:
            ready = msgspec.structs.replace(
                ready, contract=msgspec.structs.replace(ready.contract, exchange=wanted.exchange)
            )
        point("gateway.rule.before")
        ready = msgspec.structs.replace(ready, bands=await self._bands(ready.contract.con_id))
        point("gateway.rule.after")
        self._known[wanted] = (ready, time.monotonic_ns())
        if len(self._known) > KEEP:
            self._known.popitem(last=False)
        return ready

    async def _not_listed(self, wanted: ContractSpec, point: Callable[[str], None]) -> str:
        """That it is not listed, and for an option what is: strikes of its expiry, else expiries of its strike."""
        text = "is not listed at IB"
        if wanted.sec_type != "OPT":
            return text
        for loose in ({"strike": 0.0}, {"expiry": ""}):
            point("gateway.nearest.before")
            try:
                listed = await self._session.link.contract_details(
                    msgspec.structs.replace(wanted, con_id=0, local_symbol="", **loose), RULE_S
                )
            except (TimeoutError, OSError):
                return text
            point("gateway.nearest.after")
            near = nearest_listed(wanted, [one.contract for one in listed])
            if near:
                return f"{text}; {near}"
        return text

    async def _bands(self, con_id: int) -> tuple[PriceBand, ...]:
        """The contract's market rule; without one, or an answer, its minimum tick stands for all prices."""
        link = self._session.link
        rule_id = link.inbound.rule_of.get(con_id, 0)
        if not rule_id:
            return ()
        try:
            return await link.market_rule(rule_id, min(RULE_S, self._session.request_timeout_s))
        except (TimeoutError, OSError) as error:
            log.warning("no market rule, minimum tick used", con_id=con_id, rule=rule_id, problem=str(error))
            return ()

    def _remembered(self, wanted: ContractSpec) -> ContractReady | None:
        ready, at_ns = self._known.get(wanted, (None, 0))
        if ready is not None and time.monotonic_ns() - at_ns > KEEP_NS:
            del self._known[wanted]
            return None
        return ready

    async def _prewarm(self, specs: Iterable[ContractSpec]) -> None:
        try:
            for spec in specs:
                if self._session.phase is not LinkPhase.READY:
                    return  # the next READY begins again
                try:
                    ready = self._remembered(spec) or await self._look_up(spec, _nowhere)
                except (NotOne, OSError, TimeoutError) as error:
                    log.warning("contract not prewarmed", contract=describe(spec), problem=str(error))
                    continue
                if self._settings.quotes.prewarm == "stream":
                    self._streamed(ready, pin=True)
        finally:
            self._warming = False

    # ------------------------------------------------------------ quotes

    def _streamed(self, ready: ContractReady, *, pin: bool = False) -> BusMessage:
        """The contract with its quotes on their way. One that is held or ordered is answered for without them too."""
        try:
            self._stream(ready.contract, pin=pin)
        except LinesInUse as error:
            log.warning("no market data line", contract=describe(ready.contract), problem=str(error))
            if ready.contract.con_id not in self._busy():
                return CommandRefused(Reason.NO_MARKET_DATA_LINE, str(error))
        return ready

    def _stream(self, contract: ContractSpec, *, pin: bool = False) -> None:
        """A line silent for too long begins anew, so that IB tells the quotes again. Raises LinesInUse."""
        now_ns, link = time.monotonic_ns(), self._session.link
        released = self._lines.use(contract.con_id, now_ns, self._busy(), pin=pin)
        if released is not None:
            self._session.release(released)
        if link.inbound.lines.silence_ns(contract.con_id, now_ns) > self._silence_ns:
            link.release_quotes(contract.con_id)
        self._session.stream(contract)

    def _busy(self) -> set[int]:
        """Contracts that are held or ordered, by anyone: what protects them needs their quotes."""
        held = {position.contract.con_id for position in self._current.positions()}
        return held | {order.contract.con_id for order in self._current.orders() if order.contract}

    def _later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.quotes.idle_s / SWEEPS, self._sweep)

    def _sweep(self) -> None:
        for con_id in self._lines.release_idle(time.monotonic_ns(), self._busy()):
            self._session.release(con_id)
        self._later()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _nowhere(place: str) -> None:
    """No kill point: nobody waits for what is looked up beforehand."""
