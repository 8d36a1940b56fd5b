"""Contract normalisation, against the platform contract's section 1.1 and its hash vectors."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.contract import (
    MAX_MULTIPLIER,
    MAX_STRIKE,
    check_symbol,
    describe,
    fingerprint,
    named,
    nearest_listed,
    normalise,
    parse_expiry,
    parse_occ,
)
from router.errors import FieldError
from router.messages import ContractSpec
from router.reasons import Reason
from tests.router.factory import contract

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def refusal(given_contract: dict[str, Any], symbol: str = "SPY") -> FieldError:
    """The error that a contract is refused with."""
    with pytest.raises(FieldError) as caught:
        normalise(given_contract, symbol)
    return caught.value


def test_the_produced_shape() -> None:
    """The example of contract 10 becomes the option it names, and nothing is qualified yet."""
    assert normalise(contract(), "SPY") == ContractSpec(
        sec_type="OPT", symbol="SPY", expiry="20250919", strike=451.0, right="C", multiplier=100, con_id=0
    )


@pytest.mark.parametrize("kind", ["option", "opt", "options", "OPTION", "future", "", None, ..., 7])
def test_option_unless_it_says_stock(kind: object) -> None:
    """Absent and unknown types are options (contract 1.1)."""
    assert normalise(contract(type=kind), "SPY").sec_type == "OPT"


@pytest.mark.parametrize("kind", ["stock", "stk", "equity", "Stock"])
def test_stock(kind: str) -> None:
    """A stock has no expiry, strike or right, whatever else the contract holds, and a multiplier of 1."""
    assert normalise(contract(type=kind, exchange="nyse"), "AAPL") == ContractSpec(
        sec_type="STK", symbol="AAPL", exchange="NYSE", currency="USD"
    )


@pytest.mark.parametrize(
    "spelling",
    [
        "20250919",
        "250919",
        "2025-09-19",
        "2025/09/19",
        "09/19/2025",
        "19-Sep-2025",
        "Sep 19 2025",
        "Sep 19, 2025",
        "2025-09-19T16:00:00",
        "2025-09-19T16:00:00-04:00",
        " 20250919 ",
        20250919,
        date(2025, 9, 19),
        datetime(2025, 9, 19, 16),  # noqa: DTZ001 - a naive one is what a producer may hold
    ],
)
def test_every_spelling_of_an_expiry(spelling: object) -> None:
    """All spellings that contract 1.1 lists mean the same day."""
    assert parse_expiry(spelling) == "20250919"


@pytest.mark.parametrize(
    "spelling",
    ["", "soon", "2025919", "20251301", "20250231", "25-09", "1", 0, -20250919, True, None, 2.5, []],
)
def test_what_is_no_expiry(spelling: object) -> None:
    """Anything else is None, never a guess."""
    assert parse_expiry(spelling) is None


@given(JSON | st.dates() | st.datetimes())
def test_expiry_law(value: object) -> None:
    """Whatever comes in, what comes out is eight digits that read back as themselves, or None."""
    found = parse_expiry(value)
    if found is not None:
        assert len(found) == 8
        assert found.isdigit()
        assert parse_expiry(found) in (found, None)  # strptime has no years below 1000


@given(st.dates())
def test_expiry_of_every_date(day: date) -> None:
    """Every calendar day is written in full, early years padded."""
    assert parse_expiry(day) == f"{day.year:04}{day.month:02}{day.day:02}"


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"expiry": "someday"}, "contract.expiry", "someday"),
        ({"expiry": 99}, "contract.expiry", "99"),
        ({"expiry": ...}, "contract.expiry", "None"),
        ({"expiry": ""}, "contract.expiry", ""),
        ({"strike": ...}, "contract.strike", "None"),
        ({"strike": "451"}, "contract.strike", "451"),
        ({"strike": True}, "contract.strike", "True"),
        ({"strike": 0}, "contract.strike", "0"),
        ({"strike": -451.0}, "contract.strike", "-451.0"),
        ({"strike": float("nan")}, "contract.strike", "nan"),
        ({"strike": float("inf")}, "contract.strike", "inf"),
        ({"strike": MAX_STRIKE + 1}, "contract.strike", "1000001.0"),
        ({"strike": 10**400}, "contract.strike", "1000"),
        ({"right": "X"}, "contract.right", "X"),
        ({"right": 5}, "contract.right", "5"),
        ({"multiplier": 0}, "contract.multiplier", "0"),
        ({"multiplier": MAX_MULTIPLIER + 1}, "contract.multiplier", "10001"),
        ({"multiplier": "many"}, "contract.multiplier", "many"),
        ({"multiplier": 99.5}, "contract.multiplier", "99.5"),
        ({"multiplier": True}, "contract.multiplier", "True"),
        ({"multiplier": None}, "contract.multiplier", "None"),
        ({"multiplier": float("inf")}, "contract.multiplier", "inf"),
        ({"multiplier": float("nan")}, "contract.multiplier", "nan"),
        ({"exchange": 5}, "contract.exchange", "5"),
        ({"exchange": "S" * 17}, "contract.exchange", "SSS"),
        ({"exchange": "SM\u00c4RT"}, "contract.exchange", "SM"),
        ({"exchange": "SM\0ART"}, "contract.exchange", "SM"),
        ({"currency": ["USD"]}, "contract.currency", "USD"),
        ({"occ_symbol": "SPY"}, "contract.occ_symbol", "SPY"),
        ({"occ_symbol": 42}, "contract.occ_symbol", "42"),
        ({"occ_symbol": "SPY251399C00451000"}, "contract.occ_symbol", "SPY251399C"),
        ({"occ_symbol": "SPY250919C00000000"}, "contract.occ_symbol", "SPY250919C"),
    ],
)
def test_refused_by_field_and_value(changes: dict[str, Any], field: str, value: str) -> None:
    """A contract that cannot be meant is refused by the name of its field and what was there."""
    error = refusal(contract(**changes))
    assert error.field == field
    assert value in error.value
    assert field in str(error)


@pytest.mark.parametrize(
    ("right", "expected"), [("c", "C"), ("P", "P"), ("put", "P"), ("Call", "C"), ("", "C")]
)
def test_right(right: str, expected: str) -> None:
    """C and P in any spelling; an empty one is a call (contract 1.1)."""
    assert normalise(contract(right=right), "SPY").right == expected


@pytest.mark.parametrize("multiplier", [10, 10.0, "10"])
def test_multiplier(multiplier: object) -> None:
    """A mini's multiplier is taken as a number or as text."""
    assert normalise(contract(multiplier=multiplier), "SPY").multiplier == 10


def test_occ_symbol_and_fields_that_agree() -> None:
    """However the fields are written, the same terms are no conflict."""
    fields = contract(expiry="2025-09-19", right="call", strike=451, occ_symbol="SPY250919C00451000")
    assert normalise(fields, "SPY") == replace(normalise(contract(), "SPY"), trading_class="SPY")


@pytest.mark.parametrize(
    ("occ", "field", "said"),
    [
        ("SPY   250926C00451000", "contract.expiry", "'20250919': but contract.occ_symbol says 20250926"),
        ("SPY   250919P00451000", "contract.right", "'C': but contract.occ_symbol says P"),
        ("SPY   250919C00451500", "contract.strike", "451.0: but contract.occ_symbol says 451.5"),
        ("QQQ   250919C00451000", "contract.occ_symbol", "is no option on SPY"),
        ("SP    250919C00451000", "contract.occ_symbol", "is no option on SPY"),
    ],
)
def test_occ_symbol_and_fields_that_do_not(occ: str, field: str, said: str) -> None:
    """Nobody knows which is meant: refused, naming the field, its value and what the symbol says."""
    with pytest.raises(FieldError) as caught:
        normalise(contract(occ_symbol=occ), "SPY")
    assert (caught.value.field, caught.value.reason) == (field, Reason.CONTRACT_CONFLICT)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"symbol": "QQQ"}, "contract.symbol", "'QQQ': but symbol says SPY"),
        ({"symbol": 7}, "contract.symbol", "7: but symbol says SPY"),
        (
            {"type": "stock", "occ_symbol": "SPY   250919C00451000"},
            "contract.type",
            "'stock': but contract.occ_symbol SPY   250919C00451000 is of an option",
        ),
    ],
)
def test_a_contract_of_something_else(fields: dict[str, Any], field: str, said: str) -> None:
    """Another underlying than the signal's, or shares where the OCC symbol is an option's: refused, not guessed."""
    with pytest.raises(FieldError) as caught:
        normalise(contract(**fields), "SPY")
    assert (caught.value.field, caught.value.reason) == (field, Reason.CONTRACT_CONFLICT)
    assert said in str(caught.value)


def test_a_contract_may_repeat_its_symbol() -> None:
    """As the records of the platform do, in either spelling of a class of shares."""
    assert normalise(contract(symbol="SPY"), "SPY") == normalise(contract(), "SPY")
    assert normalise({"type": "stock", "symbol": "BRK B"}, "BRK.B").symbol == "BRK.B"


@pytest.mark.parametrize(
    ("symbol", "occ", "trading_class"),
    [
        ("SPX", "SPXW  250919C05500000", "SPXW"),
        ("AAPL", "AAPL1250919C00150000", "AAPL1"),
        ("AAPL", "AAPL7 250919C00150000", "AAPL7"),
        ("SPX", "SPX   250919C05500000", "SPX"),
        ("BRK.B", "BRKB  250919C00450000", "BRKB"),
        ("BRK B", "BRKB250919C00450000", "BRKB"),
        ("F", "F250919C00012000", "F"),
        ("GOOGL", "GOOGL2250919C00012000", "GOOGL2"),
    ],
)
def test_occ_roots(symbol: str, occ: str, trading_class: str) -> None:
    """Weeklies and adjusted contracts have a root of their own: it is the class that IB must look in."""
    spec = normalise({"occ_symbol": occ}, symbol)
    assert (spec.symbol, spec.trading_class) == (symbol, trading_class)


def test_occ_symbol_is_enough() -> None:
    """With an OCC symbol the explicit fields may be absent."""
    spec = normalise({"occ_symbol": "spy250919c00451000"}, "SPY")
    assert spec == replace(normalise(contract(), "SPY"), trading_class="SPY")


@given(
    root=st.from_regex(r"[A-Z][A-Z0-9]{0,5}", fullmatch=True),
    day=st.dates(date(2000, 1, 1), date(2068, 12, 31)),
    right=st.sampled_from("CP"),
    mills=st.integers(1, 99_999_999),
)
def test_occ_law(root: str, day: date, right: str, mills: int) -> None:
    """Every well-formed OCC symbol, padded or not, reads back as what it was made from."""
    for padded in (root, f"{root:<6}"):
        assert parse_occ(f"{padded}{day:%y%m%d}{right}{mills:08}") == {
            "root": root,
            "expiry": f"{day:%Y%m%d}",
            "right": right,
            "strike": mills / 1000,
        }


@given(
    symbol=st.from_regex(r"[A-Z]{1,5}", fullmatch=True),
    suffix=st.sampled_from(["", "1", "7", "W"]),
    day=st.dates(date(2000, 1, 1), date(2068, 12, 31)),
    right=st.sampled_from("CP"),
    mills=st.integers(1, 99_999_999),
)
def test_occ_round_trip_law(symbol: str, suffix: str, day: date, right: str, mills: int) -> None:
    """A contract made from its OCC symbol spells that symbol again, and agrees with itself beside its own terms."""
    occ = f"{symbol + suffix:<6}{day:%y%m%d}{right}{mills:08}"
    spec = normalise({"occ_symbol": occ}, symbol)
    root = spec.trading_class or spec.symbol
    assert occ == f"{root:<6}{spec.expiry[2:]}{spec.right}{round(spec.strike * 1000):08}"
    terms = {"expiry": spec.expiry, "right": spec.right, "strike": spec.strike}
    assert normalise(terms | {"occ_symbol": occ}, symbol) == spec


@pytest.mark.parametrize("text", ["SPY", "BRK B", "BRK.B"])
def test_a_stock_named_by_a_desk(text: str) -> None:
    """A symbol alone is a stock."""
    assert named(text, "quotes.contracts") == ContractSpec("STK", text)


def test_an_option_named_by_a_desk() -> None:
    """An OCC symbol is the option it names."""
    assert named("SPY   250919C00451000", "f") == normalise(contract(), "SPY")


def test_what_names_no_contract() -> None:
    """Refused under the key it stands in."""
    with pytest.raises(FieldError) as caught:
        named("spy", "quotes.contracts")
    assert caught.value.field == "quotes.contracts"


@given(st.dictionaries(st.sampled_from([*contract(), "occ_symbol", "currency"]), JSON))
def test_refuses_nothing_but_by_field(junk: dict[str, Any]) -> None:
    """Whatever a contract holds, it is normalised to finite values or refused by a field of it."""
    try:
        spec = normalise(junk, "SPY")
    except FieldError as error:
        field = error.field
    else:
        field = "contract.fine"
        assert spec.sec_type == "STK" or (0 < spec.strike <= MAX_STRIKE and len(spec.expiry) == 8)
        assert 1 <= spec.multiplier <= MAX_MULTIPLIER
    assert field.startswith("contract.")


@pytest.mark.parametrize("symbol", ["SPY", "A", "BRK.B", "BRK B", "ABCDEFGHIJKL"])
def test_symbol(symbol: str) -> None:
    """Tickers are upper case, with one class suffix at most."""
    assert check_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "symbol", ["", "spy", "SPY ", "SPY\n", "1SPY", "A.B.C", "ABCDEFGHIJKLM", None, 5, ["SPY"]]
)
def test_no_symbol(symbol: object) -> None:
    """Anything else is refused by name: it becomes part of Redis keys and orders."""
    with pytest.raises(FieldError, match="symbol"):
        check_symbol(symbol)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("0dte", "sigfp:d625406e3ba518cc6234"), ("0DTE", "sigfp:da9270eabe62a830e552")],
)
def test_fingerprint_vectors(strategy: str, expected: str) -> None:
    """Contract 10's own hashes; the strategy is taken raw, so its case matters (contract 3)."""
    assert fingerprint(contract(), symbol="SPY", strategy=strategy, side="LONG") == expected


def test_signal_id_vector() -> None:
    """The fingerprint is what the platform's signal id is made from (contract 1.1, 10)."""
    name = fingerprint(contract(), symbol="SPY", strategy="0dte", side="LONG") + ":D6.0.1:20250919"
    assert hashlib.sha1(name.encode()).hexdigest()[:16] == "9bbeedc541dd1c7a"


def print_of(**changes: Any) -> str:
    """The fingerprint of the example contract with changes."""
    return fingerprint(contract(**changes), symbol="SPY", strategy="0dte", side="LONG")


def test_fingerprint_tells_contracts_apart() -> None:
    """Multiplier and exchange are part of it (contract 10); keys it does not know are not (contract 3)."""
    same = {
        print_of(),
        print_of(dte_band="7", occ_symbol="x"),
        print_of(exchange="smart"),
        print_of(exchange=...),
    }
    assert len(same) == 1
    assert len({print_of(), print_of(multiplier=10), print_of(exchange="CBOE"), print_of(right="P")}) == 4


def test_fingerprint_right() -> None:
    """The right comes from `right`, else from `type`; what starts with C is a call, all else a put (contract 3)."""
    assert print_of(right=..., type="call") == print_of()
    assert print_of(right=..., type="option") == print_of(right="P")


@pytest.mark.parametrize("strike", ["high", [451], 10**400])
def test_fingerprint_refuses_a_strike_that_is_no_number(strike: object) -> None:
    """A stock's stray strike is not looked at by normalise, but it is part of the fingerprint."""
    with pytest.raises(FieldError, match=r"contract\.strike"):
        print_of(type="stock", strike=strike)


def test_describe() -> None:
    """People read an option as one line, a stock as its symbol."""
    assert describe(normalise(contract(strike=449.5), "SPY")) == "SPY 20250919 449.5C"
    assert describe(normalise(contract(type="stock"), "AAPL")) == "AAPL"


def listed(**changes: Any) -> ContractSpec:
    """A listed option of the example's symbol and right."""
    plain = ContractSpec(sec_type="OPT", symbol="SPY", expiry="20250919", strike=451.0, right="C")
    return msgspec.structs.replace(plain, **changes)


def test_the_nearest_that_is_listed() -> None:
    """Strikes of the wanted expiry; without any, expiries; nothing of another symbol or right."""
    wanted = listed(strike=454.87)
    strikes = [listed(strike=strike) for strike in (450.0, 455.0, 454.0, 456.0, 460.0)]
    others = [listed(symbol="QQQ", strike=454.9), listed(right="P", strike=454.8)]
    assert nearest_listed(wanted, [*strikes, *others]) == (
        "nearest listed strikes of 20250919: 454, 455, 456"
    )
    later = [listed(expiry=expiry) for expiry in ("20250926", "20250918", "20251219", "20250922")]
    assert nearest_listed(wanted, later) == "nearest listed expiries: 20250918, 20250922, 20250926"
    assert nearest_listed(wanted, others) == ""
