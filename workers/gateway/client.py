"""The library's socket client with the inbound side replaced: frames are cut once and handed straight on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from workers.gateway.framing import HEADER, Frames, fields_of
from workers.gateway.inbound import Inbound
from workers.gateway.library import LIBRARY, Client, Connection


class Wire(Protocol):
    """Who takes what comes in: the Link. The library calls it by more names, see there."""

    inbound: Inbound

    def undecodable(self, payload: bytes, error: Exception) -> None:
        """A message for which `inbound.handle` raised."""

    def read_done(self) -> None:
        """All of one socket read was handled."""


class Socket(Connection):
    """Hands bytes straight on: the library's event would log and forget an exception of whoever takes them."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        super().__init__()

    def data_received(self, data: bytes) -> None:
        self._take(data)


class FrameClient(Client):
    """The library's client with a frame loop that does not re-slice the buffer for every message."""

    MaxRequests = 0  # the outbox paces
    MaxClientVersion = 176  # the newest that ib_insync speaks; ib_async would go on to 178

    def __init__(self, link: Wire) -> None:
        self._link = link
        self._frames = Frames()
        super().__init__(link)
        self.conn = Socket(self._onSocketHasData)
        self.conn.disconnected += self._onSocketDisconnected
        self._logger = logging.getLogger(f"{LIBRARY}.client")
        self._logger.setLevel(logging.CRITICAL)  # the session reports what happens, once

    def reset(self) -> None:
        """The library's, at the start and end of each connection."""
        super().reset()
        self._frames.reset()

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        """Without the library's queue, which a lost connection would empty without a word."""
        payload = msg.encode()
        self.conn.sendMsg(HEADER.pack(len(payload)) + payload)

    def decode(self, message_id: int, fields: list[str]) -> None:
        """The library's own decoding, for the long messages: it calls the link back."""
        self.decoder.handlers[message_id](fields)

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        link = self._link
        link.inbound.read_ns = time.monotonic_ns()
        take = self._take
        for payload in self._frames.feed(data):
            take(payload)
        if self._frames.lost:
            link.undecodable(self._frames.rest, ValueError(self._frames.lost))
            self._give_up(self._frames.lost)
        link.read_done()

    def _take(self, payload: bytes) -> None:
        fields = fields_of(payload)
        if not self._serverVersion:
            self._handshake(fields)
            return
        try:
            if not self._apiReady:
                self._await_ready(fields)
            self._link.inbound.handle(fields)
        except Exception as error:  # foreign bytes: whatever they are, the next message must flow
            self._link.undecodable(payload, error)

    def _handshake(self, fields: list[str]) -> None:
        if len(fields) != 2 or not fields[0].isdecimal():
            self._give_up("what listens there is no TWS or IB Gateway: check broker.host and broker.port")
            return
        version = int(fields[0])
        if version < self.MinClientVersion:
            self._give_up("TWS or IB Gateway is too old: install version 972 or later")
            return
        self._serverVersion = version
        self.decoder.serverVersion = self._link.inbound.server_version = version
        self.connState = Client.CONNECTED
        self.startApi()

    def _give_up(self, reason: str) -> None:
        self._link.inbound.refusal = self._link.inbound.refusal or reason
        if self.conn.transport is not None:
            self.conn.transport.abort()

    def _await_ready(self, fields: list[str]) -> None:
        """Ready once nextValidId (9) and a non-empty managedAccounts (15) are in."""
        if fields[0] == "9":
            self.updateReqId(int(fields[2]))
            self._hasReqId = True
        elif fields[0] == "15":
            self._accounts = [account for account in fields[2].split(",") if account]
        if self._hasReqId and self._accounts:
            self._apiReady = True
            self.apiStart.emit()
