"""Faults ordered over the control socket or by a script, seen by a client that is nothing but bytes."""

import json
import socket
from pathlib import Path

import pytest

from tests.paper.conftest import RunningGateway, Starter
from tests.paper.ib_client import ledger
from tests.paper.raw import AAPL, Message, RawClient, place_order

MARKET = ["5", "3", "11", "5", "3", "5", "3", "59"]  # what a market order that fills causes


def buy(client: RawClient, order_id: int = 1, **order: object) -> list[Message]:
    """Buy one share; all that comes of it at once."""
    return client.ask(*place_order(client.version, order_id, AAPL, orderRef=f"r-{order_id}", **order))


def rest(client: RawClient, order_id: int = 1) -> list[Message]:
    """A limit order out of reach."""
    return buy(client, order_id, orderType="LMT", lmtPrice=100)


def kinds(messages: list[Message]) -> list[str]:
    """Their message ids."""
    return [one[0] for one in messages]


def quiet(client: RawClient) -> None:
    """Nothing comes for a moment."""
    client.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.receive()
    client.socket.settimeout(15)


def test_without_faults(still_gateway: RunningGateway) -> None:
    """The sequence that the other tests disturb."""
    with RawClient(still_gateway.port) as client:
        client.start()
        assert kinds(buy(client)) == MARKET


DISTURBED = (
    ("drop orderStatus status=Filled always", ["5", "3", "11", "5", "5", "59"]),
    ("drop openOrder skip 1", ["5", "3", "11", "3", "5", "3", "59"]),
    ("drop orderStatus times 2", ["5", "11", "5", "5", "3", "59"]),
    ("duplicate execDetails", ["5", "3", "11", "11", "5", "3", "5", "3", "59"]),
    ("hold execDetails until commissionReport", ["5", "3", "5", "3", "5", "3", "59", "11"]),
    ("hold execDetails until orderStatus status=Filled", ["5", "3", "5", "3", "11", "5", "3", "59"]),
    ("drop execDetails client 2", MARKET),
)


def test_messages_are_missing_repeated_or_out_of_order(still_gateway: RunningGateway) -> None:
    """Each rule changes exactly the messages it names, and the next order is told of as ever once it is gone."""
    with RawClient(still_gateway.port) as client:
        client.start()
        for turn, (statement, expected) in enumerate(DISTURBED):
            still_gateway.do(statement)
            assert kinds(buy(client, 2 * turn + 1)) == expected, statement
            still_gateway.do("clear")
            assert kinds(buy(client, 2 * turn + 2)) == MARKET


def test_a_delayed_execution_comes_last(still_gateway: RunningGateway) -> None:
    """What is delayed is overtaken, comes by itself, and is in the ledger as sent only then."""
    with RawClient(still_gateway.port) as client:
        client.start()
        still_gateway.do("delay execDetails by 0.3")
        assert kinds(buy(client)) == ["5", "3", "5", "3", "5", "3", "59"]
        assert len(ledger(still_gateway, "execution")) == 1
        assert ledger(still_gateway, "sent") == []
        late = client.receive()
        assert late[0] == "11"
        assert [one["exec_id"] for one in ledger(still_gateway, "sent")] == [late[14]]


def test_the_connection_is_cut_within_a_message(still_gateway: RunningGateway) -> None:
    """The client gets so many bytes of the frame and an end; the gateway goes on; what was done stays done."""
    for order_id, size in enumerate((0, 1, 3, 4, 5, 60), 1):
        with RawClient(still_gateway.port) as client:
            assert client.start()[1] == ["9", "1", str(order_id)]
            still_gateway.do(f"cut execDetails at {size}")
            client.send(*place_order(176, order_id))
            assert [client.receive()[0] for _ in range(2)] == ["5", "3"]
            assert len(client.left_over()) == size
        assert len(ledger(still_gateway, "execution")) == order_id


@pytest.mark.parametrize("after", [0, 1, 20])
def test_the_connection_is_cut_after_some_bytes(still_gateway: RunningGateway, after: int) -> None:
    """`disconnect` ends it at any byte from now on."""
    with RawClient(still_gateway.port) as client:
        client.start()
        still_gateway.do(f"disconnect 1 after {after}")
        if after:
            client.send(*place_order(176, 1))
            assert len(client.left_over()) == after
        else:
            with pytest.raises(ConnectionError):
                client.receive()


def test_a_swallowed_order_is_never_heard_of(still_gateway: RunningGateway) -> None:
    """The one order is not answered, not in any list and in the ledger as swallowed; the next one works."""
    with RawClient(still_gateway.port) as client:
        client.start()
        still_gateway.do("swallow placeOrder orderRef=r-1")
        assert buy(client) == []
        assert client.ask(16, 1) == [["53", "1"]]
        assert kinds(buy(client, 2)) == MARKET
    assert [one["order_ref"] for one in ledger(still_gateway, "order")] == ["r-2"]
    assert [one["message"][:2] for one in ledger(still_gateway, "swallowed")] == [["3", "1"]]


def test_an_accepted_order_is_rejected(still_gateway: RunningGateway) -> None:
    """It becomes Inactive with 201 after it was Submitted, and cannot be cancelled any more."""
    with RawClient(still_gateway.port) as client:
        client.start()
        assert rest(client)[-1][2] == "Submitted"
        still_gateway.do('reject r-1 201 "Order rejected - reason:margin"')
        said = client.heard()
        assert kinds(said) == ["5", "3", "4"]
        assert (said[1][2], said[2][2:5]) == ("Inactive", ["1", "201", "Order rejected - reason:margin"])
        assert [one[3] for one in client.ask(4, 1, 1, "")] == ["10148"]


def test_any_error_on_a_live_order(still_gateway: RunningGateway) -> None:
    """Errors can be tied to an order that goes on living."""
    with RawClient(still_gateway.port) as client:
        client.start()
        rest(client)
        for code in (110, 104, 105, 161, 201, 321, 399, 10147, 10148, 10349):
            still_gateway.do(f'error {code} "as told" on last')
            assert client.heard() == [["4", "2", "1", str(code), "as told", ""]]
        assert kinds(client.ask(16, 1)) == ["5", "3", "53"]


def test_an_execution_is_corrected_and_busted(still_gateway: RunningGateway) -> None:
    """A correction repeats every field but price and the id's last segment; a bust has no shares; positions follow."""
    with RawClient(still_gateway.port) as client:
        client.start()
        (first,) = [one for one in buy(client) if one[0] == "11"]
        client.ask(61, 1)
        still_gateway.do("correct last price 99.5")
        corrected, report, position = client.heard()
        head = first[14].rpartition(".")[0]
        assert (first[14], corrected[14], report[2]) == (f"{head}.01", f"{head}.02", f"{head}.02")
        changed = {at for at, (old, new) in enumerate(zip(first, corrected, strict=True)) if old != new}
        assert changed == {14, 20, 25}  # id, price, average price
        assert (corrected[20], position[14]) == ("99.5", "1")
        still_gateway.do("bust last")
        busted, _, flat = client.heard()
        assert (busted[14], busted[19], flat[14]) == (f"{head}.03", "0", "0")
    assert [one["exec_id"][-2:] for one in ledger(still_gateway, "execution")] == ["01", "02", "03"]


@pytest.mark.parametrize("state", ["kept", "data-lost"])
def test_connectivity_is_lost_and_comes_back(still_gateway: RunningGateway, state: str) -> None:
    """After 1100 orders work unheard; after 1102 everything is delivered, after 1101 it is lost for good."""
    with RawClient(still_gateway.port) as client:
        client.start()
        client.ask(1, 11, 7, *AAPL, 0, "", 0, 0, "")
        still_gateway.do("connectivity lost")
        assert [one[2:4] for one in client.heard()] == [["-1", "1100"]]
        assert buy(client) == []
        still_gateway.do("move AAPL 300")
        still_gateway.do(f"connectivity {state}")
        said = client.heard()
        assert said[0][3] == {"kept": "1102", "data-lost": "1101"}[state]
        assert kinds(said[1:]) == (MARKET if state == "kept" else [])
        still_gateway.do("move AAPL 310")
        assert ("1" in kinds(client.heard())) == (state == "kept")
        assert "11" in kinds(client.ask(7, 3, 9, 0, "", "", "", "", "", ""))


FARMS = (
    ("usfarm", "broken", "2103"),
    ("usfarm", "ok", "2104"),
    ("usfarm", "inactive", "2108"),
    ("ushmds", "broken", "2105"),
    ("ushmds", "inactive", "2107"),
    ("secdefnj", "broken", "2157"),
    ("secdefnj", "ok", "2158"),
)


def test_farms_come_and_go(still_gateway: RunningGateway) -> None:
    """Every farm notice has its code and names the farm."""
    with RawClient(still_gateway.port) as client:
        client.start()
        for farm, state, code in FARMS:
            still_gateway.do(f"farm {farm} {state}")
            (notice,) = client.heard()
            assert notice[2:4] == ["-1", code]
            assert notice[4].endswith(farm)


def test_ids_are_rolled_back_over_a_restart(start: Starter) -> None:
    """After a scripted restart the port is the same, staged orders are gone, live ones are not, ids are older."""
    gateway = start("--market", "still")
    with RawClient(gateway.port) as client:
        client.start()
        rest(client)
        buy(client, 2, transmit=0)
        gateway.do("rollback 1 by 2\nrestart down 0.2")
        client.left_over()
    while True:  # refused while it is down
        try:
            again = RawClient(gateway.port)
            break
        except ConnectionRefusedError:
            continue
    with again:
        assert again.start()[1] == ["9", "1", "1"]
        assert kinds(again.ask(16, 1)) == ["5", "3", "53"]
        assert again.ask(4, 1, 2, "")[0][3] == "10147"


def test_a_frozen_client_hears_nothing_until_it_thaws(still_gateway: RunningGateway) -> None:
    """The socket stays open, nothing is read or written; afterwards everything comes in order."""
    with RawClient(still_gateway.port) as client, RawClient(still_gateway.port) as other:
        client.start()
        other.start(client_id=2)
        still_gateway.do("freeze 1")
        client.send(*place_order(176, 1))
        quiet(client)
        assert kinds(buy(other)) == MARKET
        still_gateway.do("thaw 1")
        assert [client.receive()[0] for _ in MARKET] == MARKET


def test_a_throttled_client_gets_everything_slowly(still_gateway: RunningGateway) -> None:
    """The bytes come in small pieces and in order; unlimited again, the rest comes at once."""
    with RawClient(still_gateway.port) as client:
        client.start()
        still_gateway.do("throttle 1 2000")
        client.send(*place_order(176, 1))
        first = client.socket.recv(65536)
        assert 0 < len(first) < 200
        still_gateway.do("throttle 1 0")
        data = first
        while data.count(b"\x0059\x00") == 0 and b"59\x001\x00" not in data:
            data += client.socket.recv(65536)
        assert data.index(b"11\x00-1\x00") < data.index(b"59\x001\x00")


def test_too_many_messages_are_refused(start: Starter) -> None:
    """With pacing `reject` the 51st message in a second gets error 100, and the third violation ends the session."""
    gateway = start("--pacing", "reject", "--market", "still")
    with RawClient(gateway.port) as client:
        client.start()
        for _ in range(60):
            client.send(17, 1)
        said = list(client.until(lambda one: one[0] == "4"))
        assert kinds(said) == ["15"] * 49 + ["4"]  # startApi was one of the fifty
        assert said[-1][2:4] == ["-1", "100"]
        assert "max=50" in said[-1][4]


def test_too_many_messages_wait(start: Starter) -> None:
    """With pacing `queue` every message is answered in order, none of them refused."""
    gateway = start("--pacing", "queue", "--market", "still")
    with RawClient(gateway.port) as client:
        client.start()
        for number in range(70):
            client.send(91, 26 if number % 2 else 110)
        said = [client.receive() for _ in range(70)]
        assert [one[1] for one in said] == ["110", "26"] * 35


def test_what_happens_when(still_gateway: RunningGateway) -> None:
    """`when` acts on a message of either side, `after` on the machine's clock."""
    with RawClient(still_gateway.port) as client:
        client.start()
        still_gateway.do('when placeOrder orderRef=r-1 : error 399 "Order Message: later" on last')
        assert (rest(client) + client.heard())[-1][3] == "399"
        still_gateway.do('when openOrder : after 0.1 : error 2110 "later still"')
        rest(client, 2)
        assert client.receive()[3] == "2110"


def test_what_happens_at_an_hour(start: Starter) -> None:
    """`at` acts when the gateway's own clock, here a virtual one, comes to it."""
    gateway = start("--market", "still", "--start", "2026-11-23T10:00", "--speed", "0")
    with RawClient(gateway.port) as client:
        client.start()
        gateway.do('at 10:30 : error 2110 "half past"')
        gateway.do("advance 1799")
        quiet(client)
        gateway.do("advance 1")
        assert client.receive()[3:5] == ["2110", "half past"]


def test_orders_made_by_hand_reach_client_0(still_gateway: RunningGateway) -> None:
    """A manual order and a manual close are told to client 0 only, under an id that is nobody's."""
    with RawClient(still_gateway.port) as zero, RawClient(still_gateway.port) as one:
        zero.start(client_id=0)
        one.start(client_id=1)
        told = still_gateway.do("manual BUY 10 AAPL ref by-hand")
        assert isinstance(told, dict)
        assert (told["client_id"], told["order_id"] < 1) == (0, True)
        assert "11" in kinds(zero.heard())
        still_gateway.do("close AAPL")
        assert "11" in kinds(zero.heard())
        assert one.heard() == []
    assert [record["order_ref"] for record in ledger(still_gateway, "execution")] == ["by-hand", ""]


def test_a_script_is_carried_out_at_the_start(start: Starter, tmp_path: Path) -> None:
    """`--script` puts its rules in force before anyone connects."""
    script = tmp_path / "script"
    script.write_text("# no status ever\ndrop orderStatus always\n\nquote AAPL 10 10.1\n")
    gateway = start("--script", str(script))
    with RawClient(gateway.port) as client:
        client.start()
        said = buy(client)
        assert kinds(said) == [kind for kind in MARKET if kind != "3"]
        assert [one[20] for one in said if one[0] == "11"] == ["10.1"]


def test_a_wrong_script_names_its_line(start: Starter, tmp_path: Path) -> None:
    """A gateway does not start on a script it cannot read, and says which line it is."""
    script = tmp_path / "script"
    script.write_text("clear\ndrop nothing\n")
    with pytest.raises(AssertionError, match=r"status 2 .*line 2: 'drop nothing'"):
        start("--script", str(script))


def test_the_control_socket_refuses_nonsense(still_gateway: RunningGateway) -> None:
    """Each bad line gets an error that says what is wrong; the conversation goes on."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(still_gateway.control))
        lines = caller.makefile("rwb")
        for line, reason in (
            (b"nonsense", "malformed"),
            (b'{"do": 1}', "Expected `str`"),
            (b'{"do": "fly away"}', "'fly' is no statement"),
            (b'{"do": "freeze 9"}', "client 9 is not connected"),
            (b'{"do": "reject last 201 x"}', "no order 'last'"),
            (b'{"do": "bust last"}', "no execution 'last'"),
            (b'{"do": "move AAPL nan"}', "is not a number"),
            (b'{"do": "move NOSUCH 1"}', "names 0 instruments"),
        ):
            lines.write(line + b"\n")
            lines.flush()
            reply = json.loads(lines.readline())
            assert not reply["ok"]
            assert reason in reply["error"]
        lines.write(b'{"do": "clear"}\n')
        lines.flush()
        assert json.loads(lines.readline()) == {"ok": True, "told": None}
