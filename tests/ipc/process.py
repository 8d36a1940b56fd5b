"""A publisher or a subscriber in a process of its own, to be killed and stopped by a test.

    python -m tests.ipc.process publisher ROOT          publishes until it is killed; message n has seq n
    python -m tests.ipc.process subscriber ROOT LAST    says what it got once seq LAST has come

Both say `ready` on stdout when they are.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ipc.bus import BEGINNING, Context, Envelope, Journal, Loop, Publisher, Responder, Source, Subscriber
from tests.ipc.helpers import beat, refuse, sent


def source(root: Path) -> Source:
    """Where the publisher is."""
    return Source("gateway", f"ipc://{root}/run/gateway.pub", f"ipc://{root}/run/gateway.cmd")


def publisher(root: Path) -> None:
    """Publish bursts of 1 to 7 messages, each with its seq for a number, until killed."""
    context, loop, where = Context(), Loop(), source(root)
    journal = Journal(root / "journal" / "gateway", segment_bytes=100_000)
    out = Publisher(context, "gateway", where.pub, journal)
    loop.attach(Responder(context, where.cmd, refuse, publisher=out))

    def burst() -> None:
        size = journal.seq % 7 + 1
        out.publish(*(sent(journal.seq + 1 + index) for index in range(size)), beat())
        loop.post(burst)

    print("ready", flush=True)  # noqa: T201  # what the test waits for
    loop.post(burst)
    loop.run()


def subscriber(root: Path, last: int) -> None:
    """Subscribe from the beginning; at seq `last` say what came."""
    context, loop = Context(), Loop()
    listener = Subscriber(context, [source(root)], ("trade",), {"gateway": BEGINNING}, receive_hwm=10)
    got: list[int] = []

    def on_envelopes(envelopes: Sequence[Envelope]) -> None:
        got.extend(envelope.seq for envelope in envelopes)
        if len(got) == len(envelopes):
            print("ready", flush=True)  # noqa: T201  # what the test waits for
        if got[-1] >= last:
            loop.stop()

    loop.attach(listener, on_envelopes)
    loop.run()
    stats = listener.stats["gateway"]
    said = {"complete": got == list(range(1, last + 1)), "replayed": stats.replayed, "resets": stats.resets}
    print(json.dumps(said), flush=True)  # noqa: T201  # the test's evidence
    context.close()


if __name__ == "__main__":
    role, directory, *rest = sys.argv[1:]
    os.umask(0o077)
    if role == "publisher":
        publisher(Path(directory))
    else:
        subscriber(Path(directory), int(rest[0]))
