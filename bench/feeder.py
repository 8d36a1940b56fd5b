"""A TWS socket that answers what a client asks while connecting, then sends a storm when asked for the time.

One client, one storm, plain blocking sockets: it is the load, never the thing measured.
`python -m bench.feeder ORDERS PARTIALS RATE` prints its port and ends when the client hangs up. RATE is in
messages a second, 0 for as fast as the socket takes them.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

from bench.frames import ACCOUNT, CONTRACT, MESSAGES_PER_FILL, Shape, fills, frame, storm

TICK_S = 0.002  # at a steady rate the fills of this much time are written at once

ANSWERS: dict[bytes, tuple[bytes, ...]] = {
    b"61": (frame(61, 3, ACCOUNT, *CONTRACT, 1, "263.5"), frame(62, 1)),
    b"5": (frame(53, 1),),
    b"16": (frame(53, 1),),
    b"99": (frame(102),),
    b"6": (frame(54, 1, ACCOUNT),),
}
SUMMARY = ("NetLiquidation", "BuyingPower", "AvailableFunds", "TotalCashValue", "GrossPositionValue",
           "InitMarginReq", "MaintMarginReq")  # fmt: skip


def answer(fields: list[bytes]) -> tuple[bytes, ...]:
    """What a connecting client waits for."""
    match fields[0]:
        case b"71":
            return (frame(15, 1, ACCOUNT), frame(9, 1, 1))
        case b"7":
            return (frame(55, 1, fields[2].decode()),)
        case b"76":
            return (frame(74, 1, fields[2].decode()),)
        case b"62":
            request = fields[2].decode()
            values = (frame(63, 1, request, ACCOUNT, tag, "100000", "USD") for tag in SUMMARY)
            return (*values, frame(64, 1, request))
        case kind:
            return ANSWERS.get(kind, ())


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes. Raises EOFError when the client is gone."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def serve(connection: socket.socket, shape: Shape, rate: float, prepared: bytes) -> None:
    """Answer until the client hangs up; the first reqCurrentTime (49) starts the storm."""
    read_exactly(connection, 4)  # API\0
    stormed = False
    read_exactly(connection, struct.unpack(">I", read_exactly(connection, 4))[0])
    connection.sendall(frame(176, "20260415 15:37:35 EST"))
    while True:
        (size,) = struct.unpack(">I", read_exactly(connection, 4))
        fields = read_exactly(connection, size).split(b"\0")
        for reply in answer(fields):
            connection.sendall(reply)
        if fields[0] == b"49":
            connection.sendall(frame(49, 1, int(time.time())))
            if not stormed:
                stormed = True
                connection.sendall(prepared)
                if rate:
                    steadily(connection, shape, rate)


def steadily(connection: socket.socket, shape: Shape, rate: float) -> None:
    """The storm at `rate` messages a second."""
    per_tick = max(1, round(rate * TICK_S / MESSAGES_PER_FILL))
    due = time.monotonic()
    batch: list[bytes] = []
    for number, piece in enumerate(fills(shape), start=1):
        batch.append(piece)
        if number % per_tick == 0 or number == shape.fills:
            connection.sendall(b"".join(batch))
            batch.clear()
            due += per_tick * MESSAGES_PER_FILL / rate
            time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    """Prepare, listen, say where, serve one client."""
    shape, rate = Shape(int(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3])
    prepared = storm(shape) if not rate else b""  # before anybody waits: two million messages take seconds
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                serve(connection, shape, rate, prepared)
            except (EOFError, ConnectionError):
                return


if __name__ == "__main__":
    main()
