"""Where live Gateways were seen to differ, or only a document says how they behave: one switch each.

`docs/paper-vs-live.md` tells the standing of each. The defaults are what was seen at server versions 173 and 176.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any


class MarketAck(StrEnum):
    """How a market order is acknowledged before it trades."""

    PRE_SUBMITTED = "presubmitted"
    SUBMITTED = "submitted"


class ExecutionTime(StrEnum):
    """How the time of an execution is written; a setting of TWS."""

    ZONE = "zone"  # 20261123 10:00:00 US/Eastern
    UTC = "utc"  # 20261123-15:00:00
    LOCAL = "local"  # 20261123  10:00:00, New York time that does not say so


class OcaReduction(StrEnum):
    """How a fill reduces the rest of its OCA group (types 2 and 3)."""

    PROPORTIONAL = "proportional"
    SHARES = "shares"


@dataclass(frozen=True, slots=True)
class Switches:
    """Behaviours that can be chosen, by name."""

    market_ack: MarketAck = MarketAck.PRE_SUBMITTED
    # a limit order that rests is announced as PreSubmitted before it is Submitted
    limit_presubmitted: bool = False
    # a limit order that rests is announced as Submitted twice
    limit_twice: bool = False
    # stops and trails are announced twice, when placed and when modified
    stop_twice: bool = True
    # the first announcement of a stop or trail shows a limit 0.03 above the stop
    stop_limit_shown: bool = False
    # after a fill: openOrder with the commission and the status once more, before the commission report
    fill_twice: bool = True
    # Filled comes before the execution when a limit order was modified into a market order
    modified_filled_first: bool = True
    # a commission report of a fill that only opened carries realised PnL 0 instead of unset
    opening_realized_zero: bool = False
    # a cancel is acknowledged by PendingCancel
    pending_cancel: bool = False
    # seconds a cancel is under way; the order can still trade
    cancel_delay: float = 0.0
    # seconds an order is under way to the exchange before it can trade
    fill_delay: float = 0.0
    # a trail's move is announced by an openOrder
    trail_announced: bool = False
    # an unset time in force is set to DAY with an informational error 10349
    tif_preset: bool = False
    # an order outside its hours is announced by an informational error 399
    hours_warning: bool = True
    # modifying a bracket's child is refused with 135
    child_modify_refused: bool = False
    # an OCA group's name or type may be changed by a modification
    oca_revision: bool = False
    oca_reduction: OcaReduction = OcaReduction.PROPORTIONAL
    # what rests in an OCA group, or as a bracket's child, stays PreSubmitted
    oca_presubmitted: bool = False
    # a client may cancel another client's order, and is told of it like the owner
    cancel_foreign: bool = False
    # a global cancel answers with 161 for each order of that client that ended today
    global_cancel_161: bool = False
    # cancelling a parent that has partly filled cancels its children too
    cancel_orphans: bool = True
    # each reqIds is answered with the next id after the one that was told last
    ids_reserved: bool = False
    # how executions are dated
    execution_time: ExecutionTime = ExecutionTime.ZONE
    # a stop to be adjusted to a trail in percent without a stop price is never heard of again
    swallow_percent_trail: bool = True
    # orders beyond the account's means are refused
    margin: bool = True
    # IB ends a limit order whose limit is more than 3 % through the market
    price_band: bool = False
    # size of bid and ask limits what trades at once
    book_size: bool = True

    def with_value(self, name: str, text: str) -> "Switches":
        """These switches with one set from text: on, off, a number or a word. Raises ValueError."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        kind = kinds.get(name)
        if kind is None:
            raise ValueError(f"{name!r} is no switch; there are {', '.join(kinds)}")
        changed: dict[str, Any] = {name: _value(name, kind, text)}
        return replace(self, **changed)


def _value(name: str, kind: type, text: str) -> object:
    if kind is bool:
        if text not in ("on", "off"):
            raise ValueError(f"switch {name} is on or off, not {text!r}")
        return text == "on"
    if kind is float:
        seconds = float(text)
        if not 0 <= seconds <= 3600:
            raise ValueError(f"switch {name} takes 0 to 3600 seconds, not {text}")
        return seconds
    return kind(text)
