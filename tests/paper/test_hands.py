"""Hands on market, clock, orders and account, in the words of a scenario."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paper.clock import VirtualClock
from paper.contracts import ContractQuery
from paper.controls import Controls
from paper.gateway import Gateway
from paper.hands import Hands
from paper.ledger import NoLedger
from paper.market import Mood
from paper.orders import Order
from paper.scenario import HAND_VERBS, ScriptError
from paper.settings import Settings
from tests.paper.desk import terms


class Table:
    """A gateway with a virtual clock and hands on it."""

    def __init__(self) -> None:
        clock = VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))
        self.gateway = Gateway(Settings(market=Mood.STILL), clock, NoLedger())
        self.hands = Hands(Controls(self.gateway), self.find)

    def find(self, name: str) -> Order:
        """The newest order, whatever it is called."""
        return list(self.gateway.engine.book.orders.values())[-1]

    def do(self, line: str) -> object:
        """One statement, its words parted by blanks."""
        return self.hands(tuple(line.split()))

    def quote(self) -> list[str]:
        """Bid, ask, last and size of AAPL."""
        quote = self.gateway.market.quote(Controls(self.gateway).instrument("AAPL"))
        return [str(value) for value in (quote.bid, quote.ask, quote.last, quote.bid_size)]


@pytest.fixture
def table() -> Table:
    """A fresh one."""
    return Table()


def test_prices(table: Table) -> None:
    """move, quote with and without its options, release."""
    table.do("quote AAPL 250 250.1 last 250.05 size 300")
    assert table.quote() == ["250", "250.1", "250.05", "300"]
    table.do("quote AAPL 251 251.1")
    assert table.quote()[:2] == ["251", "251.1"]
    table.do("release AAPL")
    table.do("move AAPL 300")
    assert float(table.quote()[0]) == pytest.approx(300, rel=1e-3)
    table.do("path AAPL gap 200 1")
    table.do("advance 2")
    assert float(table.quote()[0]) == pytest.approx(200, rel=1e-2)
    table.do("halt AAPL")
    table.do("resume AAPL")


def test_time(table: Table) -> None:
    """advance, in steps of a second or of what is said."""
    table.do("advance 90")
    table.do("advance 60 step 30")
    assert table.gateway.clock.now() == datetime(2026, 11, 23, 15, 2, 30, tzinfo=UTC)


def test_orders_made_by_hand(table: Table) -> None:
    """manual with each kind of price and a reference, fill, cancel, close; what was made is told."""
    told = table.do("manual BUY 10 AAPL limit 100 ref mine")
    order = table.find("last")
    assert told == {"client_id": 0, "order_id": -1, "perm_id": order.perm_id}
    assert (order.terms.order_type, order.terms.order_ref) == ("LMT", "mine")
    table.do("fill last shares 4 price 99")
    assert (str(table.find("last").filled), str(table.find("last").last_price)) == ("4", "99")
    table.do("fill last")
    assert not table.find("last").is_live
    table.do("manual SELL 1 AAPL stop 50")
    assert table.find("last").terms.order_type == "STP"
    table.do("cancel last")
    assert not table.find("last").is_live
    table.do("close AAPL")
    assert [str(one.quantity) for one in table.gateway.account.positions.values()] == ["0"]


def test_account_ids_and_switches(table: Table) -> None:
    """own, own-unlisted with little and with much said, nextid, switch."""
    table.do("own AAPL 10 256.1")
    table.do("own-unlisted 1 6384.43 conId=7 symbol=YW secType=FUT")
    table.do(
        "own-unlisted -3 2100 conId=8 symbol=QQQ secType=OPT strike=500 right=P multiplier=100 expiry=20270115"
    )
    held = table.gateway.account.positions
    assert [str(one.quantity) for one in held.values()] == ["10", "1", "-3"]
    assert held[7].instrument.local_symbol == "YW"
    assert str(held[8].instrument.strike) == "500"
    table.do("nextid 3 40")
    assert table.gateway.engine.book.next_id(3) == 40
    table.do("switch stop_twice off")
    assert not table.gateway.engine.switches.stop_twice


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("move", "the last word is missing"),
        ("move AAPL", "the last word is missing"),
        ("move AAPL x", "not a number"),
        ("move AAPL inf", "'inf' is not a number"),
        ("move NOSUCH 1", "names 0 instruments"),
        ("move AAPL 1 2", "'2' is too much"),
        ("own-unlisted 1 2 symbol=A", "'conId'"),
        ("own-unlisted 1 2 symbol", "dictionary update"),
        ("advance -1", "cannot advance"),
    ],
)
def test_says_what_is_wrong(table: Table, line: str, reason: str) -> None:
    """A wrong statement is quoted with the reason and nothing is done."""
    with pytest.raises(ScriptError) as caught:
        table.do(line)
    assert reason in str(caught.value)


def test_every_verb_that_scenarios_know_is_done_here(table: Table) -> None:
    """What a script is told to be a statement for hands is one, and the other way round."""
    assert set(table.hands.verbs) == HAND_VERBS


def test_what_the_catalogue_lacks_can_be_listed(table: Table) -> None:
    """A future is found by conId and by its terms, trades at its price, and outlives its expiry as no option does."""
    table.do(
        "enlist 7039.5 conId=7 symbol=MES secType=FUT expiry=20261123 multiplier=5 localSymbol=MESZ6 exchange=CME"
    )
    gateway = table.gateway
    today = gateway.clock.now().date()
    (future,) = gateway.catalog.find(ContractQuery(symbol="MES", sec_type="FUT", expiry="202611"), today)
    assert gateway.catalog.find(ContractQuery(con_id=7), today) == [future]
    assert gateway.catalog.find(ContractQuery(symbol="MES", sec_type="FUT", expiry="202612"), today) == []
    table.do("enlist 1 conId=8 symbol=AAPL secType=CFD")
    assert len(gateway.catalog.find(ContractQuery(symbol="AAPL", sec_type="STK"), today)) == 1
    order = terms(contract=ContractQuery(con_id=7), quantity=2)
    gateway.publish(gateway.engine.place(1, 1, order, gateway.clock.now()))
    (execution,) = gateway.engine.book.executions
    assert (execution.price, execution.exchange) == (Decimal("7039.51"), "CME")
    table.do("quote 7 7040 7040.25")
    table.do("advance 90000 step 3600")
    assert gateway.account.positions[7].quantity == 2
