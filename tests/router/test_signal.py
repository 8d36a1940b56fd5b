"""The platform's signal: what is taken, what is refused and how, and its name (platform contract 1.1)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bracket import legs, stem_of
from router.errors import FieldError
from router.signal import (
    MAX_PAYLOAD_BYTES,
    MAX_PRICE,
    age_ms,
    base36,
    delivery_of,
    expired,
    parse,
    salvage_id,
)
from tests.router.factory import OPTION, SIGNAL, STOCK, TS_MS, contract, payload, request, signal
from tests.router.test_document import JSON

EASTERN = ZoneInfo("US/Eastern")


def refusal(data: bytes) -> FieldError:
    """The error that a payload is refused with."""
    with pytest.raises(FieldError) as caught:
        parse(data)
    return caught.value


def test_the_produced_shape() -> None:
    """The example of contract 10 is taken whole, and kept as it came for the ENTRY."""
    found = parse(payload())
    assert found == msgspec.structs.replace(signal(), raw=payload().decode())
    assert json.loads(found.raw) == SIGNAL


def test_optional_hints() -> None:
    """`entry` and `targets` are hints that only tests send; `stop` and `position_size` are ours to decide."""
    found = parse(payload(entry=2.5, targets=[3, 3.5], stop=1.0, position_size=5e3))
    assert found.entry_hint == pytest.approx(2.5)
    assert found.targets == (3.0, 3.5)


@pytest.mark.parametrize("empty", [..., None, []])
def test_without_targets(empty: object) -> None:
    """No targets are no mistake."""
    assert parse(payload(targets=empty)).targets == ()


@pytest.mark.parametrize(
    ("given_confidence", "taken"), [(..., 60), (0, 0), (93.7, 93), (100, 100), (131, 100), (1e9, 100)]
)
def test_confidence(given_confidence: object, taken: int) -> None:
    """Weights may add up to more than 100: clamped; absent is 60 (contract 1.1)."""
    assert parse(payload(confidence=given_confidence)).confidence == taken


def test_fingerprint_is_echoed() -> None:
    """The platform's fingerprint is never recomputed, only made up when it is absent (contract 3)."""
    assert parse(payload(contract_fp="sigfp:of-another")).contract_fp == "sigfp:of-another"
    assert parse(payload(contract_fp=...)).contract_fp == SIGNAL["contract_fp"]


def test_moc_shape_is_accepted() -> None:
    """MOC never emits today, its shape is accepted all the same (contract 1.1)."""
    moc = contract(strike=451.35, expiry_label="0DTE", dte_band="0")
    assert parse(payload(strategy="moc", contract=moc)).contract.strike == pytest.approx(451.35)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"id": ...}, "id", "None"),
        ({"id": ""}, "id", "''"),
        ({"id": "a" * 41}, "id", "aaa"),
        ({"id": "no spaces"}, "id", "no spaces"),
        ({"id": "-a"}, "id", "-a"),
        ({"id": "a-"}, "id", "a-"),
        ({"id": "\u00e9"}, "id", "\u00e9"),
        ({"id": 7}, "id", "7"),
        ({"symbol": ...}, "symbol", "None"),
        ({"symbol": "spy"}, "symbol", "spy"),
        ({"strategy": ...}, "strategy", "None"),
        ({"strategy": ""}, "strategy", "''"),
        ({"strategy": "s" * 33}, "strategy", "sss"),
        ({"strategy": "a\nb"}, "strategy", "a\\nb"),
        ({"side": ...}, "side", "None"),
        ({"side": "long"}, "side", "long"),
        ({"side": ["LONG"]}, "side", "LONG"),
        ({"ts": ...}, "ts", "None"),
        ({"ts": str(TS_MS)}, "ts", str(TS_MS)),
        ({"ts": TS_MS + 0.5}, "ts", "0.5"),
        ({"ts": True}, "ts", "True"),
        ({"ts": 0}, "ts", "0"),
        ({"ts": -TS_MS}, "ts", "-"),
        ({"ts": 10**14}, "ts", "100000000000000"),
        ({"confidence": None}, "confidence", "None"),
        ({"confidence": "94"}, "confidence", "94"),
        ({"confidence": True}, "confidence", "True"),
        ({"confidence": -1}, "confidence", "-1"),
        ({"confidence": float("nan")}, "confidence", "nan"),
        ({"contract": ...}, "contract", "None"),
        ({"contract": {}}, "contract", "{}"),
        ({"contract": "SPY"}, "contract", "SPY"),
        ({"contract": contract(strike=-1)}, "contract.strike", "-1"),
        ({"contract": contract(type="stock", strike="x"), "contract_fp": ...}, "contract.strike", "x"),
        ({"contract_fp": ""}, "contract_fp", "''"),
        ({"contract_fp": 5}, "contract_fp", "5"),
        ({"contract_fp": "f" * 65}, "contract_fp", "fff"),
        ({"contract_fp": "a\r\nb"}, "contract_fp", "a\\r\\nb"),
        ({"dry_run": "false"}, "dry_run", "false"),
        ({"dry_run": None}, "dry_run", "None"),
        ({"entry": 0}, "entry", "0"),
        ({"entry": -2.5}, "entry", "-2.5"),
        ({"entry": "2.5"}, "entry", "2.5"),
        ({"entry": True}, "entry", "True"),
        ({"entry": MAX_PRICE * 2}, "entry", "2000000.0"),
        ({"entry": float("inf")}, "entry", "inf"),
        ({"targets": [3.0, -1]}, "targets[1]", "-1"),
        ({"targets": [3.0, None]}, "targets", "None"),
        ({"targets": "3.0"}, "targets", "3.0"),
        ({"targets": [3.0] * 11}, "targets", "3.0"),
        ({"features": {"vpin": float("nan")}}, "features.vpin", "nan"),
        ({"position_size": 1e999}, "position_size", "inf"),
        ({"reasons": ["\ud800"]}, "reasons[0]", "\\ud800"),
    ],
)
def test_refused_by_field_and_value(changes: dict[str, Any], field: str, value: str) -> None:
    """Every bad field is refused by its name and what was there."""
    error = refusal(payload(**changes))
    assert error.field == field
    assert value in error.value
    assert str(error).startswith(f"{field} = ")


def test_a_contract_that_is_there_is_not_called_missing() -> None:
    """Whoever sent a text looks for what is wrong with it."""
    assert str(refusal(payload(contract=...))) == "contract = None: missing"
    assert str(refusal(payload(contract="SPY"))) == "contract = 'SPY': must be an object with its terms"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"{",
        b'{"id": }',
        b"\xff\xfe",
        payload()[:-1],
        json.dumps(SIGNAL).encode("utf-16"),
        b"\xef\xbb\xbf" + payload(),
        payload().replace(b"order flow", b"\xed\xa0\x80"),
        b"[" * 20_000,
        b"9" * 5_000,
        b"null",
        b"[]",
        b'"signal"',
        b'{"pad": "' + b"x" * MAX_PAYLOAD_BYTES + b'"}',
    ],
)
def test_no_json_object(data: bytes) -> None:
    """What is not one JSON object in UTF-8, of a usual size, is refused as a payload and has no id to ack."""
    assert refusal(data).field == "payload"
    assert salvage_id(data) == ("", "")


@pytest.mark.parametrize("depth", [40, 900, 950, 980, 990, 1_000])
def test_a_pile_of_brackets(depth: int) -> None:
    """Nesting near the interpreter's own limit is refused by field, not by a crash on the way there."""
    data = b'{"id": ' + b"[" * depth + b"]" * depth + b"}"
    assert refusal(data).field in ("payload", "id" + "[0]" * 26)


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    """Bytes are refused by field, whatever they are."""
    error = refusal(data)
    str(error).encode()


@given(st.dictionaries(st.sampled_from([*SIGNAL, "entry", "stop", "targets"]), JSON))
def test_arbitrary_documents(changes: dict[str, Any]) -> None:
    """Any JSON in any field is taken or refused by field and value, and either can be sent and salvaged."""
    data = json.dumps(SIGNAL | changes).encode()
    signal_id, symbol = salvage_id(data)
    try:
        found = parse(data)
    except FieldError as error:
        refused = (error.field, error.value, str(error), signal_id, symbol)
        msgspec.msgpack.encode(refused)
        return
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=type(found)) == found
    assert (found.id, found.symbol) == (signal_id, symbol)
    assert msgspec.json.decode(found.raw) == json.loads(data)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"side": "UP"}, (SIGNAL["id"], "SPY")),
        ({"confidence": float("nan")}, (SIGNAL["id"], "SPY")),
        ({"symbol": "spy"}, (SIGNAL["id"], "")),
        ({"id": "two words"}, ("", "SPY")),
        ({"id": "a" * 41}, ("", "SPY")),
        ({"id": ["x"], "symbol": None}, ("", "")),
    ],
)
def test_salvaged_for_the_ack(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    """A refused signal is acked under its id where that is one; never under a name of somebody else's making."""
    assert salvage_id(payload(**changes)) == expected


@given(st.integers(0, 10**20))
def test_base36_law(number: int) -> None:
    """Base 36 reads back as the number it was made from."""
    text = base36(number)
    assert int(text, 36) == number
    assert text == text.lower()
    assert text == "0" or not text.startswith("0")


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:]{0,15}(-[A-Za-z0-9_.:]{1,8}){0,2}", fullmatch=True),
    st.integers(1, 10**14 - 1),
)
def test_delivery_is_the_stem_of_its_legs(signal_id: str, ts_ms: int) -> None:
    """The same delivery always gives the same name, and every orderRef of its bracket leads back to it."""
    found = parse(payload(id=signal_id, ts=ts_ms))
    delivery = delivery_of(found)
    assert delivery == f"{signal_id}-{base36(ts_ms)}"
    assert delivery_of(parse(payload(id=signal_id, ts=ts_ms, confidence=1))) == delivery
    bracket = legs(request(delivery=delivery), outside_rth=True)
    assert {stem_of(leg.ref) for leg in bracket} == {delivery}


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_deliveries_never_share_a_name(one: bytes, other: bytes) -> None:
    """Different (id, ts) give different deliveries: the time never runs into the id."""
    names = [f"s{data.hex()[:20]}" for data in (one, other)]
    times = [int.from_bytes(data[-5:]) + 1 for data in (one, other)]
    first, second = (
        delivery_of(signal(id=name, ts_ms=ts_ms)) for name, ts_ms in zip(names, times, strict=True)
    )
    assert (first == second) == ((names[0], times[0]) == (names[1], times[1]))


def test_age() -> None:
    """Age is now minus `ts`, negative for a signal of the future."""
    assert age_ms(signal(), TS_MS + 5_123) == 5_123
    assert age_ms(signal(), TS_MS - 10) == -10


@pytest.mark.parametrize(
    ("hour", "minute", "dead"), [(9, 30, False), (16, 14, False), (16, 15, True), (17, 0, True)]
)
def test_expires_at_the_close_of_its_day(hour: int, minute: int, dead: bool) -> None:
    """On its last day an option trades until 16:15 at the latest."""
    now = datetime(2025, 9, 19, hour, minute, tzinfo=EASTERN)
    assert expired(OPTION, now) is dead


def test_expired_before_and_after() -> None:
    """Dead on any later day, alive on any earlier one; a stock never expires."""
    assert expired(OPTION, datetime(2025, 9, 20, 0, 0, tzinfo=EASTERN))
    assert not expired(OPTION, datetime(2025, 9, 18, 23, 59, tzinfo=EASTERN))
    assert not expired(STOCK, datetime(2035, 1, 1, tzinfo=EASTERN))


def test_bearish_view() -> None:
    """A SHORT signal chooses a put (contract 1.1)."""
    found = parse(payload(side="SHORT", contract=contract(right="P")))
    assert (found.side, found.contract.right) == ("SHORT", "P")
