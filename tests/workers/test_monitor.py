"""The monitor as a process, told about by a gateway that the test plays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from conf.settings import Settings
from ipc.bus import Context, Journal, Publisher, Requester, Responder
from ipc.loop import Loop
from router.messages import (
    AccountSnapshot,
    Alert,
    CommandRefused,
    Heartbeat,
    LinkPhase,
    LinkState,
    Message,
    PositionSnapshot,
    PrepareContract,
    StatusQuery,
    StatusReply,
)
from router.messages import ContractSpec as Contract

LINK = LinkState(LinkPhase.READY, "", ("DU1",), "DU1", 187, 1)
ACCOUNT = AccountSnapshot("DU1", "USD", 1e5, 4e5, 1e5, 1e5, 0.0, 0.0, 0.0, replayed=True, received_ns=0)
POSITION = PositionSnapshot("DU1", Contract("STK", "SPY"), 1.0, 450.0, replayed=True, received_ns=0)


class Gateway:
    """The gateway's side of the bus, and whoever asks the monitor."""

    def __init__(self, settings: Settings) -> None:
        self.context = Context()
        self.loop = Loop()
        journal = Journal(settings.journal("gateway"), "gateway")
        self.publisher = Publisher(self.context, "gateway", settings.pub("gateway"), journal)
        responder = Responder(
            self.context,
            settings.cmd("gateway"),
            lambda _id, _message: None,
            publisher=self.publisher,
            snapshot=lambda: (LINK, POSITION, ACCOUNT),
        )
        self.requester = Requester(self.context, settings.cmd("monitor"), resend_s=0.2)
        self.loop.attach(responder)
        self.loop.attach(self.requester)
        self._asked = 0

    def beat(self) -> None:
        """Publish a heartbeat of the gateway."""
        self.publisher.publish(Heartbeat("gateway", 42, "waiting", "IB connection", {"messages": 7}))

    def ask(self, message: Message) -> Message:
        """The monitor's reply, while the gateway's sockets are served."""
        replies: list[Message] = []

        def on_reply(reply: Message) -> None:
            replies.append(reply)
            self.loop.stop()

        self._asked += 1
        self.requester.send(str(self._asked), message, on_reply)
        limit = self.loop.after(10, self.loop.stop)
        self.loop.run()
        limit.cancel()
        assert replies, "the monitor does not answer"
        return replies[0]

    def status_when(self, link: LinkState | None, *, beats: int = 0) -> StatusReply:
        """The monitor's status as soon as it has this link and has heard the gateway's heartbeats."""
        for _ in range(500):
            reply = self.ask(StatusQuery())
            assert isinstance(reply, StatusReply)
            if reply.link == link and (not beats or reply.processes[0].age_s >= 0):
                return reply
            self.beat()
        raise AssertionError("the monitor never learned of it")

    def close(self) -> None:
        """Release everything."""
        self.publisher.close()
        self.context.close()
        self.loop.close()


@pytest.fixture
def gateway(settings: Settings) -> Iterator[Gateway]:
    """A gateway, with the monitor running beside it."""
    gateway = Gateway(settings)
    env = {**os.environ, "ROUTER_HOME": str(settings.root)}
    command = [sys.executable, "-m", "workers", "monitor"]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        yield gateway
        process.terminate()
        assert process.wait(20) == 0
    gateway.close()


def test_it_tells_what_every_process_last_said(gateway: Gateway) -> None:
    """Heartbeats by process with their age, the IB connection, the account; the unheard are named with age -1."""
    status = gateway.status_when(LINK, beats=1)
    assert status.account == ACCOUNT
    by_name = {process.process: process for process in status.processes}
    assert list(by_name) == ["gateway", "sizing", "submission", "dispatch", "monitor"]
    heard = by_name["gateway"]
    assert (heard.pid, heard.state, heard.waiting_for) == (42, "waiting", "IB connection")
    assert heard.progress == {"messages": 7}
    assert 0 <= heard.age_s < 5
    assert (by_name["sizing"].state, by_name["sizing"].age_s) == ("unknown", -1.0)
    assert by_name["monitor"].state == "ready"
    assert by_name["monitor"].progress["queries"] >= 1


def test_it_follows_the_connection(gateway: Gateway) -> None:
    """A change of the link is what the next status says."""
    gateway.status_when(LINK)
    down = LinkState(LinkPhase.DOWN, "connection refused")
    gateway.publisher.publish(down)
    assert gateway.status_when(down).link == down


def test_it_counts_alerts_and_keeps_the_last(gateway: Gateway) -> None:
    """Both, with the time of the last one."""
    assert gateway.status_when(LINK).last_alert is None
    last = Alert("order_parked", "critical", "decide", ref="a-b-E")
    gateway.publisher.publish(Alert("journal_full", "critical", "make room"), last)
    down = LinkState(LinkPhase.DOWN, "connection refused")  # after it on the same bus
    gateway.publisher.publish(down)
    status = gateway.status_when(down)
    assert (status.alerts, status.last_alert) == (2, last)
    assert abs(time.time_ns() - status.last_alert_at_ns) < 60_000_000_000


def test_other_commands_are_refused(gateway: Gateway) -> None:
    """The monitor does nothing but answer."""
    reply = gateway.ask(PrepareContract(Contract("STK", "SPY")))
    assert reply == CommandRefused("UNKNOWN_COMMAND", "monitor has no PrepareContract")
