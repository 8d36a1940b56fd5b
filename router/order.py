"""A gated signal, a quote and an account -> the order request. Everything before it gathers, this decides."""

from __future__ import annotations

from dataclasses import dataclass

from conf.settings import Settings
from router import kelly
from router.bracket import action_for, protect
from router.entry import entry_terms, working
from router.gates import PlatformGates
from router.messages import AccountSnapshot, ContractReady, OrderRequest, Quote, Signal, Ticket


@dataclass(frozen=True)
class Sized:
    """What sizing looks at. The account's net liquidation and buying power (USD) are there."""

    delivery: str
    signal: Signal
    ticket: Ticket
    gates: PlatformGates
    ready: ContractReady
    account: AccountSnapshot
    quote: Quote


def order_request(settings: Settings, given: Sized) -> OrderRequest | None:
    """The order request, or None when nothing prices it (platform contract, sections 5 and 6).

    Raises FieldError where IB does not take the configured algorithm with this order.
    """
    signal, contract, tick = given.signal, given.ready.contract, given.ready.bands or given.ready.min_tick
    action = action_for(signal)
    terms = entry_terms(settings.entry, signal, action, given.quote, tick)
    if terms is None:
        return None
    worked = working(settings.entry, signal, contract, terms)
    stats = kelly.suggest(
        settings.sizing,
        settings.risk,
        confidence=signal.confidence,
        net_liquidation=given.account.net_liquidation or 0.0,
        buying_power=given.account.buying_power or 0.0,
        multiplier=given.gates.size_multiplier.value or 1.0,
    )
    quantity = kelly.quantity(
        settings.sizing,
        notional=stats.suggested_notional,
        price=terms.reference,
        contract=contract,
        strategy=signal.strategy,
    )
    protected = protect(
        settings.protection,
        contract,
        action=action,
        reference=terms.reference,
        quantity=quantity,
        tick=tick,
        prices=signal.targets,
        stop_multiplier=given.gates.stop_multiplier.value or 1.0,
    )
    return OrderRequest(
        delivery=given.delivery,
        signal=signal,
        ticket=given.ticket,
        account=given.account.account,
        contract=contract,
        action=action,
        quantity=quantity,
        entry_type=terms.order_type,
        limit_price=terms.limit,
        reference_price=terms.reference,
        stop_price=protected.stop,
        targets=protected.targets,
        notional=round(quantity * terms.reference * contract.multiplier, 2),
        sizing=stats,
        min_tick=given.ready.min_tick,
        expires_ms=signal.ts_ms + settings.ingress.max_age_ms,
        bands=given.ready.bands,
        tif=worked.tif,
        good_till=worked.good_till,
        algo=worked.algo,
        algo_params=worked.algo_params,
    )
