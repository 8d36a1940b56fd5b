"""What the gateway keeps of one connected client. Frames to it gather in the outbox until the loop turn ends."""

from dataclasses import dataclass, field
from enum import StrEnum

from paper.bar_answer import Asked
from paper.bar_query import BarSize
from paper.contracts import Instrument
from paper.depth import DepthRow
from paper.quotes import Quote
from paper.wire import FrameBuffer


@dataclass(slots=True)
class QuoteLine:
    """One market data subscription and the quote last sent over it."""

    instrument: Instrument
    sent: Quote | None = None
    halted: bool | None = None  # as last told
    generic: tuple[str, ...] = ()  # kinds of ticks asked for besides


class TickKind(StrEnum):
    """What a tick-by-tick subscription follows."""

    LAST = "Last"
    ALL_LAST = "AllLast"
    BID_ASK = "BidAsk"
    MID_POINT = "MidPoint"


@dataclass(slots=True)
class TickLine:
    """One tick-by-tick subscription and the quote of its last tick."""

    instrument: Instrument
    kind: TickKind
    seen: Quote


@dataclass(slots=True)
class BarLine:
    """One subscription to bars: those of five seconds as they end, or the one that is going on.

    `size` is the bar that is kept up to date, None for the bars of five seconds.
    """

    asked: Asked
    seen: int  # until when it was told, seconds since 1970
    size: BarSize | None = None
    epoch: bool = False


@dataclass(slots=True)
class DepthLine:
    """One subscription to market depth, and the rows last sent over it."""

    instrument: Instrument
    rows: int
    smart: bool
    sent: tuple[DepthRow, ...] = ()


@dataclass(slots=True)
class Session:
    """One connection, from its first byte. `version` is 0 before the greeting, `client_id` None before startApi."""

    peer: str
    frames: FrameBuffer = field(default_factory=FrameBuffer)
    version: int = 0
    client_id: int | None = None
    closing: bool = False
    told_id: int = 0  # the last nextValidId
    outbox: list[bytes] = field(default_factory=list)
    lines: dict[int, QuoteLine] = field(default_factory=dict)  # by reqId
    ticks: dict[int, TickLine] = field(default_factory=dict)  # by reqId
    bars: dict[int, BarLine] = field(default_factory=dict)  # by reqId
    depths: dict[int, DepthLine] = field(default_factory=dict)  # by reqId
    scans: set[int] = field(default_factory=set)  # reqIds
    binds_manual: bool = False  # asked for orders made by hand to be bound
    wants_positions: bool = False
    positions_multi: set[int] = field(default_factory=set)  # reqIds
    wants_account: bool = False
    account_multi: set[int] = field(default_factory=set)  # reqIds
    summaries: dict[int, tuple[str, ...]] = field(default_factory=dict)  # tags by reqId
    pnl: set[int] = field(default_factory=set)  # reqIds
    pnl_single: dict[int, int] = field(default_factory=dict)  # conId by reqId

    def send(self, *frames: bytes) -> None:
        """Queue frames for this client."""
        if not self.closing:
            self.outbox += frames
