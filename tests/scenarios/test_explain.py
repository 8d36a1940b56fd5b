"""`router explain` after a whole life, from copies of the journals and nothing else."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from conf.settings import load
from tests.helpers import make_root
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import Trade
from workers.cli import __main__ as cli

pytestmark = pytest.mark.timeout(60)


def test_a_whole_life(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sized, sent, filled, a rung climbed, scaled out, the target hit, and what the platform was told, in this order."""
    trade = Trade(stack, targets=(2.80, 3.20)).bracket()
    trade.quote(2.75, 2.78)
    stack.await_true(lambda: trade.live()["S2"].order_type == "TRAIL", "a rung is taken", SECONDS)
    trade.quote(2.80, 2.84)
    trade.event("SCALE_OUT")
    trade.await_protected()
    trade.quote(3.20, 3.24)
    trade.event("EXIT")
    root = make_root(tmp_path / "elsewhere")
    settings = load(root, {})
    settings.paths.make()
    for name in ("sizing", "submission", "gateway", "dispatch"):
        shutil.copytree(stack.settings.journal(name), settings.journal(name), dirs_exist_ok=True)
    monkeypatch.setattr(cli, "load", lambda: settings)
    capsys.readouterr()
    assert cli.main(["explain", trade.id]) == 0
    lines = capsys.readouterr().out.splitlines()
    essential = (
        "sizing      received: 1dte LONG SPY",
        "sizing      gated: 8 checks passed",
        "sizing      sized: BUY 7 MKT, stop 1.38",
        "gateway     intended: E=",
        "gateway     sent: 5 orders",
        "gateway     IB: E PreSubmitted BUY 7 MKT, filled 0, left 7",
        "gateway     IB: E BUY 7 at 2.52 (",
        "gateway     IB: E Filled BUY 7 MKT, filled 7, left 0",
        "gateway     IB: commission 4.55 USD (",
        "dispatch    told the platform: ENTRY FILLED",
        "dispatch    told the platform: ACK FILLED",
        "gateway     IB: S2 PreSubmitted SELL 3 TRAIL stop ",
        "gateway     IB: T1 SELL 4 at 2.8 (",
        "dispatch    told the platform: SCALE_OUT PARTIAL TARGET SCALE_OUT",
        "gateway     IB: T2 SELL 3 at 3.2 (",
        "dispatch    told the platform: EXIT FILLED TARGET WIN",
    )
    places = [next((i for i, line in enumerate(lines) if text in line), text) for text in essential]
    assert places == sorted(places, key=lambda place: (isinstance(place, str), place))
    times = [float(line.split(" ms")[0].split()[-1]) for line in lines]
    assert times == sorted(times)
    assert times[0] == 0.0
    texts = [line.partition("ms  +")[2][8:] for line in lines]
    assert all(before != after for before, after in pairwise(texts))


def test_what_somebody_else_closed(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """His execution is part of the story: without it nobody could tell where the EXIT comes from."""
    trade = Trade(stack).bracket()
    trade.by_hand("SELL", 7)
    trade.event("EXIT")
    monkeypatch.setattr(cli, "load", lambda: stack.settings)
    stack.await_true(lambda: "EXIT" in explained(trade, capsys), "it is in the journal", SECONDS)
    assert "IB: somebody's order SELL 7 at 2.48" in explained(trade, capsys)


def explained(trade: Trade, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints now."""
    capsys.readouterr()
    cli.main(["explain", trade.id])
    return capsys.readouterr().out
