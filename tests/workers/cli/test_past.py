"""Reading journals from outside, and where a subscriber goes on from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conf.settings import Settings
from ipc.bus import BEGINNING, Context, Envelope, Journal, Position, Publisher
from ipc.codec import encode
from ipc.frame import Frame
from ipc.segment import pack
from ipc.topics import TOPICS
from router.messages import LinkPhase, LinkState, SignalGated
from workers.cli.past import Past, position_before

S = 1_000_000_000
NOW = 1_758_290_400 * S


class Written:
    """Journals of gateway and sizing; the test says when it is."""

    def __init__(self, settings: Settings) -> None:
        self.at_ns = NOW
        self.context = Context()
        self.publishers = {
            name: Publisher(
                self.context,
                name,
                settings.pub(name),
                Journal(settings.journal(name), name, segment_bytes=400, wall_ns=lambda: self.at_ns),
                wall_ns=lambda: self.at_ns,
            )
            for name in ("gateway", "sizing")
        }

    def link(self, reason: str, at_ns: int) -> None:
        """The gateway says something."""
        self.at_ns = at_ns
        self.publishers["gateway"].publish(LinkState(LinkPhase.READY, reason))

    def gated(self, name: str, at_ns: int) -> None:
        """sizing says something."""
        self.at_ns = at_ns
        self.publishers["sizing"].publish(SignalGated(name, name, "SPY", ()))

    def at(self, name: str) -> Position:
        """Where a publisher stands."""
        return Position(self.publishers[name].epoch, self.publishers[name].seq)


@pytest.fixture
def written(settings: Settings) -> Iterator[Written]:
    """Ten link states and gated signals, a minute apart, the last one just now."""
    written = Written(settings)
    for number in range(10):
        written.link(f"l{number}", NOW - (9 - number) * 60 * S)
        written.gated(f"s{number}", NOW - (9 - number) * 60 * S + 1)
    yield written
    for publisher in written.publishers.values():
        publisher.close()
    written.context.close()


def anything(_envelope: Envelope) -> bool:
    """Everything is wanted."""
    return True


def names(envelopes: Iterator[Envelope] | list[Envelope]) -> list[str]:
    """l0, s0, ..."""
    return [getattr(one.message, "reason", "") or getattr(one.message, "delivery", "") for one in envelopes]


def test_journals_are_read_together_in_order_of_time(settings: Settings, written: Written) -> None:
    """Those of the chosen topics, from an instant to an instant, both included."""
    past = Past(settings, TOPICS)
    assert names(past.read(anything)) == [f"{kind}{number}" for number in range(10) for kind in "ls"]
    assert names(past.read(anything, since_ns=NOW)) == ["l9", "s9"]
    found = past.read(anything, since_ns=NOW - 60 * S, until_ns=NOW)
    assert names(found) == ["l8", "s8", "l9"]
    assert names(Past(settings, {"decision"}).read(anything, since_ns=NOW - 60 * S)) == ["s8", "s9"]
    assert past.damage == []


def test_the_last_few_are_looked_for_from_the_end(settings: Settings, written: Written) -> None:
    """As far back as it takes, or as far as was said."""
    past = Past(settings, TOPICS)
    assert names(past.last(1, anything, since_ns=None, now_ns=NOW)) == ["s9"]
    assert names(past.last(5, anything, since_ns=None, now_ns=NOW)) == ["s7", "l8", "s8", "l9", "s9"]
    assert len(past.last(99, anything, since_ns=None, now_ns=NOW)) == 20
    assert names(past.last(5, anything, since_ns=NOW, now_ns=NOW)) == ["l9", "s9"]


@pytest.mark.parametrize("since_ns", [0, NOW - 60 * S, NOW])
def test_positions_are_those_after_what_was_read(settings: Settings, written: Written, since_ns: int) -> None:
    """Of every publisher, whatever its topics; one without a journal begins at its beginning."""
    past = Past(settings, {"trade"})
    assert names(past.read(anything, since_ns=since_ns)) == []
    assert past.positions.pop("gateway") == written.at("gateway")
    assert past.positions.pop("sizing") == written.at("sizing")
    assert set(past.positions.values()) == {BEGINNING}


def test_positions_are_right_when_nothing_was_read(settings: Settings, written: Written) -> None:
    """A publisher that was silent since then is left at its last message, not at its first."""
    past = Past(settings, TOPICS)
    assert names(past.read(anything, since_ns=NOW + 60 * S)) == []
    assert past.positions["gateway"] == written.at("gateway")


def test_a_position_before_an_instant_leaves_out_what_came_since(
    settings: Settings, written: Written
) -> None:
    """Also over segments, and when everything came since."""
    reader = Past(settings, TOPICS)._readers["gateway"]
    epoch = written.publishers["gateway"].epoch
    assert len(reader.segments()) > 2
    for number in range(1, 10):
        before = position_before(reader, NOW - (9 - number) * 60 * S)
        assert before == Position(epoch, number)
    assert position_before(reader, 0) == BEGINNING


def test_what_does_not_decode_is_counted(settings: Settings, written: Written) -> None:
    """A message of another version, and a frame that lies about itself; the rest is read."""
    journal = written.publishers["sizing"].journal
    position = written.at("sizing")
    alien = Frame(
        "decision",
        position.epoch,
        position.seq + 1,
        11,
        1,
        0,
        NOW,
        {"decision": 10},
        encode((LinkState(LinkPhase.DOWN, ""),)),
    )
    liar = Frame("decision", position.epoch, position.seq + 2, 12, 2, 0, NOW, {"decision": 11})
    strange = encode(alien).replace(b"LinkState", b"LinkStore")
    with journal.segment.open("ab") as file:
        file.write(pack(strange) + pack(encode(liar)))
    past = Past(settings, TOPICS)
    assert names(past.read(anything, since_ns=NOW)) == ["l9", "s9"]
    assert past.unreadable == 2
