"""`python -m tests.paper.clients.driver LIBRARY`: plays stories on stdin's orders, one JSON object a line.

Asked `{"story": "name", "port": 4002, "control": "/path"}` it answers `{"facts": …}` or `{"failed": "traceback"}`.
"""

from __future__ import annotations

import json
import sys
import traceback

from tests.paper.clients.desk import Desk, Hand
from tests.paper.clients.insync import InsyncDesk
from tests.paper.clients.official import OfficialDesk
from tests.paper.clients.stories import STORIES, Stage


def main() -> None:
    """Answer until stdin ends."""
    library = sys.argv[1]
    for line in sys.stdin:
        asked = json.loads(line)
        desks: list[Desk] = []

        def new_desk(into: list[Desk] = desks) -> Desk:
            into.append(OfficialDesk(library) if library == "ibapi" else InsyncDesk(library))
            return into[-1]

        hand = Hand(asked["control"])
        try:
            facts = STORIES[asked["story"]](Stage(asked["port"], new_desk, hand))
            reply = {"facts": facts, "undecoded": [text for one in desks for text in one.decode_errors()]}
        except Exception:
            reply = {
                "failed": traceback.format_exc(),
                "undecoded": [t for one in desks for t in one.decode_errors()],
            }
        for desk in desks:
            desk.disconnect()
        hand.close()
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
