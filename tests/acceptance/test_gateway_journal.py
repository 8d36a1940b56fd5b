"""A gateway whose journal is torn, or has no room: the real process, the paper gateway over TCP, the real bus."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.observer import Observer
from bench.stand import Stand, until
from ipc.bus import JournalReader
from ipc.codec import decode_raw_frame
from ipc.segment import scan
from router.bracket import legs
from router.messages import (
    Alert,
    CancelOrders,
    CancelReply,
    CommandRefused,
    ExecutionFill,
    Flatten,
    FlattenReply,
    Heartbeat,
    PlaceBracket,
    PlaceReply,
    Target,
)
from tests.acceptance.gateway import (
    STILL,
    WAIT_S,
    Ear,
    buy,
    do,
    listening,
    messages_of,
    rest,
    router,
    settled,
)
from tests.ipc.test_appender import file_size_limit
from tests.router.factory import STOCK, request


def newest(stand: Stand) -> Path:
    """The segment of the gateway's journal that was written last."""
    return max(stand.journal.glob("*.journal"))


def tear(stand: Stand) -> None:
    """Cut the file in the middle of the last record of the trade topic: with what stood behind it, it never was."""
    raw = newest(stand).read_bytes()
    records = scan(lambda offset, size: raw[offset : offset + size], 0, len(raw))
    last = [record for record in records if decode_raw_frame(record.body).topic == "trade"][-1]
    os.truncate(newest(stand), last.end - 5)


def soil(stand: Stand) -> None:
    """Put the beginning of a record behind the last."""
    with newest(stand).open("ab") as file:
        file.write(b"\xce" + os.urandom(16))


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("damage", "resets"), [(tear, 1), (soil, 0)])
def test_a_torn_last_record_is_cut_off_and_nothing_is_lost(
    damage: Callable[[Stand], None], resets: int
) -> None:
    """It is never read. What it said IB tells anew; a subscriber that had heard it begins anew, once."""
    with Stand(*STILL) as stand:
        observer = Observer(stand.source)
        stand.await_ready()
        buy(stand, 10, 20, 900)
        settled(stand, lambda: observer.heard)

        def kept() -> int:
            return sum(1 for _ in JournalReader(stand.journal).read(topic="trade"))

        until(lambda: observer.heard.messages == kept(), "the last record is heard", WAIT_S)
        stand.kill()
        damage(stand)
        stand.start_gateway()
        stand.await_ready()
        buy(stand, 40)
        heard = settled(stand, lambda: observer.heard)
        observer.end()
        assert heard.resets == resets
        assert list(stand.journal.glob("*.torn"))
        verified = router(stand, "journal", "verify", "gateway")
        assert verified.returncode == 0, verified.stdout
        reader = JournalReader(stand.journal)
        numbers = [envelope.seq for envelope in reader.read()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert not reader.damage
        assert not reader.undecodable


# ---------------------------------------------------------------- no room


def bracket(number: int) -> PlaceBracket:
    """A protected entry that rests."""
    order = request(
        delivery=f"{number:016x}-mfqwpfk0",
        contract=STOCK,
        entry_type="LMT",
        limit_price=2.0,
        reference_price=2.0,
        stop_price=1.0,
        targets=(Target(1_900.0, 7),),
        expires_ms=time.time_ns() // 1_000_000 + 60_000,
    )
    return PlaceBracket(request=order, legs=legs(order, outside_rth=True))


def limit(stand: Stand, size: int) -> None:
    """No file of the gateway may grow beyond this: its writes fail as on a full disk, in the middle of a record."""
    _, most = resource.prlimit(stand.gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stand.gateway.pid, resource.RLIMIT_FSIZE, (size, most))


def alerts(ear: Ear) -> list[str]:
    """The kinds of the alerts so far."""
    return [alert.kind for alert in ear.messages(Alert)]


def kept_alerts(stand: Stand) -> list[str]:
    """The kinds of the alerts that the journal has."""
    read = JournalReader(stand.journal).read(topic="alert")
    return [alert.kind for alert in messages_of(read, Alert)]


def fill_disk(stand: Stand, ear: Ear) -> None:
    """No room from the middle of the next record on; returns when the gateway has noticed and said so."""
    limit(stand, newest(stand).stat().st_size + 40)
    do(stand, "fill last shares 1")
    until(lambda: "journal_full" in alerts(ear), "the alert", WAIT_S)


@pytest.mark.timeout(120)
def test_a_full_disk_stops_orders_and_nothing_else() -> None:
    """IB is heard, cancels and exits pass, entries are refused by name; with room again all is written, in order."""
    with Stand(*STILL) as stand, listening(stand, "trade", "alert", "heartbeat") as ear:
        stand.await_ready()
        assert isinstance(stand.ask(bracket(1), 10), PlaceReply)
        resting = rest(stand)
        fill_disk(stand, ear)

        do(stand, "\n".join(["fill last shares 1"] * 200))
        until(lambda: len(ear.of(ExecutionFill)) == 201, "every fill is published", WAIT_S)
        refused = stand.ask(bracket(2), 10)
        assert isinstance(refused, CommandRefused)
        assert (refused.code, refused.retry) == ("JOURNAL_FULL", True)
        assert "make room" in refused.text
        assert stand.ask(CancelOrders(refs=(resting,)), 10) == CancelReply(refs=(resting,))
        flat = stand.ask(Flatten(), 10)
        assert isinstance(flat, FlattenReply)
        assert flat.closing
        until(lambda: not stand.await_ready().positions, "the position is closed", WAIT_S)
        until(lambda: "room for the journal" in waiting(ear), "its heartbeat says so", WAIT_S)
        with listening(stand, "trade") as late:
            until(
                lambda: len(late.of(ExecutionFill)) >= 202, "one that joins now is told from memory", WAIT_S
            )

        limit(stand, resource.RLIM_INFINITY)
        until(lambda: "journal_recovered" in alerts(ear), "it recovers by itself", WAIT_S)
        until(lambda: not waiting(ear), "its heartbeat says so too", WAIT_S)
        assert isinstance(stand.ask(bracket(2), 10), PlaceReply)
        until(lambda: len(ear.of(ExecutionFill)) >= 202, "every fill", WAIT_S)
        assert alerts(ear) == ["journal_full", "journal_recovered"]
        heard = ear.messages(ExecutionFill)
        kept = messages_of(JournalReader(stand.journal).read(topic="trade"), ExecutionFill)
        assert kept == heard
        assert {fill.exec_id for fill in heard} == {one["exec_id"] for one in stand.records("execution")}
        assert max(Counter(fill.exec_id for fill in heard).values()) == 1
        numbers = [envelope.seq for envelope in JournalReader(stand.journal).read()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert router(stand, "journal", "verify", "gateway").returncode == 0


def waiting(ear: Ear) -> str:
    """What the gateway's last heartbeat waits for."""
    beats = ear.messages(Heartbeat)
    return beats[-1].waiting_for if beats else "a heartbeat"


@pytest.mark.timeout(120)
def test_killed_while_the_disk_is_full() -> None:
    """What memory held is gone with the process: IB tells it anew, and who had heard it begins anew, once.

    It also starts on a full disk, is READY, refuses entries, and recovers.
    """
    with Stand(*STILL) as stand, listening(stand, "trade", "alert") as ear:
        observer = Observer(stand.source)
        stand.await_ready()
        rest(stand)
        fill_disk(stand, ear)
        do(stand, "\n".join(["fill last shares 1"] * 50))
        settled(stand, lambda: observer.heard)
        stand.kill()
        with file_size_limit(newest(stand).stat().st_size):  # which a process inherits
            stand.start_gateway()
        stand.await_ready()
        refused = stand.ask(bracket(1), 10)
        assert isinstance(refused, CommandRefused)
        assert refused.code == "JOURNAL_FULL"
        limit(stand, resource.RLIM_INFINITY)
        recovered = ["journal_full", "journal_recovered"]
        until(lambda: kept_alerts(stand) == recovered, "it says so, and recovers by itself", WAIT_S)
        do(stand, "fill last shares 2")
        heard = settled(stand, lambda: observer.heard)
        observer.end()
        assert heard.resets == 1
        kept = messages_of(JournalReader(stand.journal).read(topic="trade"), ExecutionFill)
        assert {fill.exec_id for fill in kept} == {one["exec_id"] for one in stand.records("execution")}
