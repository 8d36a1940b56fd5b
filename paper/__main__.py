"""`python -m paper`: run the gateway until it is told to stop."""

import asyncio
import logging
import sys

from paper.scenario import ScriptError
from paper.server import serve
from paper.settings import parse


def main() -> int:
    """Exit status: 0 after SIGTERM or SIGINT, 1 when the port or a file could not be had, 2 for a wrong option or script."""
    settings = parse(sys.argv[1:])
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s paper %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        asyncio.run(serve(settings))
    except ScriptError as error:
        logging.getLogger("paper").error("wrong script: %s", error)
        return 2
    except OSError as error:
        logging.getLogger("paper").error("cannot run: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
