"""A gateway's publisher in a process of its own, to be killed by a test: `python -m ... ROOT`.

Says `ready`, then publishes bursts of link states, each with its number for a reason, until it is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from conf.settings import load
from ipc.bus import Context, Journal, Loop, Publisher, Responder
from router.messages import LinkPhase, LinkState


def main(root: Path) -> None:
    """Publish 1 to 5 messages each 10 ms."""
    settings, context, loop = load(root, {}), Context(), Loop()
    journal = Journal(settings.journal("gateway"), "gateway", segment_bytes=20_000)
    publisher = Publisher(context, "gateway", settings.pub("gateway"), journal)
    loop.attach(Responder(context, settings.cmd("gateway"), lambda _id, _message: None, publisher=publisher))

    def burst() -> None:
        first = journal.seq + 1
        publisher.publish(
            *(LinkState(LinkPhase.READY, str(number)) for number in range(first, first + first % 5 + 1))
        )

    print("ready", flush=True)  # noqa: T201  # what the test waits for
    loop.every(0.01, burst)
    loop.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
