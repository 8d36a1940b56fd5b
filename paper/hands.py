"""The statements of a scenario that move market, clock or orders, as words for the controls.

move SPY 441.5        quote SPY 441 442 [last 441.5] [size 100]       release SPY
enlist 7039.5 conId=7 symbol=MES secType=FUT …
path SPY gap 430 5    halt SPY    resume SPY    advance 3600 [step 60]
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from paper.contracts import STOCK_RULE, Instrument
from paper.controls import ControlError, Controls
from paper.orders import Order
from paper.scenario import ScriptError

_Words = list[str]


class Hands:
    """Does what the words of a statement say."""

    def __init__(self, controls: Controls, find: Callable[[str], Order]) -> None:
        self._controls = controls
        self._find = find  # an order by its name in scenarios
        self.verbs: dict[str, Callable[[_Words], object]] = {
            "move": self._move,
            "quote": self._quote,
            "release": lambda left: controls.release(_next(left)),
            "path": self._path,
            "halt": lambda left: controls.halt(_next(left)),
            "resume": lambda left: controls.resume(_next(left)),
            "advance": self._advance,
            "fill": self._fill,
            "manual": self._manual,
            "close": lambda left: _told(controls.close_by_hand(_next(left))),
            "cancel": lambda left: controls.cancel_by_hand(find(_next(left)), left.pop(0) if left else None),
            "own": lambda left: controls.hold(_next(left), _number(left), _number(left)),
            "own-unlisted": self._own_unlisted,
            "enlist": self._enlist,
            "nextid": lambda left: controls.next_id(int(_next(left)), int(_next(left))),
            "switch": lambda left: controls.switch(_next(left), _next(left)),
        }

    def __call__(self, words: tuple[str, ...]) -> object:
        """Do it. Returns what is to be told of it; raises ScriptError."""
        verb, left = words[0], list(words[1:])
        try:
            told = self.verbs[verb](left)
        except (ControlError, ValueError, InvalidOperation, KeyError, TypeError) as error:
            reason = "not a number" if isinstance(error, InvalidOperation) else error
            raise ScriptError(f"{' '.join(words)!r}: {reason}") from None
        if left:
            raise ScriptError(f"{' '.join(words)!r}: {' '.join(left)!r} is too much")
        return told

    def _move(self, left: _Words) -> None:
        self._controls.move(_next(left), _number(left))

    def _quote(self, left: _Words) -> None:
        name, bid, ask = _next(left), _number(left), _number(left)
        last, size = _option(left, "last"), _option(left, "size")
        self._controls.quote(name, bid, ask, _decimal(last), int(size) if size else None)

    def _path(self, left: _Words) -> None:
        self._controls.path(_next(left), _next(left), _number(left), float(_next(left)))

    def _advance(self, left: _Words) -> None:
        seconds, step = float(_next(left)), _option(left, "step")
        self._controls.advance(seconds, float(step or 1))

    def _fill(self, left: _Words) -> None:
        order = self._find(_next(left))
        shares, price = _option(left, "shares"), _option(left, "price")
        self._controls.fill(order, _decimal(shares), _decimal(price))

    def _manual(self, left: _Words) -> object:
        action, quantity, name = _next(left), _number(left), _next(left)
        limit, stop = _decimal(_option(left, "limit")), _decimal(_option(left, "stop"))
        ref = _option(left, "ref") or ""
        return _told(self._controls.manual_order(name, action, quantity, limit, stop, ref))

    def _own_unlisted(self, left: _Words) -> None:
        quantity, cost = _number(left), _number(left)
        self._controls.hold(_instrument(left), quantity, cost)

    def _enlist(self, left: _Words) -> None:
        price = _number(left)
        self._controls.enlist(_instrument(left), price)


def _instrument(left: _Words) -> Instrument:
    """An instrument from all the words that are left, `conId=1 symbol=MES secType=FUT` and what else it has."""
    given = dict(word.split("=", 1) for word in left)
    left.clear()
    return Instrument(
        con_id=int(given["conId"]),
        symbol=given["symbol"],
        sec_type=given["secType"],
        local_symbol=given.get("localSymbol", given["symbol"]),
        trading_class=given.get("tradingClass", given["symbol"]),
        long_name=given["symbol"],
        primary_exchange=given.get("exchange", ""),
        market_rule=STOCK_RULE,
        expiry=given.get("expiry", ""),
        strike=Decimal(given.get("strike", "0")),
        right=given.get("right", ""),
        multiplier=int(given.get("multiplier", "1")),
    )


def _told(order: Order) -> dict[str, object]:
    """What a caller is told of an order made by hand."""
    return {"client_id": order.client_id, "order_id": order.order_id, "perm_id": order.perm_id}


def _next(left: _Words) -> str:
    if not left:
        raise ValueError("the last word is missing")
    return left.pop(0)


def _number(left: _Words) -> Decimal:
    number = _decimal(_next(left))
    assert number is not None
    return number


def _decimal(text: str | None) -> Decimal | None:
    number = None if text is None else Decimal(text)
    if number is not None and not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


def _option(left: _Words, word: str) -> str | None:
    if word not in left[::2]:
        return None
    at = left.index(word)
    _, value = left.pop(at), left.pop(at)
    return value
