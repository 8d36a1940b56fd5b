"""openOrder, against the library's own decoder."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.library import Client
from workers.gateway.open_order import CONTRACT, OpenOrder, read

UNSET = "1.7976931348623157E308"
LIBRARY_CLIENT: Any = Client  # the library does not type it


class Judge:
    """A wrapper for the library's decoder, which keeps what it is told."""

    def __init__(self) -> None:
        self.told: tuple[Any, ...] = ()

    def openOrder(self, *told: Any) -> None:
        """Keep it."""
        self.told = told


def judged(fields: list[str], version: int) -> OpenOrder:
    """What the library makes of the message, in our shape."""
    judge = Judge()
    client: Any = LIBRARY_CLIENT(judge)
    client.decoder.serverVersion = version
    client.decoder.openOrder(list(fields))
    _, _, order, state = judge.told
    named = {name: getattr(order, name) for name in OpenOrder._fields if name != "status"}
    return OpenOrder(**named, status=state.status)


def message(version: int = 176, **parts: list[str]) -> list[str]:
    """A limit order's openOrder; `parts` replaces the parts of varying length."""

    def part(name: str, *default: str) -> list[str]:
        return parts.get(name, list(default))

    front = [
        "5",
        "17",
        "265598",
        "AAPL",
        "STK",
        "",
        "0",
        "?",
        "",
        "SMART",
        "USD",
        "AAPL",
        "NMS",
        "BUY",
        "100",
        "LMT",
        "187.25",
        "0.0",
        "GTC",
        "grp1",
        "DU1000001",
    ]
    front += ["", "0", "sig-mfqwpfk0-T1", "1", "477057001", "1", "0", "0", "", "477057001.0/DU1000001/100"]
    front += ["", "", ""] + ([""] if version < 177 else [])
    front += [
        "",
        "",
        "",
        "",
        "",
        "0",
        "",
        "-1",
        "0",
        "",
        "",
        "",
        "",
        "",
        "2147483647",
        "0",
        "0",
        "0",
        "",
        "3",
    ]
    front += [
        "0",
        "0",
        "",
        "16",
        "0",
        "",
        "0",
        *part("hedged", "None", "", "0", "", "", "", "?", "0", "0", ""),
    ]
    walked = ["0", "", UNSET, UNSET, "", "", "", *part("legs", "0"), *part("leg_prices", "0")]
    walked += [*part("smart", "0"), *part("scale", "", "", ""), *part("hedge", ""), "0", "", "IB", "0"]
    walked += [*part("neutral", "0"), *part("algo", ""), "0", "0", "PreSubmitted"]
    rest = [
        *[UNSET] * 9,
        "",
        "",
        "",
        "USD",
        "",
        "0",
        "0",
        *part("benchmark"),
        *part("conditions", "0"),
        *part("adjustment", "None", UNSET, "188", UNSET, UNSET, UNSET, UNSET, "0"),
    ]
    rest += ["", "", "", "", "0", "0", "0", "0"]
    rest += [""] * (sum(version >= since for since in (159, 160, 162)) + 5 * (version >= 170))
    return front + walked + rest


def agrees(ours: OpenOrder, theirs: OpenOrder) -> bool:
    """Field by field; numbers that stayed text are compared as numbers, unset ones as the library's unset."""
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(other, float) and isinstance(mine, str):
            if not math.isclose(float(mine or UNSET), other):
                return False
        elif mine != other:
            return False
    return True


@pytest.mark.parametrize("version", [157, 158, 159, 160, 162, 169, 170, 176])
def test_a_simple_order_reads_as_the_library_reads_it(version: int) -> None:
    """At every server version that is negotiated; the lengths are those of captures."""
    fields = message(version)
    lengths = {157: 128, 158: 128, 159: 129, 160: 130, 162: 131, 169: 131, 170: 136, 176: 136}
    assert len(fields) == lengths[version]
    ours = read(fields, version)
    assert agrees(ours, judged(fields, version))
    assert (ours.orderId, ours.permId, ours.parentId, ours.status) == (17, 477057001, 16, "PreSubmitted")
    assert fields[CONTRACT] == ["265598", "AAPL", "STK", "", "0", "?", "", "SMART", "USD", "AAPL", "NMS"]


def test_without_the_profile_field_of_old_servers() -> None:
    """From 177 on faProfile is gone and all behind it moves up by one (ib_async speaks 178)."""
    fields = message(178)
    assert len(fields) == 135
    assert (read(fields, 178).parentId, read(fields, 178).status) == (16, "PreSubmitted")


ADJUSTMENTS = {
    "conditions": [
        "2",
        "3",
        "a",
        "1",
        "20250919 10:00:00",
        "1",
        "o",
        "1",
        "2.5",
        "1001",
        "SMART",
        "0",
        "0",
        "1",
    ],
    "adjustment": ["TRAIL", "2.7", "1.4", UNSET, "1.55", UNSET, "42.5", "1"],
}


def test_an_adjustable_stop_behind_conditions_reads_as_the_library_reads_it() -> None:
    """The adjustment lies behind parts of varying length; trail, OCA type and hours at their places."""
    fields = message(176, **ADJUSTMENTS)
    ours = read(fields, 176)
    assert agrees(ours, judged(fields, 176))
    assert (ours.adjustedOrderType, ours.triggerPrice, ours.adjustableTrailingUnit) == ("TRAIL", "2.7", 1)


LEG = ["12087792", "1", "BUY", "SMART", "0", "0", "", "-1"]
SCALE = ["10", "5", "0.5", "", "", "", "0", "", "", "0"]

PARTS = st.fixed_dictionaries(
    {},
    optional={
        "hedged": st.sampled_from([["", "0"], ["LMT", "1.5", "265598", "", "", "", "?", "0", "0", ""]]),
        "legs": st.integers(0, 3).map(lambda count: [str(count), *LEG * count]),
        "leg_prices": st.integers(0, 3).map(lambda count: [str(count), *["1.25"] * count]),
        "smart": st.integers(0, 2).map(lambda count: [str(count), *["NonGuaranteed", "1"] * count]),
        "scale": st.sampled_from([["", "", ""], ["1", "1", UNSET], ["1", "1", "0"], SCALE]),
        "hedge": st.sampled_from([[""], ["B", "0.7"]]),
        "neutral": st.sampled_from([["0"], ["1", "265598", "0.5", "187.0"]]),
        "algo": st.sampled_from([[""], ["Adaptive", "1", "adaptivePriority", "Normal"], ["Vwap", "0"]]),
    },
)


@given(PARTS)
def test_law_the_status_is_found_behind_every_part_of_varying_length(parts: dict[str, list[str]]) -> None:
    """Combos, scales, hedges and algorithms in any combination: as the library finds it."""
    fields = message(176, **parts)
    assert agrees(read(fields, 176), judged(fields, 176))


@pytest.mark.parametrize("length", [1, 14, 59, 63, 90])
def test_a_message_cut_short_is_no_order(length: int) -> None:
    """It raises, so that the bytes are kept aside, instead of making up a status."""
    with pytest.raises((IndexError, ValueError)):
        read(message()[:length], 176)


def test_a_message_out_of_step_is_no_order() -> None:
    """Text where a count belongs."""
    with pytest.raises(ValueError, match="invalid literal"):
        read(message(legs=["SMART"]), 176)
