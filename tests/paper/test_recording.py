"""The player of recordings, on recordings made up here: it finds what is the same and what is not."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paper.conftest import RunningGateway, Starter
from tests.paper.raw import encode
from tests.paper.recording.player import play
from tests.paper.recording.reader import RecordingError, Step, read_recording

_SPY = {"con_id": 756733, "symbol": "SPY", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
_NONE = {"avg_fill_price": "0", "parent_id": "0", "last_fill_price": "0", "why_held": ""}


def say(speaker: str, name: str, **fields: object) -> str:
    """One line of a recording."""
    return f"{speaker} {name} {json.dumps(fields)}"


def connected(order_id: int) -> list[str]:
    """How every connection begins, with another farm notice than the paper gateway's."""
    farm = say("server", "api_error", req_id=-1, code=2107, message="Some farm is asleep")
    hello = 'handshake {"server_version":200,"connection_time":"20260101 12:00:00 Mars"}'
    accounts = say("server", "managed_accounts", accounts=["DU7"])
    return ["# made up", hello, accounts, say("server", "next_valid_id", order_id=order_id), farm]


def place(order_id: int, **terms: object) -> str:
    """A placeOrder for SPY."""
    return say("client", "place_order", order_id=str(order_id), contract=_SPY, tif="DAY", **terms)


def opened(order_id: int, perm_id: str, **terms: object) -> str:
    """An openOrder of client 4."""
    return say(
        "server", "open_order", order_id=order_id, contract=_SPY, perm_id=perm_id, client_id="4", **terms
    )


def status(order_id: int, perm_id: str, state: str, filled: int, remaining: int, **more: object) -> str:
    """An orderStatus of client 4 unless told otherwise."""
    fields = {"status": state, "filled": filled, "remaining": remaining, "perm_id": perm_id, "client_id": "4"}
    return say("server", "order_status", order_id=order_id, **(_NONE | fields | more))


def cancelled(order_id: int) -> str:
    """The 202 of a cancel."""
    text = "Order Canceled - reason:"
    return say("server", "api_error", req_id=order_id, code=202, message=text, advanced_order_reject_json="")


BUY = {"action": "BUY", "total_quantity": "3", "order_type": "MKT"}
REST = {"action": "BUY", "total_quantity": "5", "order_type": "LMT", "lmt_price": "12.5"}
FILL = say(
    "server",
    "execution_detail",
    req_id=-1,
    order_id=31,
    exec_id="x.1",
    symbol="SPY",
    side="BOT",
    shares=3,
    price="441.2",
)
BOUGHT = [
    place(31, **BUY),
    opened(31, "p31", status="Submitted"),
    status(31, "p31", "Submitted", 0, 3),
    FILL,
    opened(31, "p31", status="Filled"),
    status(31, "p31", "Filled", 3, 0, avg_fill_price="441.2", last_fill_price="441.2"),
    say("server", "commission_report", exec_id="x.1", commission="1", currency="USD", realized_pnl="0"),
]
RESTING = [
    place(32, **REST),
    opened(32, "p32", lmt_price="12.50"),
    status(32, "p32", "PreSubmitted", 0, 5),
    opened(32, "p32", lmt_price="12.50"),
    status(32, "p32", "Submitted", 0, 5),
]
SOLD_AT_A_STOP = [
    place(33, action="SELL", total_quantity="3", order_type="STP", aux_price="430"),
    opened(33, "p33", aux_price="430", lmt_price="430.03"),
    status(33, "p33", "PreSubmitted", 0, 3, why_held="trigger"),
    opened(33, "p33", aux_price="430", lmt_price="0"),
    status(33, "p33", "PreSubmitted", 0, 3, why_held="trigger"),
    opened(33, "p33", status="Submitted"),
    status(33, "p33", "Submitted", 0, 3),
    say(
        "server",
        "execution_detail",
        order_id=33,
        exec_id="x.2",
        symbol="SPY",
        side="SLD",
        shares=3,
        price="429.9",
    ),
    opened(33, "p33", status="Filled"),
    status(33, "p33", "Filled", 3, 0),
]
SOMEBODY_ELSE = [
    *connected(7)[1:],
    say("client", "req_open_orders", scope="all"),
    opened(32, "p32"),
    status(32, "p32", "Submitted", 0, 5),
    "server open_order_end {}",
    say("client", "cancel_order", order_id="32", field_count="5"),
    status(32, "p32", "Cancelled", 0, 5, client_id="0"),
    cancelled(32),
    say(
        "client", "req_account_summary", req_id="$sum", account="All", tags=["NetLiquidation", "BuyingPower"]
    ),
    say(
        "server",
        "account_summary",
        req_id="$sum",
        account="DU7",
        tag="BuyingPower",
        value="1",
        currency="CHF",
    ),
    say(
        "server",
        "account_summary",
        req_id="$sum",
        account="DU7",
        tag="NetLiquidation",
        value="1",
        currency="CHF",
    ),
    say("server", "account_summary_end", req_id="$sum"),
    "disconnect",
]
WHOLE = [*connected(31), *BOUGHT, *RESTING, *SOLD_AT_A_STOP, "sleep 100ms", "disconnect", *SOMEBODY_ELSE]


def written(directory: Path, lines: list[str]) -> Path:
    """A file of these lines."""
    path = directory / "made_up.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def gateway(start: Starter) -> RunningGateway:
    """A gateway as recordings are held against."""
    return start("--market", "still", "--account", "DU7")


def steps(directory: Path, lines: list[str]) -> list[Step]:
    """These lines, read."""
    return read_recording(written(directory, lines))


def test_a_whole_recording_is_told_again(gateway: RunningGateway, tmp_path: Path) -> None:
    """A fill, a limit at rest, a stop set off, another client's cancel: every recorded message comes, nothing besides."""
    result = play(steps(tmp_path, WHOLE), gateway)
    assert (result.difference, result.told) == ("", sum(line.startswith("server") for line in WHOLE) - 2)
    assert not result.besides
    assert "switch market_ack submitted" in result.statements
    assert "switch limit_presubmitted on" in result.statements


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        (
            '"status": "PreSubmitted", "filled": 0, "remaining": 5',
            '"status": "Inactive", "filled": 0, "remaining": 5',
            "status is",
        ),
        ('"lmt_price": "12.50"', '"lmt_price": "12.51"', "lmt_price is '12.5', recorded '12.51'"),
        ('"remaining": 5, "perm_id": "p32"', '"remaining": 5, "perm_id": "p31"', "perm_id is"),
        ('"message": "Order Canceled', '"message": "Order cancelled', "message is"),
        ('"tag": "BuyingPower"', '"tag": "SMA"', "tag is 'BuyingPower'"),
    ],
)
def test_the_first_difference_is_told(
    gateway: RunningGateway, tmp_path: Path, wrong: str, right: str, told: str
) -> None:
    """Which line, what was recorded, what came, and in which field."""
    lines = [line.replace(wrong, right) for line in WHOLE]
    assert lines != WHOLE
    result = play(steps(tmp_path, lines), gateway)
    first = next(
        number for number, line in enumerate(WHOLE, 1) if wrong in line and line.startswith("server")
    )
    assert told in result.difference
    assert result.difference.startswith(f"line {first}: ")


def test_an_unknown_instrument_is_listed(gateway: RunningGateway, tmp_path: Path) -> None:
    """A future, which the paper gateway's catalogue lacks, is listed with what its openOrder says of it."""
    future = {"con_id": 7, "symbol": "MES", "sec_type": "FUT", "expiry": "20260618", "local_symbol": "MESM6"}
    bought = [line.replace('"symbol": "SPY"', '"symbol": "MES"') for line in BOUGHT]
    lines = [line.replace(json.dumps(_SPY | {"symbol": "MES"}), json.dumps(_SPY | future)) for line in bought]
    assert lines[1] != BOUGHT[1]
    result = play(steps(tmp_path, [*connected(31), *lines, "disconnect"]), gateway)
    assert (result.difference, result.told) == ("", 8)
    assert any(
        statement.startswith("enlist 441.2 conId=7 symbol=MES secType=FUT") for statement in result.statements
    )


def raw(speaker: str, *fields: object) -> str:
    """A frame as it was."""
    return f"raw {speaker} {base64.b64encode(encode(*fields)).decode()}"


def test_raw_frames_of_the_text_protocol_are_steps(gateway: RunningGateway, tmp_path: Path) -> None:
    """Placed, rested, cancelled, in the layout of server version 200: no versions in cancel and error, no faProfile."""
    contract = (265598, "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", "")
    order = ("BUY", 10, "LMT", "14.61", "", "DAY", "", "DU7", "", 0, "ref")
    shown = (265598, "AAPL", "STK", "", "0", "?", "", "SMART", "USD", "AAPL", "NMS")
    terms = ("BUY", 10, "LMT", "14.61", "0.0", "DAY", "", "DU7", "", 0, "ref", 4, 9001)
    at_rest = [*terms, 0, *[""] * 26, 3, *[""] * 3, 0]  # ocaType and parentId a place earlier than before
    lines = [
        'handshake {"server_version":200}',
        raw("server", 15, 1, "DU7"),
        raw("server", 9, 1, 377),
        raw("client", 3, 377, *contract, "", "", *order, 1, 0),
        raw("server", 5, 377, *shown, *at_rest),
        raw("server", 3, 377, "Submitted", 0, 10, 0, 9001, 0, 0, 4, "", 0),
        raw("client", 4, 377, "", "", ""),
        raw("server", 3, 377, "Cancelled", 0, 10, 0, 9001, 0, 0, 4, "", 0),
        raw("server", 4, 377, 202, "Order Canceled - reason:", "", 1781184660457),
        "disconnect",
    ]
    result = play(steps(tmp_path, lines), gateway)
    assert (result.difference, result.told) == ("", 6)


def test_what_is_left_out_is_a_difference_unless_abridged(gateway: RunningGateway, tmp_path: Path) -> None:
    """A recorder that drops openOrders is told so, or they are counted."""
    lines = [
        *connected(31),
        *[line for line in BOUGHT if not line.startswith("server open_order")],
        "disconnect",
    ]
    assert "another message" in play(steps(tmp_path, lines), gateway).difference
    gateway.do("nextid 4 31")
    again = [line.replace("31", "41").replace("p41", "p9").replace("x.1", "x.9") for line in lines]
    result = play(steps(tmp_path, again), gateway, abridged=True)
    assert (result.difference, dict(result.besides)) == ("", {"open_order": 2})


def test_more_than_was_recorded_is_a_difference(gateway: RunningGateway, tmp_path: Path) -> None:
    """What comes before the next request, or before the end, must have been recorded; so must what never comes."""
    short = [*connected(31), *RESTING[:1], "disconnect"]
    short = [line.replace("32", "31") for line in short]
    assert "before it came open_order" in play(steps(tmp_path, short), gateway).difference
    missing = [*connected(40), "server open_order_end {}"]
    assert "open_order_end {} did not come" in play(steps(tmp_path, missing), gateway).difference


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("whisper x {}", "'whisper' is none of handshake, client, server, raw, sleep, disconnect"),
        ('server open_order {"order_id":', "Expecting value"),
        ("client req_positions []", "is not an object"),
        ("raw server AAAABDE=", "a raw frame that is not whole"),
        ("raw server AAAABDEzMwA=", "message 133 is not one this gateway sends"),
        ("raw client AAAABDEzMwA=", "request 133 is not one that is read"),
        ("raw server ?", "non-base64|Only base64"),
    ],
)
def test_lines_that_cannot_be_read(tmp_path: Path, line: str, problem: str) -> None:
    """File, line and reason."""
    with pytest.raises(RecordingError, match=problem) as caught:
        steps(tmp_path, [*connected(1), line])
    assert str(caught.value).startswith(f"{tmp_path / 'made_up.txt'}:6: ")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([*connected(1), "client req_fundamentals {}"], "line 6: request 'req_fundamentals' is not one"),
        ([*connected(1), "server gossip {}"], "line 6: message 'gossip' is not one"),
        (["server next_valid_id {}"], "line 1: there is no handshake"),
        (
            [*connected(1), say("client", "place_order", order_id="1")],
            "line 6: the order's terms were not recorded",
        ),
        ([*connected(31), *[line.replace("SPY", "ZZZ") for line in BOUGHT]], "'ZZZ' names 0 instruments"),
    ],
)
def test_what_cannot_be_held(gateway: RunningGateway, tmp_path: Path, lines: list[str], problem: str) -> None:
    """A message or an instrument that this gateway does not have, an order without terms: the line and why."""
    assert problem in play(steps(tmp_path, lines), gateway).difference


def test_frames_that_are_not_text_are_not_read(tmp_path: Path) -> None:
    """From server version 201 on they are protobuf."""
    lines = ['handshake {"server_version":225}', "raw server AAAABDEwMgA="]
    with pytest.raises(RecordingError, match="server version 225; those after 200 are not text"):
        steps(tmp_path, lines)


def test_command_line(tmp_path: Path) -> None:
    """One line a file and an exit code: 0 as recorded, 1 with the difference, 2 for a file that cannot be read."""
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("\n".join([*connected(31), *BOUGHT, "disconnect"]))
    bad.write_text("\n".join([*connected(31), "server position_end {}", "disconnect"]))

    def run(*arguments: object) -> tuple[int, str]:
        command = [sys.executable, "-m", "tests.paper.recording", *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    assert run(good) == (0, f"{good}: 8 messages as recorded\n")
    code, said = run(good, bad)
    assert (code, said.splitlines()[1]) == (1, f"{bad}: differs after 2 messages")
    assert run(tmp_path / "none.txt")[0] == 2
