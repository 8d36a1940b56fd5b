"""The gateway's contracts with a peer to ask: what their tests share."""

from __future__ import annotations

from typing import Any

import msgspec

from conf.sections import Quotes
from conf.settings import Settings
from router.messages import (
    ContractReady,
    ContractSpec,
    PrepareContract,
)
from tests.router.factory import OPTION
from tests.workers.gateway.counter import Counter
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.wire import details

WANTED = msgspec.structs.replace(OPTION, con_id=0)


def lines(settings: Settings, *, signal_s: float = 60.0, **quotes: Any) -> Settings:
    """Other rules for lines; a signal may be priced for `signal_s`, half of it from the age it may have."""
    return msgspec.structs.replace(
        settings,
        quotes=Quotes(**quotes),
        ingress=msgspec.structs.replace(settings.ingress, max_age_ms=max(1, int(500 * signal_s))),
        entry=msgspec.structs.replace(settings.entry, quote_wait_s=signal_s / 2),
    )


def strike(number: int) -> ContractSpec:
    """One of the options of a symbol."""
    return msgspec.structs.replace(WANTED, strike=450.0 + number)


def listing(peer: Peer) -> None:
    """Every strike is listed, strike 450 + n under conId 1000 + n."""

    def answer(asked: list[str]) -> list[bytes]:
        con_id = 1000 + int(float(asked[7]) - 450) if asked[7] not in ("", "0.0") else 500
        return [details(asked[2], con_id), frame(52, 1, asked[2])]

    peer.answers["9"] = answer


async def prepare(counter: Counter, *numbers: int) -> None:
    """Prepare these strikes, one after the other."""
    for number in numbers:
        ready = await counter.ask(PrepareContract(strike(number)))
        assert isinstance(ready, ContractReady)


async def written(counter: Counter) -> None:
    """All that was offered so far is on the wire and was read."""
    await counter.one.session.link.ping(5)


def streamed(peer: Peer) -> list[str]:
    """conIds of the market data requests, in order."""
    return [fields[3] for fields in peer.asked["1"]]
