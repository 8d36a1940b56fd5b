"""What a desk does with a gateway, told once for every client library: each story returns facts to be judged.

The market stands still but for what a story moves itself. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.paper.clients.desk import Desk, Facts, Hand

AAPL = {"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD"}
AAPL_ID = 265598


@dataclass
class Stage:
    """Where a story happens."""

    port: int
    new_desk: Callable[[], Desk]
    hand: Hand

    def desk(self, client_id: int = 1) -> Desk:
        """A desk that is connected."""
        desk = self.new_desk()
        desk.connect(self.port, client_id)
        return desk

    def price(self, bid: float) -> None:
        """Fix AAPL at `bid` with a spread of ten cents and plenty on either side."""
        self.hand(f"quote AAPL {bid:.2f} {bid + 0.1:.2f} last {bid:.2f} size 10000")


def _limit(action: str, price: float, **more: object) -> Facts:
    return {
        "action": action,
        "totalQuantity": 10,
        "orderType": "LMT",
        "lmtPrice": price,
        "tif": "DAY",
        **more,
    }


def _market(action: str, shares: int, **more: object) -> Facts:
    return {"action": action, "totalQuantity": shares, "orderType": "MKT", "tif": "DAY", **more}


def _reaches(desk: Desk, order_id: int, status: str) -> Facts:
    def look() -> Facts | None:
        try:
            facts = desk.order(order_id)
        except StopIteration:
            return None
        return facts if facts["status"] == status else None

    facts: Facts = desk.until(look, f"order {order_id} {status}")
    return facts


def _charged(desk: Desk, order_id: int) -> list[Facts]:
    def look() -> list[Facts]:
        fills = desk.fills(order_id)
        return fills if fills and all(fill["commission"] is not None for fill in fills) else []

    fills: list[Facts] = desk.until(look, f"commissions of order {order_id}")
    return fills


def _buy(desk: Desk, shares: int, **more: object) -> int:
    order_id = desk.next_id()
    desk.place(AAPL, order_id, **_market("BUY", shares, **more))
    _reaches(desk, order_id, "Filled")
    _charged(desk, order_id)
    return order_id


def connect(stage: Stage) -> Facts:
    """Connect, synchronise, learn the next id."""
    desk = stage.new_desk()
    return {**desk.connect(stage.port, 7), "next": desk.next_id(), "errors": desk.errors}


def contract_details(stage: Stage) -> Facts:
    """A stock, an option of its chain, and something that is not listed."""
    desk = stage.desk()
    stock = desk.details(AAPL)
    chain = desk.details({**AAPL, "secType": "OPT", "right": "C", "strike": 250.0})
    nothing = desk.details({**AAPL, "symbol": "NOSUCH"})
    return {
        "stock": stock,
        "options": len(chain),
        "option": chain[0],
        "nothing": nothing,
        "errors": desk.errors,
    }


def market_data(stage: Stage) -> Facts:
    """A subscription shows the quote and follows it."""
    desk = stage.desk()
    stage.price(250)
    quote = desk.subscribe(AAPL)
    first = desk.until(lambda: None not in (facts := quote()).values() and facts, "a first quote")
    stage.hand("quote AAPL 251.5 251.7 last 251.6 size 300")
    desk.until(
        lambda: quote()["last"] == 251.6 and quote()["bidSize"] == 300 == quote()["askSize"], "the move"
    )
    return {"first": first, "then": quote()}


def market_order(stage: Stage) -> Facts:
    """Buy at market, sell half."""
    desk = stage.desk()
    stage.price(250)
    first = _buy(desk, 100, orderRef="m-1")
    facts = {"bought": desk.order(first), "fill": desk.fills(first)[0]}
    stage.price(251)
    second = desk.next_id()
    desk.place(AAPL, second, **_market("SELL", 50, orderRef="m-2"))
    _reaches(desk, second, "Filled")
    return {**facts, "sold": desk.order(second), "sale": _charged(desk, second)[0], "errors": desk.errors}


def limit_order(stage: Stage) -> Facts:
    """A limit rests, is modified, and cancelled; then one is modified into the market and fills."""
    desk = stage.desk()
    stage.price(250)
    one = desk.next_id()
    desk.place(AAPL, one, **_limit("BUY", 240.0, orderRef="l-1"))
    rests = _reaches(desk, one, "Submitted")
    desk.place(AAPL, one, **_limit("BUY", 241.0, orderRef="l-1"))
    desk.sync()
    (changed,) = desk.open_orders()
    desk.cancel(one)
    ended = _reaches(desk, one, "Cancelled")
    desk.until(lambda: desk.errors, "error 202")
    two = desk.next_id()
    desk.place(AAPL, two, **_limit("BUY", 240.0))
    _reaches(desk, two, "Submitted")
    desk.place(AAPL, two, **_limit("BUY", 250.5))
    return {
        "rests": rests,
        "changed": changed,
        "ended": ended,
        "filled": _reaches(desk, two, "Filled"),
        "errors": [(number - one, code) for number, code in desk.errors],
    }


def _bracket(stage: Stage, desk: Desk) -> tuple[int, int, int]:
    stage.price(250)
    first = desk.next_id()
    desk.place(AAPL, first, **_market("BUY", 10, orderRef="b-E", transmit=False))
    child = {"parentId": first, "ocaGroup": f"b-{first}", "ocaType": 1}
    target = _limit("SELL", 255.0, transmit=False, orderRef="b-T", **child)
    stop = _limit("SELL", 0.0, orderRef="b-S", **child) | {"orderType": "STP", "auxPrice": 245.0}
    desk.place(AAPL, first + 1, **target)
    desk.sync()
    desk.place(AAPL, first + 2, **stop)
    _reaches(desk, first, "Filled")
    _reaches(desk, first + 1, "Submitted")
    desk.until(lambda: desk.order(first + 2)["held"] == "trigger", "the stop waits for its trigger")
    return first, first + 1, first + 2


def bracket_to_target(stage: Stage) -> Facts:
    """A bracket whose target trades."""
    desk = stage.desk()
    _, target, stop = _bracket(stage, desk)
    waiting = [desk.order(target), desk.order(stop)]
    stage.price(256)
    filled = _reaches(desk, target, "Filled")
    cancelled = _reaches(desk, stop, "Cancelled")
    return {
        "waiting": waiting,
        "filled": filled,
        "cancelled": cancelled,
        "realized": _charged(desk, target)[0]["realized"],
        "positions": [one for one in desk.positions() if one["position"]],
        "parents": [waiting[0]["parent"] == target - 1, waiting[1]["parent"] == target - 1],
    }


def bracket_to_stop(stage: Stage) -> Facts:
    """A bracket whose stop is triggered."""
    desk = stage.desk()
    _, target, stop = _bracket(stage, desk)
    stage.price(244)
    filled = _reaches(desk, stop, "Filled")
    return {"filled": filled, "cancelled": _reaches(desk, target, "Cancelled")}


def oca_group(stage: Stage) -> Facts:
    """Two limits in one group: the one that trades cancels the other."""
    desk = stage.desk()
    stage.price(250)
    first = desk.next_id()
    group = {"ocaGroup": "together", "ocaType": 1}
    desk.place(AAPL, first, **_limit("BUY", 240.0, **group))
    _reaches(desk, first, "Submitted")
    desk.place(AAPL, first + 1, **_limit("BUY", 245.0, **group))
    _reaches(desk, first + 1, "Submitted")
    stage.price(244)
    filled = _reaches(desk, first + 1, "Filled")
    return {"filled": filled, "cancelled": _reaches(desk, first, "Cancelled")}


def staged_order(stage: Stage) -> Facts:
    """transmit=False says nothing; sent again with transmit=True the order works."""
    desk = stage.desk()
    stage.price(250)
    one = desk.next_id()
    desk.place(AAPL, one, **_limit("BUY", 240.0, transmit=False))
    desk.sync()
    silent = desk.open_orders()
    desk.place(AAPL, one, **_limit("BUY", 240.0, transmit=True))
    return {"silent": silent, "working": _reaches(desk, one, "Submitted")}


def what_if(stage: Stage) -> Facts:
    """Margin and commission of an order that is not placed."""
    desk = stage.desk()
    stage.price(250)
    facts = desk.what_if(AAPL, **_market("BUY", 100))
    return {**facts, "open": desk.open_orders()}


def lists_of_orders(stage: Stage) -> Facts:
    """Open and completed orders, executions and positions as asked for later, by another client."""
    desk = stage.desk()
    stage.price(250)
    _buy(desk, 10, orderRef="done")
    resting = desk.next_id()
    desk.place(AAPL, resting, **_limit("BUY", 240.0, orderRef="open"))
    _reaches(desk, resting, "Submitted")
    other = stage.desk(2)
    return {
        "open": other.open_orders(),
        "completed": other.completed_orders(),
        "executions": other.executions(),
        "positions": other.positions(),
    }


def account(stage: Stage) -> Facts:
    """The account's summary before and after a trade, and its PnL."""
    desk = stage.desk()
    stage.price(250)
    before = desk.summary()
    _buy(desk, 100)
    stage.price(252)
    return {"before": before, "pnl": desk.pnl(AAPL_ID), "positions": desk.positions()}


def errors(stage: Stage) -> Facts:
    """Each mistake gets TWS's code, tied to the order it is about."""
    desk = stage.desk()
    stage.price(250)
    done = _buy(desk, 1)
    first = done + 1
    mistakes = (
        _limit("BUY", 240.0) | {"orderType": "FEELINGS"},
        _limit("BUY", 240.001),
        _limit("BUY", 240.0, parentId=99_999),
        _limit("BUY", 240.0, account="DU0000000"),
        _limit("BUY", 240.0) | {"action": "HOLD"},
    )
    for offset, order in enumerate(mistakes):
        desk.place(AAPL, first + offset, **order)
        desk.sync()
    desk.place({**AAPL, "symbol": "NOSUCH"}, first + 5, **_limit("BUY", 240.0))
    desk.cancel(first + 6)
    desk.cancel(done)
    desk.place(AAPL, done, **_market("BUY", 2))
    desk.sync()
    return {"codes": [(number - first, code) for number, code in desk.errors]}


def two_clients(stage: Stage) -> Facts:
    """Each client has its own ids; one sees the other's order, cannot cancel it, and ends it with a global cancel."""
    one, two = stage.desk(1), stage.desk(2)
    stage.price(250)
    first, second = one.next_id(), two.next_id()
    one.place(AAPL, first + 10, **_limit("BUY", 240.0, orderRef="mine"))
    _reaches(one, first + 10, "Submitted")
    seen = two.open_orders()
    two.cancel(first + 10)
    two.sync()
    errors = [code for _, code in two.errors]
    two.cancel_all()
    ended = _reaches(one, first + 10, "Cancelled")
    return {"seen": seen, "errors": errors, "own_ids": second <= first + 10, "ended": ended}


def taken_client_id(stage: Stage) -> Facts:
    """A second client of the same id is told 326 and cut off; the first goes on."""
    one, two = stage.desk(1), stage.new_desk()
    try:
        two.connect(stage.port, 1, seconds=1)
        connected = True
    except (TimeoutError, ConnectionError, OSError):
        connected = False
    one.sync()
    return {"connected": connected, "errors": two.errors, "first": one.connected()}


def reconnect(stage: Stage) -> Facts:
    """Orders outlive a connection; the same client finds them and may not use old ids again."""
    desk = stage.desk()
    stage.price(250)
    resting = desk.next_id()
    desk.place(AAPL, resting, **_limit("BUY", 240.0, orderRef="stays"))
    _reaches(desk, resting, "Submitted")
    desk.disconnect()
    again = stage.desk()
    found = again.open_orders()
    following = again.next_id()
    again.cancel(resting)
    again.until(lambda: (resting, 202) in again.errors, "error 202")
    return {"found": found, "following": following > resting}


def past_prices(stage: Stage) -> Facts:
    """Bars by the hour and by the day, the first moment, ticks, and a duration that is none."""
    desk = stage.desk()
    facts: Facts = {
        "hours": desk.bars(AAPL, "2 D", "1 hour", "TRADES"),
        "days": desk.bars(AAPL, "2 D", "1 day", "MIDPOINT"),
        "head": desk.head(AAPL),
        "spreads": desk.ticks(AAPL, 20),
        "nothing": desk.bars(AAPL, "1 day", "1 hour", "TRADES"),
    }
    return facts | {"errors": [code for _, code in desk.errors]}


def bars_as_they_come(stage: Stage) -> Facts:
    """Two bars of five seconds, the price raised between them."""
    desk = stage.desk()
    stage.price(250)
    bars = desk.live_bars(AAPL)
    stage.hand("advance 5")
    desk.until(lambda: len(bars()) == 1, "the first bar")
    stage.price(255)
    stage.hand("advance 5")
    desk.until(lambda: len(bars()) == 2, "the second bar")
    return {"bars": bars()}


def depth_and_scan(stage: Stage) -> Facts:
    """Market depth before and after the price is raised, and a scan."""
    desk = stage.desk()
    stage.price(250)
    levels = desk.depth(AAPL)
    desk.until(lambda: len(levels()["bids"]) == len(levels()["asks"]) == 5, "five levels")
    before = levels()
    stage.price(255)
    desk.until(lambda: levels()["bids"][4] > 254, "the levels that changed")
    return {"before": before, "after": levels(), "scan": desk.scan("MOST_ACTIVE")}


STORIES: dict[str, Callable[[Stage], Facts]] = {
    story.__name__: story
    for story in (
        connect,
        contract_details,
        market_data,
        market_order,
        limit_order,
        bracket_to_target,
        bracket_to_stop,
        oca_group,
        staged_order,
        what_if,
        lists_of_orders,
        account,
        errors,
        two_clients,
        taken_client_id,
        reconnect,
        past_prices,
        bars_as_they_come,
        depth_and_scan,
    )
}
