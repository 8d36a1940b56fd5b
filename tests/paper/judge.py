"""A client library in its own virtualenv, playing stories against a gateway and telling what it saw."""

import json
import os
import subprocess
from typing import Any

from tests.paper.conftest import RunningGateway
from tests.paper.venvs import PINS, PROJECT, client_python


class Judge:
    """The driver process of one library."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.played: set[str] = set()
        self._process = subprocess.Popen(
            [client_python(client), "-m", "tests.paper.clients.driver", client],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def play(self, gateway: RunningGateway, story: str) -> dict[str, Any]:
        """The facts of a story. Fails the test when the library raised or could not decode something."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"story": story, "port": gateway.port, "control": str(gateway.control)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        assert "failed" not in reply, f"{self.client}: {reply}"
        assert reply["undecoded"] == []
        self.played.add(story)
        facts: dict[str, Any] = reply["facts"]
        return facts

    @property
    def release(self) -> str:
        """The library and the release that its virtualenv holds, `ib_insync==0.9.86`."""
        pins = (PINS / f"{self.client}.txt").read_text().splitlines()
        return next(pin for pin in pins if pin.replace("-", "_").startswith(f"{self.client}=="))

    def close(self) -> None:
        """End the driver."""
        self._process.communicate()
