"""A gated signal, a quote and an account become one order request, or none when nothing prices it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from conf.sections import Entry
from conf.settings import load
from router.bracket import legs
from router.errors import FieldError
from router.gates import PlatformGates, Reading
from router.messages import AccountSnapshot, ContractReady
from router.order import Sized, order_request
from tests.helpers import PROJECT
from tests.router import factory

SETTINGS = load(Path(PROJECT), {})
ONE = Reading(None, 1.0)
GATES = PlatformGates(
    halted="",
    new_positions_allowed=True,
    daily_pnl=Reading(None, 0.0),
    size_multiplier=ONE,
    stop_multiplier=ONE,
    position_count=Reading(None, 0.0),
    account_value=Reading(None, None),
    buying_power=Reading(None, None),
)
ACCOUNT = AccountSnapshot(
    account="DU1000001",
    currency="USD",
    net_liquidation=100_000.0,
    buying_power=400_000.0,
    available_funds=None,
    total_cash=None,
    gross_position_value=None,
    init_margin=None,
    maint_margin=None,
    replayed=False,
    received_ns=1,
)
GIVEN = Sized(
    delivery="9bbeedc541dd1c7a-mfqwpfk0",
    signal=factory.signal(),
    ticket=factory.TICKET,
    gates=GATES,
    ready=ContractReady(contract=factory.OPTION, min_tick=0.05),
    account=ACCOUNT,
    quote=factory.quote(),
)


def given(**changes: Any) -> Sized:
    """The example with other parts."""
    return Sized(**{**{name: getattr(GIVEN, name) for name in GIVEN.__dataclass_fields__}, **changes})


def test_the_platforms_example_comes_out_to_the_cent() -> None:
    """Contract 10: 1910 USD at 2.50 are 7 contracts, LMT 2.50, stop 1.40, target 3.25, 1750.00 USD."""
    assert order_request(SETTINGS, GIVEN) == factory.request()


def test_without_any_price_there_is_no_order() -> None:
    """No bid, no ask, no last, no hint: None, never a made-up price."""
    blind = factory.quote(bid=None, ask=None, last=None)
    assert order_request(SETTINGS, given(quote=blind)) is None


@pytest.mark.parametrize(("multiplier", "quantity"), [(0.5, 3), (1.0, 7), (2.0, 15)])
def test_the_size_multiplier_scales_the_notional(multiplier: float, quantity: int) -> None:
    """`risk:position_size_multiplier` is applied to the sized notional (contract 0.2)."""
    gates = msgspec.structs.replace(GATES, size_multiplier=Reading(str(multiplier), multiplier))
    request = order_request(SETTINGS, given(gates=gates))
    assert request is not None
    assert request.quantity == quantity


def test_the_stop_multiplier_scales_the_stops_distance() -> None:
    """`risk:stop_multiplier` 0.5 halves 45 % to 22.5 %: 1.9375, on the tick 1.95 (contract 0.2)."""
    gates = msgspec.structs.replace(GATES, stop_multiplier=Reading("0.5", 0.5))
    request = order_request(SETTINGS, given(gates=gates))
    assert request is not None
    assert request.stop_price == 1.95


def test_the_signals_own_targets_share_the_quantity() -> None:
    """Seven contracts over three targets: 3, 2, 2."""
    signal = msgspec.structs.replace(factory.signal(), targets=(3.0, 3.5, 4.0))
    request = order_request(SETTINGS, given(signal=signal))
    assert request is not None
    assert [(target.price, target.quantity) for target in request.targets] == [(3.0, 3), (3.5, 2), (4.0, 2)]


def configured(**entry: Any) -> Any:
    """The settings with another [entry]."""
    return msgspec.structs.replace(SETTINGS, entry=Entry(**entry))


def test_the_entry_section_goes_into_the_request_and_its_entry_leg() -> None:
    """Time in force, its end, the algorithm; the children stay as they are, and an algorithm keeps to regular hours."""
    given_params = ("adaptivePriority=Patient",)
    settings = configured(style="mid", tif="GTC", algo="Adaptive", algo_params=given_params)
    request = order_request(settings, GIVEN)
    assert request == factory.request(
        tif="GTC", algo="Adaptive", algo_params=(("adaptivePriority", "Patient"),)
    )
    entry, *children = legs(request, outside_rth=True)
    assert (entry.tif, entry.algo, entry.algo_params) == ("GTC", request.algo, request.algo_params)
    assert not entry.outside_rth
    assert children == list(legs(factory.request(), outside_rth=True)[1:])
    dated = order_request(configured(style="mid", tif="GTD", good_till_s=60), GIVEN)
    assert dated is not None
    entry, *_ = legs(dated, outside_rth=True)
    assert (entry.tif, entry.good_till, entry.outside_rth) == ("GTD", "20250919-14:01:00", True)


def test_an_algorithm_that_takes_no_options_refuses_the_signal() -> None:
    """By field and value, before anything is sent."""
    with pytest.raises(FieldError, match="takes STK, not OPT"):
        order_request(configured(algo="Twap"), GIVEN)
