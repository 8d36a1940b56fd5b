"""Whether an order's conditions hold. Pure: the caller gives a view of the market and the account.

Conditions are joined from left to right by each one's own conjunction. IB documents what each looks at.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from paper.moments import parse_moment
from paper.orders import Condition
from paper.quotes import Quote
from paper.wire import to_decimal, to_integer


class View(Protocol):
    """What conditions can look at."""

    def quote_of(self, con_id: int) -> Quote | None:
        """The quote of an instrument that is followed; None for one nobody knows."""
        ...

    def cushion(self) -> Decimal:
        """Excess liquidity as a percentage of net liquidation."""
        ...

    def has_traded(self, symbol: str, sec_type: str) -> bool:
        """Whether the account traded that symbol today."""
        ...


def hold(conditions: tuple[Condition, ...], view: View, now: datetime) -> bool:
    """Whether the order may work."""
    result, conjunction = True, "a"
    for condition in conditions:
        met = _MET[condition.kind](condition.fields, view, now)
        result = (result or met) if conjunction == "o" else (result and met)
        conjunction = condition.conjunction
    return result


def _beyond(is_more: str, value: Decimal, mark: str) -> bool:
    limit = to_decimal("condition", mark) or Decimal(0)
    return value >= limit if is_more in ("1", "True", "true") else value <= limit


def _price(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    quote = view.quote_of(to_integer("conId", fields[2]))
    return quote is not None and _beyond(fields[0], quote.last, fields[1])


def _time(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    moment = parse_moment(fields[1])
    if moment is None:
        return False
    return now >= moment if fields[0] in ("1", "True", "true") else now <= moment


def _margin(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    return _beyond(fields[0], view.cushion(), fields[1])


def _execution(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    return view.has_traded(fields[2], fields[0])


def _volume(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    quote = view.quote_of(to_integer("conId", fields[2]))
    return quote is not None and _beyond(fields[0], Decimal(quote.volume), fields[1])


def _percent(fields: tuple[str, ...], view: View, now: datetime) -> bool:
    quote = view.quote_of(to_integer("conId", fields[2]))
    if quote is None:
        return False
    return _beyond(fields[0], (quote.last / quote.close - 1) * 100, fields[1])


_MET: dict[int, Callable[[tuple[str, ...], View, datetime], bool]] = {
    1: _price,
    3: _time,
    4: _margin,
    5: _execution,
    6: _volume,
    7: _percent,
}
