"""A signal on its way through sizing, and what it is decided on. Without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from conf.settings import Settings
from router import risk
from router.broker_view import BrokerView
from router.gates import PlatformGates
from router.messages import ContractReady, Quote, Signal, Ticket
from router.order import Sized
from router.quote import no_quote, priced
from router.sessions import EASTERN


@dataclass
class Candidate:
    """A signal on its way. `deadline_ns` (monotonic) is when waiting for a quote ends; `told`: that it passed the gates."""

    delivery: str
    signal: Signal
    ticket: Ticket
    gates: PlatformGates | None = None
    gates_ns: int = 0  # monotonic, when they were read
    ready: ContractReady | None = None
    deadline_ns: int = 0
    told: bool = False
    attempts: int = 0


class Looks:
    """What a candidate is decided on: the newest word of the platform and of IB, as far as it still counts."""

    def __init__(self, settings: Settings, view: BrokerView) -> None:
        self._settings = settings
        self._view = view
        self._max_age_ns = int(settings.quotes.max_age_s * 1e9)

    def facts(
        self, candidate: Candidate, gates: PlatformGates, *, now_ms: int, notional: float | None = None
    ) -> risk.Facts:
        """For the table of checks."""
        return risk.Facts(
            settings=self._settings,
            signal=candidate.signal,
            now_ms=now_ms,
            now_eastern=datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(EASTERN),
            gates=gates,
            buying_power=self._view.buying_power,
            open_positions=self._view.open_positions,
            notional=notional,
        )

    def quote(self, candidate: Candidate, now_ns: int) -> Quote | None:
        """The contract's newest quote; none that is too old to price by."""
        if candidate.ready is None:
            return None
        con_id = candidate.ready.contract.con_id
        return self._view.quotes.get(con_id, not_before_ns=now_ns - self._max_age_ns)

    def priced(self, candidate: Candidate, now_ns: int) -> bool:
        """Whether its quote prices it at once."""
        return priced(self.quote(candidate, now_ns))

    def sized(self, candidate: Candidate, now_ns: int) -> Sized | None:
        """What it is sized on; None while the contract, the gates or the account are not known (any more)."""
        account, ready = self._view.account(), candidate.ready
        if ready is None or candidate.gates is None or account is None:
            return None
        return Sized(
            delivery=candidate.delivery,
            signal=candidate.signal,
            ticket=candidate.ticket,
            gates=candidate.gates,
            ready=ready,
            account=account,
            quote=self.quote(candidate, now_ns) or no_quote(ready.contract.con_id, ready.contract.symbol),
        )
