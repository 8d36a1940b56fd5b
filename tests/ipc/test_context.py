"""ipc.context: every limit set, nobody's endpoint stolen, nothing in the clear over tcp."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from ipc.bus import Context, Keys, Options, Requester, Responder
from ipc.context import Socket, nothing
from ipc.errors import EndpointInUse, EndpointRefused, KeysMissing
from ipc.security import generate_keys
from router.messages import FindDelivery, PlaceReply
from tests.helpers import PROJECT

KINDS = [zmq.PUB, zmq.SUB, zmq.ROUTER, zmq.DEALER]


@pytest.fixture
def context() -> Iterator[Context]:
    """A context."""
    with Context() as context:
        yield context


@pytest.mark.parametrize("kind", KINDS)
def test_every_limit_is_explicit(kind: zmq.SocketType) -> None:
    """No socket has a limit that libzmq chose."""
    options = Options(send_hwm=11, receive_hwm=12, max_message_bytes=13, linger_ms=14)
    with Context(options) as context:
        socket = context.socket(kind)
        assert (socket.sndhwm, socket.rcvhwm, socket.maxmsgsize) == (11, 12, 13)
        assert socket.linger == (0 if kind == zmq.SUB else 14)
        assert (socket.heartbeat_ivl, socket.heartbeat_timeout) == (2_000, 6_000)
        assert (socket.reconnect_ivl, socket.reconnect_ivl_max, socket.handshake_ivl) == (20, 500, 6_000)
        assert context.socket(kind, receive_hwm=5).rcvhwm == 5


def test_ipc_socket_is_private(context: Context, short_dir: Path) -> None:
    """Directory and socket are for their owner only."""
    endpoint = f"ipc://{short_dir}/run/a.pub"
    context.bind(context.socket(zmq.PUB), endpoint)
    mode = (short_dir / "run" / "a.pub").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o077 == 0
    assert (short_dir / "run").stat().st_mode & 0o777 == 0o700


def test_endpoint_is_not_stolen(context: Context, short_dir: Path) -> None:
    """libzmq would take an endpoint in use without a word; here it is refused until its owner is gone."""
    endpoint = f"ipc://{short_dir}/run/a.pub"
    first = Context()
    first.bind(first.socket(zmq.PUB), endpoint)
    with pytest.raises(EndpointInUse):
        context.bind(context.socket(zmq.PUB), endpoint)
    first.close()
    context.bind(context.socket(zmq.PUB), endpoint)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("tcp://127.0.0.1:*", "only allowed with CURVE keys"),
        ("inproc://x", "unknown transport 'inproc'"),
        ("pgm://x", "unknown transport 'pgm'"),
        ("ipc:///" + "x" * 107, "a unix socket allows 107"),
    ],
)
def test_endpoints_that_cannot_be_used(context: Context, endpoint: str, problem: str) -> None:
    """Neither bound nor connected, and the reason is said."""
    with pytest.raises(EndpointRefused, match=problem):
        context.bind(context.socket(zmq.PUB), endpoint)
    with pytest.raises(EndpointRefused, match=problem):
        context.connect(context.socket(zmq.SUB), endpoint)


def test_close_may_come_twice() -> None:
    """Closing what is closed does nothing."""
    context = Context()
    context.close()
    context.close()


LEAK = """
import gc
from ipc.bus import Context, Requester
for number in range(20):
    context = Context()
    requester = Requester(context, "ipc:///tmp/nobody.cmd")
    requester.itself, requester.context = requester, context
    del context, requester
    gc.collect()
print("alive", flush=True)
raise SystemExit(3)
"""


def test_context_that_is_forgotten_does_no_harm() -> None:
    """Contexts left open, by an error say, neither hang nor abort the process, not even at its end."""
    run = subprocess.run(
        [sys.executable, "-c", LEAK], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.returncode) == ("alive\n", 3)


def test_nothing_does_nothing() -> None:
    """The hook that no asyncio loop has taken."""
    nothing()


# ---------------------------------------------------------------- tcp


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Key pairs of gateway and sizing."""
    for name in ("gateway", "sizing"):
        generate_keys(tmp_path / "keys", name)
    return tmp_path / "keys"


def bound(context: Context, kind: zmq.SocketType) -> tuple[Socket, str]:
    """A socket on a free tcp port, and its endpoint."""
    socket = context.socket(kind)
    context.bind(socket, "tcp://127.0.0.1:*")
    return socket, socket.get_string(zmq.LAST_ENDPOINT)


def arrives(server: Socket, client: Socket, *, within_ms: int) -> bool:
    """Whether a message of the client reaches the server."""
    if client.poll(within_ms, zmq.POLLOUT):
        client.send(b"hello", zmq.NOBLOCK)
    return bool(server.poll(within_ms))


def test_known_client_over_tcp(keys: Path) -> None:
    """Who has a key in the directory, and knows the server's, is heard."""
    with Context(keys=Keys(keys, "gateway")) as ours, Context(keys=Keys(keys, "sizing")) as theirs:
        server, endpoint = bound(ours, zmq.ROUTER)
        client = theirs.socket(zmq.DEALER)
        theirs.connect(client, endpoint, server="gateway")
        assert arrives(server, client, within_ms=5_000)


def refused(server: Socket, client: Socket) -> bool:
    """Whether the handshake with the client fails."""
    monitor = client.get_monitor_socket(zmq.Event.ALL)
    failures = {
        zmq.Event.HANDSHAKE_FAILED_AUTH, zmq.Event.HANDSHAKE_FAILED_PROTOCOL, zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
        zmq.Event.DISCONNECTED,
    }  # fmt: skip
    seen: set[int] = set()
    while not seen & failures and zmq.Event.HANDSHAKE_SUCCEEDED not in seen and monitor.poll(5_000):
        event, _ = monitor.recv_multipart()
        seen.add(int.from_bytes(event[:2], "little"))
    client.disable_monitor()
    monitor.close()
    return bool(seen & failures) and not server.poll(0)


def test_stranger_over_tcp_is_refused(keys: Path, tmp_path: Path) -> None:
    """A client whose key nobody put into the directory does not get in, even knowing the server's key."""
    foreign = tmp_path / "foreign"
    generate_keys(foreign, "sizing")
    (foreign / "gateway.key").write_bytes((keys / "gateway.key").read_bytes())
    with Context(keys=Keys(keys, "gateway")) as ours, Context(keys=Keys(foreign, "sizing")) as theirs:
        server, endpoint = bound(ours, zmq.ROUTER)
        client = theirs.socket(zmq.DEALER)
        theirs.connect(client, endpoint, server="gateway")
        assert refused(server, client)


def test_client_in_the_clear_is_refused(keys: Path) -> None:
    """A client without CURVE does not get in."""
    with Context(keys=Keys(keys, "gateway")) as ours, zmq.Context() as plain:
        server, endpoint = bound(ours, zmq.ROUTER)
        client = plain.socket(zmq.DEALER)
        client.linger = 0
        client.connect(endpoint)
        assert refused(server, client)
        client.close()


def test_client_names_its_server(keys: Path) -> None:
    """Over tcp the client says whose key it expects, and has it."""
    with Context(keys=Keys(keys, "sizing")) as context:
        with pytest.raises(EndpointRefused, match="say whose key"):
            context.connect(context.socket(zmq.SUB), "tcp://127.0.0.1:1")
        with pytest.raises(KeysMissing, match="monitor"):
            context.connect(context.socket(zmq.SUB), "tcp://127.0.0.1:1", server="monitor")


def test_two_tcp_endpoints_share_one_authenticator(keys: Path) -> None:
    """A process with several tcp sockets checks them all."""
    with Context(keys=Keys(keys, "gateway")) as context:
        _, first = bound(context, zmq.PUB)
        _, second = bound(context, zmq.ROUTER)
        assert first != second


def test_commands_over_tcp(keys: Path) -> None:
    """The bus objects work over tcp as over ipc."""
    with Context(keys=Keys(keys, "gateway")) as ours, Context(keys=Keys(keys, "sizing")) as theirs:
        responder = Responder(ours, "tcp://127.0.0.1:*", lambda *_: PlaceReply("x", "unknown"))
        endpoint = responder.sockets[0].get_string(zmq.LAST_ENDPOINT)
        requester = Requester(theirs, endpoint, server="gateway", resend_s=0.05)
        replies: list[object] = []
        requester.send("1", FindDelivery("x"), replies.append)
        poller = zmq.Poller()
        for socket in (*responder.sockets, *requester.sockets):
            poller.register(socket, zmq.POLLIN)
        while not replies:
            poller.poll(20)
            responder.receive()
            requester.receive()
        assert replies == [PlaceReply("x", "unknown")]
