"""What subscriptions to bars and depth send as time goes on."""

from datetime import datetime, timedelta
from decimal import Decimal

from paper.bar_answer import Asked
from paper.bar_feeds import push_bars, push_depths
from paper.bar_query import BAR_SIZES
from paper.contracts import Catalog, ContractQuery
from paper.history import History, What
from paper.hours import NEW_YORK, Hours
from paper.market import Market, Mood
from paper.session import BarLine, DepthLine, Session

_START = datetime(2026, 11, 23, 15, 59, 30, tzinfo=NEW_YORK)
_CATALOG = Catalog()
(_AAPL,) = _CATALOG.find(ContractQuery(symbol="AAPL", sec_type="STK"), _START.date())


def names(session: Session) -> list[bytes]:
    """The message ids of what a session was sent; it is empty then."""
    frames, session.outbox = session.outbox, []
    return [frame[4:].split(b"\0")[0] for frame in frames]


def world() -> tuple[Market, History, Session]:
    """A market that stands still, its history, and a client that follows five seconds and the day."""
    market = Market(_CATALOG, 1, Mood.STILL, _START)
    market.quote(_AAPL)
    session = Session(peer="test")
    asked, now = Asked(_AAPL, What.TRADES, regular=True), int(_START.timestamp())
    session.bars = {1: BarLine(asked, now), 2: BarLine(asked, now, BAR_SIZES["1 day"])}
    return market, History(_CATALOG, market, 1, Hours.NYSE, _START), session


def test_bars_are_sent_when_five_seconds_are_over() -> None:
    """Not before, once, and one message for each five seconds that were let pass."""
    market, history, session = world()
    said = []
    for second in range(21):
        now = _START + timedelta(seconds=second)
        market.step(now)
        history.observe(now)
        if second not in (10, 15):  # the client is looked after later
            push_bars(session, history, now)
        said.append(names(session))
    assert said[5] == [b"50", b"90"]
    assert said[11] == [b"50", b"90"]
    assert [at for at, one in enumerate(said) if one] == [5, 11, 16, 20]


def test_nothing_is_sent_when_trading_is_over() -> None:
    """After the close there are no bars of regular hours, and the day's bar does not change any more."""
    market, history, session = world()
    for second in range(0, 120, 5):
        now = _START + timedelta(seconds=second)
        market.step(now)
        history.observe(now)
        push_bars(session, history, now)
        if second <= 30:
            names(session)
    assert b"50" not in names(session)


def test_depth_of_what_changed_is_sent() -> None:
    """A line whose instrument is among those that changed, no other."""
    market, _, session = world()
    session.depths = {3: DepthLine(_AAPL, 1, smart=False)}
    push_depths(session, market, [1])
    assert names(session) == []
    push_depths(session, market, [_AAPL.con_id])
    assert names(session) == [b"12", b"12"]
    market.move("AAPL", float(Decimal(300)))
    push_depths(session, market, [_AAPL.con_id])
    assert names(session) == [b"12", b"12"]
