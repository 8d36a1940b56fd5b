"""Sockets with every limit set: one Context per process, from which all its bus objects are made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import zmq
from zmq.auth.thread import ThreadAuthenticator

from ipc import security
from ipc.errors import EndpointRefused

ZAP_DOMAIN = "router"

Socket = zmq.Socket[bytes]


@dataclass(frozen=True)
class Options:
    """Limits of every socket. HWMs count frames, for one peer; what exceeds them is dropped by PUB, refused by others."""

    send_hwm: int = 100_000
    receive_hwm: int = 100_000
    max_message_bytes: int = 16 << 20  # a peer that sends more is disconnected
    linger_ms: int = 1_000  # how long a closing process still tries to send
    heartbeat_ms: int = 2_000
    heartbeat_timeout_ms: int = (
        6_000  # a peer silent for so long is disconnected, and what waits for it is freed
    )
    reconnect_ms: int = 20
    reconnect_max_ms: int = 500


@dataclass(frozen=True)
class Keys:
    """CURVE keys for tcp: this process's own pair is `name`; every `*.key` in `directory` may connect to it."""

    directory: Path
    name: str


class Context:
    """Makes, binds and connects sockets. Its objects are used in one thread only.

    `bind` takes an endpoint for this process until `close`. Raises EndpointInUse, EndpointRefused, InsecurePath,
    and KeysMissing for tcp.
    """

    _open: ClassVar[set[Context]] = (
        set()
    )  # a context that is collected as garbage while open hangs or aborts in libzmq

    def __init__(self, options: Options | None = None, *, keys: Keys | None = None) -> None:
        self.options = options or Options()
        self._keys = keys
        self._context = zmq.Context()
        self._authenticator: ThreadAuthenticator | None = None
        self._locks: list[int] = []
        self._sockets: list[Socket] = []
        self._open.add(self)

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def socket(self, kind: zmq.SocketType, *, receive_hwm: int | None = None) -> Socket:
        """A socket with the options set, bound and connected to nothing."""
        options = self.options
        socket: Socket = self._context.socket(kind)
        self._sockets = [*(one for one in self._sockets if not one.closed), socket]
        socket.sndhwm = options.send_hwm
        socket.rcvhwm = receive_hwm or options.receive_hwm
        socket.maxmsgsize = options.max_message_bytes
        socket.linger = 0 if kind == zmq.SUB else options.linger_ms
        socket.heartbeat_ivl = options.heartbeat_ms
        socket.heartbeat_timeout = options.heartbeat_timeout_ms
        socket.heartbeat_ttl = options.heartbeat_timeout_ms
        socket.handshake_ivl = options.heartbeat_timeout_ms
        socket.reconnect_ivl = options.reconnect_ms
        socket.reconnect_ivl_max = options.reconnect_max_ms
        if kind == zmq.DEALER:
            # Nothing waits in the socket for a peer that is not there, not even a reply unread when that peer
            # ended: the command is sent again.
            socket.immediate = 1
        if kind == zmq.ROUTER:
            socket.router_mandatory = 1  # a reply to a peer that has gone is an error that gets counted
        return socket

    def bind(self, socket: Socket, endpoint: str) -> None:
        """Bind to an ipc endpoint of this user only, or to a tcp endpoint with CURVE."""
        match endpoint.partition("://")[0]:
            case "ipc":
                self._locks.append(security.lock_endpoint(security.ipc_path(endpoint)))
                with security.private_umask():
                    socket.bind(endpoint)
            case "tcp":
                keys = self._require_keys(endpoint)
                self._authenticate(keys)
                own = security.load_keys(keys.directory, keys.name)
                socket.curve_server = True
                socket.curve_publickey, socket.curve_secretkey = own
                socket.zap_domain = ZAP_DOMAIN.encode()
                socket.bind(endpoint)
            case transport:
                raise EndpointRefused(f"{endpoint}: unknown transport {transport!r}, use ipc:// or tcp://")

    def connect(self, socket: Socket, endpoint: str, *, server: str = "") -> None:
        """Connect to an endpoint; over tcp only to the holder of the key pair `server`."""
        match endpoint.partition("://")[0]:
            case "ipc":
                security.ipc_path(endpoint)
            case "tcp":
                keys = self._require_keys(endpoint)
                if not server:
                    raise EndpointRefused(f"{endpoint}: say whose key the server must hold")
                own = security.load_keys(keys.directory, keys.name)
                socket.curve_serverkey = security.load_public_key(keys.directory, server)
                socket.curve_publickey, socket.curve_secretkey = own
            case transport:
                raise EndpointRefused(f"{endpoint}: unknown transport {transport!r}, use ipc:// or tcp://")
        socket.connect(endpoint)

    def close(self) -> None:
        """Close every socket, wait until what they hold is sent or `linger_ms` is over, release the endpoints."""
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None
        self._context.destroy()
        self._open.discard(self)
        while self._locks:
            os.close(self._locks.pop())  # only now: a closing socket removes its file late

    def _require_keys(self, endpoint: str) -> Keys:
        if self._keys is None:
            raise EndpointRefused(
                f"{endpoint}: tcp is only allowed with CURVE keys, see `router keys generate`"
            )
        return self._keys

    def _authenticate(self, keys: Keys) -> None:
        """Start the ZAP handler before the first tcp bind: without one libzmq admits any client."""
        if self._authenticator is None:
            authenticator = ThreadAuthenticator(self._context)
            authenticator.start()
            authenticator.configure_curve(domain=ZAP_DOMAIN, location=keys.directory)
            self._authenticator = authenticator


def nothing() -> None:
    """What an object's `on_send` does when no asyncio loop serves it."""
