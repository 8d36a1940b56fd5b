"""A gateway with a long journal, killed and started again: the real process, the paper gateway over TCP."""

from __future__ import annotations

import json
import signal
import time

import pytest

from bench.stand import Stand
from ipc.bus import Context, Journal, Publisher
from router.messages import FindDelivery, ParkedQuery, ParkedReply, PlaceReply
from tests.acceptance.gateway import STILL, router
from tests.ipc.helpers import pnl
from tests.router.factory import order_event
from tests.workers.gateway.test_known import execution, intent, parked
from workers.gateway.recall import EVERY, NAME

PER_BRACKET = 26  # trade messages
PARKED = "ffff-mfqwpfk0"


def delivery(number: int) -> str:
    """The delivery of the bracket with this number."""
    return f"{number:016x}-mfqwpfk0"


def lengthen(stand: Stand, trade_messages: int) -> int:
    """Have a gateway that is not running have published so many, of brackets that IB knew and one that is parked."""
    context = Context()
    journal = Journal(stand.journal, "gateway")
    publisher = Publisher(context, "gateway", f"ipc://{stand.root}/then", journal)
    brackets = trade_messages // PER_BRACKET
    for number in range(1, brackets + 1):
        order = intent(delivery(number), 10 * number)
        publisher.publish(order)
        for _ in range(5):
            publisher.publish(pnl(number))
            publisher.publish(*(order_event(leg.ref, order_id=leg.order_id) for leg in order.legs))
            publisher.publish(*(execution(leg.ref, leg.order_id) for leg in order.legs[:2]))
    publisher.publish(intent(PARKED, 5), parked(PARKED))
    publisher.close()
    context.close()
    return brackets


def start(stand: Stand) -> tuple[int, int, float]:
    """Start the gateway; after which seq it read its journal, how many trade messages, and s from start to READY."""
    began = time.monotonic()
    stand.start_gateway()
    stand.await_ready()
    seconds = time.monotonic() - began
    lines = (stand.root / "log").read_bytes().splitlines()
    read = json.loads([line for line in lines if b"journal read back" in line][-1])
    return read["after"], read["trade_messages"], seconds


def answers(stand: Stand, last: int) -> list[str]:
    """What it knows of deliveries; and that the parked one is the only one."""
    names = [delivery(1), delivery(last), PARKED, "new-mfqwpfk0"]
    replies = [stand.ask(FindDelivery(name), 10) for name in names]
    listed = stand.ask(ParkedQuery(), 10)
    assert isinstance(listed, ParkedReply)
    assert [one.delivery for one in listed.parked] == [PARKED]
    return [reply.outcome for reply in replies if isinstance(reply, PlaceReply)]


@pytest.mark.timeout(120)
def test_a_killed_gateway_reads_only_what_follows_the_checkpoint() -> None:
    """It knows the same of every delivery, however it ended and whatever became of the file."""
    with Stand(*STILL) as stand:
        stand.await_ready()
        stand.kill()
        last = lengthen(stand, 3 * EVERY)
        wanted = ["adopted", "adopted", "in_doubt", "unknown"]

        after, read, _ = start(stand)
        assert (after, read >= 3 * EVERY - PER_BRACKET) == (0, True)
        assert answers(stand, last) == wanted

        stand.kill()
        after, read, _ = start(stand)
        assert after >= 3 * EVERY
        assert read < EVERY
        assert answers(stand, last) == wanted

        stand.gateway.send_signal(signal.SIGTERM)
        assert stand.gateway.wait(20) == 0
        covered, read, _ = start(stand)
        assert covered > after
        assert read == 0
        assert answers(stand, last) == wanted
        assert router(stand, "journal", "verify", "gateway").returncode == 0

        stand.kill()
        file = stand.journal / NAME
        file.write_bytes(file.read_bytes()[:-1])
        after, read, _ = start(stand)
        assert (after, read >= 3 * EVERY - PER_BRACKET) == (0, True)
        assert answers(stand, last) == wanted
