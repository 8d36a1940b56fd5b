"""What has to be so before a step, read from what the recording says after it: the market, and switches. Pure.

Where live Gateways differ a documented switch says how, so the switch is set as the recording needs it. A market
stands where the recorded fills happen, and away from orders that are not filled.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from decimal import Decimal

from tests.paper.recording.reader import Step

_STOPS = ("STP", "STP LMT", "TRAIL", "TRAIL LIMIT")
_SIZE = 10_000
_CENT = Decimal("0.01")


def client_of(steps: list[Step], start: int) -> int:
    """The client id of the connection that begins at `start`: as its own orders and cancels are told of."""
    placed = set()
    for step in _leg(steps, start):
        if step.speaker == "client" and step.name in ("place_order", "cancel_order"):
            placed.add(step["order_id"])
        if step.name in ("open_order", "order_status") and step["order_id"] in placed and step["client_id"]:
            return int(step["client_id"])
    return 1


def before_leg(steps: list[Step], start: int, client: int) -> Iterator[str]:
    """The next order id of the client, and the positions it will be told of."""
    for step in _leg(steps, start):
        if step.name == "next_valid_id" and step.speaker == "server":
            yield f"nextid {client} {step['order_id']}"
            break
    for step in _leg(steps, start):
        if step.name in ("position", "position_multi") and step.speaker == "server":
            yield _held(step)


def order_of(steps: list[Step], at: int) -> Step:
    """The openOrder that follows a placeOrder, or the request itself: what it was about when it does not say."""
    opened = (one for one in _about(steps, at) if one.name == "open_order")
    return next(opened, steps[at])


class Foresight:
    """Goes through a recording with the player; knows where it has put the market."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._listed: set[str] = set()  # conIds
        self._names: dict[str, str] = {}  # what the control socket calls each order's instrument
        self._placed: dict[str, Step] = {}  # by order id, as last placed

    def before(self, at: int, client: int) -> Iterator[str]:
        """The statements to be carried out before the client's step `at`."""
        step = self._steps[at]
        if step.name == "place_order":
            yield from self._listing(at)
            yield from self._switches(at, step)
            yield from self._market(at, step)
            self._placed[step["order_id"]] = step
        elif step.name in ("cancel_order", "global_cancel"):
            told = list(_until_client(self._steps, at))
            pending = any(one["status"] == "PendingCancel" for one in told)
            yield _switch("pending_cancel", pending)
            yield _switch("global_cancel_161", any(one["code"] == "161" for one in told))
            yield _switch("cancel_foreign", any(one["client_id"] == str(client) for one in told))
        elif step.name == "req_executions":
            ends = any(one.name == "executions_end" for one in self._steps[at:])
            yield from () if ends else ("drop execDetailsEnd",)

    def _listing(self, at: int) -> Iterator[str]:
        """What a catalogue of stocks, their options and indexes lacks is listed by hand."""
        order = order_of(self._steps, at)
        if order["sec_type"] in ("", "STK", "OPT", "IND") or order["con_id"] in self._listed:
            return
        self._listed.add(order["con_id"])
        fills = [one["price"] for one in _about(self._steps, at) if one.name == "execution_detail"]
        yield f"enlist {fills[0] if fills else 100} {_words(order)} exchange={order['exchange']}"

    def after(self, at: int) -> Iterator[str]:
        """The statements to be carried out after the gateway's message `at`: what sets a waiting stop off."""
        step = self._steps[at]
        placed = self._placed.get(step["order_id"])
        if step.name != "order_status" or placed is None or placed["order_type"] not in _STOPS:
            return
        rest = [one for one in _until_client(self._steps, at) if one["order_id"] == step["order_id"]]
        fills = [one for one in rest if one.name == "execution_detail"]
        waiting = [one for one in rest if one["why_held"] == "trigger"]
        if fills and not waiting and step["why_held"] == "trigger":
            yield _quote(self._names[step["order_id"]], placed["action"], Decimal(fills[0]["price"]))

    def _switches(self, at: int, step: Step) -> Iterator[str]:
        told = list(_about(self._steps, at))
        states = [one["status"] for one in told if one.name == "order_status"]
        opened = next((one for one in told if one.name == "open_order"), None)
        fills = [place for place, one in enumerate(told) if one.name == "execution_detail"]
        kind, changed = step["order_type"], step["order_id"] in self._placed
        if kind == "MKT" and states and not changed:
            yield f"switch market_ack {'submitted' if states[0] == 'Submitted' else 'presubmitted'}"
        if kind == "LMT":
            yield _switch("limit_presubmitted", states[:2] == ["PreSubmitted", "Submitted"])
            kept = any(one["oca_group"] for one in told) and "Submitted" not in states
            yield _switch("oca_presubmitted", kept and "PreSubmitted" in states)
            yield _switch("limit_twice", states[:2] == ["Submitted", "Submitted"])
        banded = any("We cannot accept" in one["message"] for one in self._answers(at))
        yield _switch("price_band", banded)
        if kind in _STOPS and opened is not None:
            yield _switch("stop_twice", states[:2] == ["PreSubmitted", "PreSubmitted"])
            guarded = Decimal(opened["lmt_price"] or 0) != Decimal(step["lmt_price"] or 0)
            yield _switch("stop_limit_shown", guarded and "LIMIT" not in kind)
        if fills:
            end = fills[1] if len(fills) > 1 else len(told)
            again = [one for one in told[fills[0] : end] if one.name == "order_status"]
            yield _switch("fill_twice", len(again) > 1)
            charged = [one["realized_pnl"] for one in told if one.name == "commission_report"]
            yield _switch("opening_realized_zero", bool(charged) and Decimal(charged[0] or 1) == 0)
            yield _switch("modified_filled_first", "Filled" in [one["status"] for one in told[: fills[0]]])

    def _answers(self, at: int) -> Iterator[Step]:
        """The errors that answer the order placed at `at`."""
        told = _until_client(self._steps, at)
        return (
            one for one in told if one.name == "api_error" and one["req_id"] == self._steps[at]["order_id"]
        )

    def _market(self, at: int, step: Step) -> Iterator[str]:
        order = order_of(self._steps, at)
        symbol, action = order["symbol"] or "AAPL", step["action"]
        name = self._names[step["order_id"]] = order["con_id"] if order["con_id"] in self._listed else symbol
        fills = [one for one in _about(self._steps, at) if one.name == "execution_detail"]
        told = (one for one in _until_client(self._steps, at) if one.name == "execution_detail")
        others = any(one["symbol"] == symbol for one in told)
        price = Decimal(fills[0]["price"]) if fills else None
        if step["order_type"] in _STOPS and (fills or not others):
            yield _quote(name, action, _away(step, price))
        elif price is not None:
            yield _quote(name, action, price)
        elif step["lmt_price"] and not others:
            through = any("We cannot accept" in one["message"] for one in self._answers(at))
            away = Decimal(step["lmt_price"]) * (Decimal("0.9") if action == "BUY" else Decimal("1.1"))
            yield _quote(name, action, away.quantize(_CENT) if through else _away(step, None))


def _about(steps: list[Step], at: int) -> Iterator[Step]:
    """What is told of the order placed at `at` until a client speaks of it again."""
    order_id = steps[at]["order_id"]
    executions = set()
    for step in steps[at + 1 :]:
        if step.speaker == "handshake" or (step.speaker == "client" and step["order_id"] == order_id):
            return
        if step.speaker == "server" and step["order_id"] == order_id and step.name != "next_valid_id":
            executions.add(step["exec_id"])
            yield step
        elif step.name == "commission_report" and step["exec_id"] in executions:
            yield step


def _until_client(steps: list[Step], at: int) -> Iterator[Step]:
    """What the gateway says after `at`; requests that were sent together with it are passed over."""
    spoken = False
    for step in steps[at + 1 :]:
        if step.speaker == "server":
            spoken = True
            yield step
        elif spoken or step.speaker == "handshake":
            return


def _leg(steps: list[Step], start: int) -> Iterator[Step]:
    for step in steps[start + 1 :]:
        if step.speaker == "handshake":
            return
        yield step


def _away(step: Step, fill: Decimal | None) -> Decimal:
    """A price at which an order does not trade, or does not trade yet: 5 % from it on the side that is safe."""
    stops, buys = step["order_type"] in _STOPS, step["action"] == "BUY"
    stop = step["trail_stop_price"] or (
        step["aux_price"] if not step["order_type"].startswith("TRAIL") else ""
    )
    level = Decimal((stop if stops else step["lmt_price"]) or fill or 100)
    if stops and fill is not None and stop and (fill >= level if buys else fill <= level):
        return fill  # it is through its stop from the beginning
    factor = Decimal("0.95") if buys == stops else Decimal("1.05")
    return (level * factor).quantize(_CENT)


def _quote(name: str, action: str, price: Decimal) -> str:
    """A market in which an order of that side trades exactly at a price."""
    bid, ask = (price - _CENT, price) if action == "BUY" else (price, price + _CENT)
    return f"quote {name} {bid} {ask} last {price} size {_SIZE}"


def _switch(name: str, on: bool) -> str:
    return f"switch {name} {'on' if on else 'off'}"


def _held(step: Step) -> str:
    number = f"{step['position']} {step['avg_cost']}"
    if step["sec_type"] == "STK":
        return f"own {step['symbol']} {number}"
    return f"own-unlisted {number} {_words(step)}"


def _words(step: Step) -> str:
    """A contract as the words that list it by hand."""
    names = {
        "conId": "con_id",
        "symbol": "symbol",
        "secType": "sec_type",
        "expiry": "expiry",
        "strike": "strike",
        "right": "right",
        "multiplier": "multiplier",
        "localSymbol": "local_symbol",
        "tradingClass": "trading_class",
    }
    words = [f"{name}={step[key]}" for name, key in names.items() if step[key]]
    return shlex.join(words)
