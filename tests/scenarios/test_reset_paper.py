"""`router reset-paper` on a stack: whoever made the orders and positions, and when the market is closed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from conf.settings import Settings
from tests.paper.raw import RawClient, place_order
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade
from workers.cli import __main__ as cli

pytestmark = pytest.mark.timeout(90)
SATURDAY = "2026-11-28T12:00"


class Router:
    """The command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = monkeypatch

    def __call__(self, settings: Settings, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        self._patch.setattr(cli, "load", lambda: settings)
        self._capsys.readouterr()
        code = cli.main(list(arguments))
        return (code, *self._capsys.readouterr())


@pytest.fixture
def router(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Router:
    """As an operator types it."""
    return Router(capsys, monkeypatch)


@pytest.fixture
def closed() -> Iterator[Stack]:
    """A stack on a Saturday, which does not pass."""
    root = Path(tempfile.mkdtemp(prefix="o", dir="/tmp"))
    made = Stack(root)
    made.paper_options = ("--market", "still", "--hours", "nyse", "--start", SATURDAY, "--speed", "0")
    with made:
        yield made
    shutil.rmtree(root)


def test_everything_of_everybody(stack: Stack, router: Router) -> None:
    """A bracket, a resting entry, another client's position and order, one made in TWS: flat afterwards, by IB's word."""
    trade = Trade(stack).bracket()
    Trade(stack, how=LIMIT).send()
    port = stack.settings.broker_port()
    assert port is not None
    with RawClient(port) as other:
        other.start(9)
        other.ask(*place_order(other.version, 1, totalQuantity=30))
        other.ask(*place_order(other.version, 2, orderType="LMT", lmtPrice=1.0))
    stack.do(f'manual SELL 2 "{trade.option}" limit 9.00\nmanual BUY 5 MSFT')
    stack.await_true(lambda: len(stack.held()) == 3, "three positions", SECONDS)
    stack.await_true(stack.is_protected, "all of them protected", SECONDS)
    code, out, err = router(stack.settings, "reset-paper", "--yes")
    assert (code, err) == (0, ""), out + err
    assert out.splitlines()[-1] == f"{stack.account} is flat, no order works"
    assert (stack.held(), stack.live()) == ({}, [])
    sold = sum(
        float(one["shares"]) * (1 if one["action"] == "BUY" else -1) for one in stack.ledger("execution")
    )
    assert sold == 0
    assert trade.event("EXIT")["lifecycle"]["reason"] == "MANUAL"


def test_a_closed_market(closed: Stack, router: Router) -> None:
    """It cannot become flat: said so, with what is held and what will close it, and the exit code is not zero."""
    closed.do("own AAPL 30 250")
    closed.await_true(lambda: closed.held() and closed.is_protected(), "held and protected", SECONDS)
    code, out, err = router(closed.settings, "reset-paper", "--yes", "--wait", "2")
    assert code == 1
    assert "still held: 30 AAPL" in out
    assert "still works: flat:" in out
    assert out.count("still works") == 1  # and no stop: it would turn round what the closing order sells
    assert f"{closed.account} is not flat after 2 s: is its market open?" in err
    assert list(closed.held().values()) == [30]


def test_what_it_refuses(stack: Stack, router: Router) -> None:
    """Without --yes, and in live mode; nothing is touched."""
    trade = Trade(stack).bracket()
    code, _, err = router(stack.settings, "reset-paper")
    assert code == 2
    assert "say --yes" in err
    live = msgspec.structs.replace(stack.settings, mode="live")
    code, _, err = router(live, "reset-paper", "--yes")
    assert code == 1
    assert "is no paper account" in err
    trade.await_orders(T1="LMT 7", S1="STP 7")
