"""A gateway that was killed finds its orders, executions, positions and ids again."""

from pathlib import Path

from paper.ledger import read
from tests.paper.conftest import RunningGateway, Starter
from tests.paper.raw import AAPL, Message, RawClient, place_order

EVERYTHING = ((16, 1), (99, 0), (7, 3, 9, 0, "", "", "", "", "", ""), (61, 1))


def lists(client: RawClient) -> list[Message]:
    """Open and completed orders, executions, positions."""
    return [message for fields in EVERYTHING for message in client.ask(*fields)]


def trade(gateway: RunningGateway) -> list[Message]:
    """A fill, a stop with everything on it, a cancelled order, a correction, an order by hand, a staged order."""
    with RawClient(gateway.port) as client:
        client.start(client_id=0)
        client.ask(*place_order(176, 1, totalQuantity=10, orderRef="one"))
        stop = {"orderType": "STP", "auxPrice": 100, "tif": "GTC", "action": "SELL", "triggerPrice": 300}
        client.ask(*place_order(176, 2, AAPL, **stop, adjustedOrderType="STP", adjustedStopPrice=290))
        client.ask(*place_order(176, 3, orderType="LMT", lmtPrice=100))
        client.ask(4, 1, 3, "")
        gateway.do("correct last price 99")
        gateway.do("manual BUY 5 MSFT")
        client.ask(*place_order(176, 9, orderType="LMT", lmtPrice=100, transmit=0))
        return lists(client)


def test_a_killed_gateway_finds_everything_again(start: Starter, tmp_path: Path) -> None:
    """After kill -9 and a new start in the same second every list is byte for byte the same, and ids go on."""
    moment = ("--start", "2026-11-23T10:00", "--speed", "0")
    options = ("--market", "still", "--state", str(tmp_path / "state"), *moment)
    first = start(*options)
    before = trade(first)
    first.kill()
    second = start(*options)
    with RawClient(second.port) as client:
        assert client.start(client_id=0)[1] == ["9", "1", "4"]
        assert lists(client) == before
        told = second.do("manual BUY 1 MSFT limit 100")
        assert isinstance(told, dict)
        assert told["order_id"] == -2
        bought = client.ask(*place_order(176, 4))
        old = {one[14] for one in before if one[0] == "11"}
        assert len(old) == 3
        assert not old & {one[14] for one in bought if one[0] == "11"}


def test_without_a_file_nothing_is_kept(start: Starter) -> None:
    """A gateway without --state starts empty."""
    first = start("--market", "still")
    trade(first)
    first.kill()
    with RawClient(start("--market", "still").port) as client:
        assert client.start(client_id=0)[1] == ["9", "1", "1"]
        assert [one[0] for one in lists(client)] == ["53", "102", "55", "62"]


def test_the_ledger_has_what_was_done_before_it_is_told(start: Starter) -> None:
    """Request, order, execution and its sending are there, in that order, keyed and timed, when the client reads."""
    gateway = start("--market", "still")
    with RawClient(gateway.port) as client:
        client.start()
        client.send(*place_order(176, 1, orderRef="one"))
        (execution,) = [one for one in client.until(lambda one: one[0] == "11") if one[0] == "11"]
        records = read(gateway.ledger, "request", "order", "execution", "sent")
    assert [record["kind"] for record in records] == ["request", "order", "execution", "sent"]
    request, order, filled, sent = records
    assert request["order_ref"] == order["order_ref"] == filled["order_ref"] == "one"
    assert filled["exec_id"] == sent["exec_id"] == execution[14]
    assert str(filled["perm_id"]) == str(order["perm_id"]) == execution[21]
    assert sent["live"]
    for clock in ("t", "m"):
        times = [record[clock] for record in records]
        assert times == sorted(times)


def test_a_record_cut_short_is_left_out(tmp_path: Path) -> None:
    """What a kill left of the last line is no record; kinds can be picked."""
    path = tmp_path / "ledger"
    path.write_bytes(b'{"kind":"order","id":1}\n{"kind":"sent","id":2}\n{"kind":"ord')
    assert [record["id"] for record in read(path)] == [1, 2]
    assert [record["id"] for record in read(path, "sent")] == [2]
