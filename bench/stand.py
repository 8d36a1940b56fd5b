"""A paper gateway and the gateway as processes of their own, in a directory of their own, and a client that asks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from conf.settings import load
from ipc.bus import Context, NoReply, Options, Requester, Source
from router.messages import Action, ContractSpec, HoldingsQuery, HoldingsReply, Leg, Message, PlaceOrders

PROJECT = Path(__file__).parent.parent
AAPL = ContractSpec("STK", "AAPL", con_id=265598)
READY_S = 30.0
FAST = {"ROUTER_BROKER__BACKOFF_FIRST_S": "0.02", "ROUTER_BROKER__BACKOFF_MAX_S": "0.2"}
T = TypeVar("T")


class Stand:
    """Starts both. Nothing is left running, and nothing on the disk, after `close`.

    `paper` are options of the paper gateway; without a port of its own (`port`) the gateway connects to it.
    `env` are settings of the gateway, as environment variables.
    """

    def __init__(self, *paper: str, port: int = 0, **env: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
        shutil.copytree(
            PROJECT / "conf", self.root / "conf", ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
        given = {"ROUTER_BROKER__PORT": str(port)} if port else {}
        self.env = {**os.environ, **FAST, **given, **env, "ROUTER_HOME": str(self.root)}
        self.settings = load(self.root, self.env)
        self.settings.paths.make()
        self.ledger = self.settings.paths.var / "paper.ledger"
        self.control = self.root / "hand"
        self.journal = self.settings.journal("gateway")
        self.source = Source("gateway", self.settings.pub("gateway"), self.settings.cmd("gateway"))
        self._log = (self.root / "log").open("wb")
        self._context = Context(Options(linger_ms=0))
        self._placed = 0
        self.last_ref = ""  # of the order that was asked for last
        self._processes: list[subprocess.Popen[bytes]] = []
        if not port:
            self._start_paper(*paper)
        self.start_gateway()

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_paper(self, *options: str) -> None:
        paths = self.settings.paths
        own = ("--port", "0", "--port-file", str(paths.run / "paper.port"), "--cash", "1000000000")
        kept = ("--ledger", str(self.ledger), "--control", str(self.control))
        self.start("paper", *own, *kept, "--account", self.settings.paper.account, *options)

    # ------------------------------------------------------------ processes

    def start(self, *module: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        """Run a Python module in this stand's environment until `close`."""
        line = [sys.executable, "-m", *module]
        out = self._log if stdout is None else stdout
        process = subprocess.Popen(line, cwd=PROJECT, env=self.env, stdout=out, stderr=self._log)
        self._processes.append(process)
        return process

    def kill(self) -> None:
        """SIGKILL the gateway."""
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait(10)
        self._processes.remove(self.gateway)

    def start_gateway(self) -> None:
        """Start it, for the first time or again."""
        self.gateway = self.start("workers", "gateway")

    def close(self) -> None:
        """End everything."""
        for process in self._processes:
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()
        self._context.close()
        self._log.close()
        shutil.rmtree(self.root)

    # ------------------------------------------------------------ questions

    def ask(self, command: Message, timeout_s: float) -> Message | None:
        """The gateway's answer, None when it gives none in time."""
        requester = Requester(self._context, self.settings.cmd("gateway"), resend_s=timeout_s)
        try:
            return requester.call(command, timeout_s=timeout_s)
        except NoReply:
            return None
        finally:
            requester.close()

    def await_ready(self) -> HoldingsReply:
        """Until the gateway answers as one that is READY. Raises TimeoutError."""

        def holdings() -> HoldingsReply | None:
            reply = self.ask(HoldingsQuery(), 0.1)
            return reply if isinstance(reply, HoldingsReply) else None

        return until(holdings, "the gateway is READY", READY_S)

    def order(
        self, quantity: int, action: Action = "BUY", limit: float | None = None, timeout_s: float = 10.0
    ) -> Message | None:
        """Have one order in AAPL sent, at the market unless it has a limit; the gateway's answer."""
        self._placed += 1
        name = f"K{self._placed}-storm"
        kind = "MKT" if limit is None else "LMT"
        self.last_ref = f"{name}-X"
        leg = Leg(self.last_ref, "exit", action, kind, quantity, limit_price=limit, tif="DAY")
        account = self.settings.paper.account
        return self.ask(PlaceOrders(name, account, AAPL, (leg,), "storm"), timeout_s)

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Records of the paper ledger."""
        lines = self.ledger.read_bytes().split(b"\n")[:-1]
        return [record for record in map(json.loads, lines) if record["kind"] in kinds]


def until(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """The first true value of `look`. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)
    return found
