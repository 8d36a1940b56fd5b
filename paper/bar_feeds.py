"""What subscriptions to bars and depth send as time goes on."""

from collections.abc import Collection
from datetime import datetime

from paper import history_out as out
from paper.bar_answer import bars_of, latest
from paper.bar_query import BAR_SIZES
from paper.depth import depth_frames, depth_of
from paper.history import History
from paper.market import Market
from paper.session import BarLine, DepthLine, Session
from paper.track import GRAIN

_LONGEST = 3600  # seconds of bars sent at once when time was let pass
_FIVE_SECONDS = BAR_SIZES["5 secs"]


def push_bars(session: Session, history: History, now: datetime) -> None:
    """Send the bars of five seconds that ended since the last time, and those kept up to date as they stand."""
    over = int(now.timestamp()) // GRAIN * GRAIN
    for req_id, line in session.bars.items():
        if over > line.seen:
            _push_line(session, req_id, line, history, now)
            line.seen = over


def _push_line(session: Session, req_id: int, line: BarLine, history: History, now: datetime) -> None:
    over = int(now.timestamp()) // GRAIN * GRAIN
    if line.size is None:
        span = max(line.seen, over - _LONGEST), over
        for dated in bars_of(history, line.asked, _FIVE_SECONDS, span):
            session.send(out.real_time_bar(req_id, dated.bar, line.asked.what))
        return
    present = latest(history, line.asked, line.size, now)
    if present is not None and present.bar.end > line.seen:
        session.send(out.historical_update(req_id, present, line.asked.what, epoch=line.epoch))


def push_depths(session: Session, market: Market, changed: Collection[int]) -> None:
    """Send the depth of what changed."""
    for req_id, line in session.depths.items():
        if line.instrument.con_id in changed:
            push_depth(session, req_id, line, market)


def push_depth(session: Session, req_id: int, line: DepthLine, market: Market) -> None:
    """Send the levels that changed since the last time."""
    rows = depth_of(line.instrument, market.quote(line.instrument), line.rows)
    maker = line.instrument.venue
    session.send(*depth_frames(req_id, line.sent, rows, maker, smart=line.smart))
    line.sent = rows
