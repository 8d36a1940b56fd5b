"""The `router` command where nothing runs, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conf.settings import Settings
from tests.workers.store.server import Server
from workers.cli.__main__ import main
from workers.store.client import Client

Router = Callable[..., int]


@pytest.fixture
def router(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Router:
    """The command in a root of its own; keyword arguments are environment variables without ROUTER_."""
    monkeypatch.setenv("ROUTER_HOME", str(settings.root))

    def router(*arguments: str, **env: str) -> int:
        for name, value in env.items():
            monkeypatch.setenv(f"ROUTER_{name}", value)
        return main(list(arguments))

    return router


@pytest.mark.parametrize("arguments", [(), ("fly",), ("signal", "send"), ("signal", "send", "x", "--demo")])
def test_a_wrong_command_line_is_exit_2(router: Router, arguments: tuple[str, ...]) -> None:
    """Unknown, missing or contradicting arguments."""
    with pytest.raises(SystemExit) as caught:
        router(*arguments)
    assert caught.value.code == 2


def test_a_configuration_with_problems_is_exit_78_for_every_command(
    router: Router, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each problem is a line of its own."""
    assert router("config", "check", BUS__SEND_HWM="0", RISK__MAX_POSITION="7") == 78
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "did you mean max_positions?" in lines[1]
    assert router("status") == 78


def test_an_algorithm_ib_does_not_have_is_named(router: Router, capsys: pytest.CaptureFixture[str]) -> None:
    """What only the table of algorithms knows is a problem of the configuration too."""
    assert router("config", "check", ENTRY__ALGO="Vwop") == 78
    assert "[entry] algo = 'Vwop': is no algo of IB" in capsys.readouterr().err


def test_a_good_configuration_says_what_it_is(router: Router, capsys: pytest.CaptureFixture[str]) -> None:
    """Profile, mode, root, where Redis and the broker are; never a URL."""
    assert router("config", "check") == 0
    assert "profile paper, mode paper" in capsys.readouterr().out
    assert router("config", "check", REDIS__URL="redis://:hunter2@h") == 0
    shown = capsys.readouterr().out
    assert "Redis configured" in shown
    assert "hunter2" not in shown


def test_nothing_runs_is_exit_3(router: Router, capsys: pytest.CaptureFixture[str]) -> None:
    """status and tail say so; down has nothing to do."""
    assert router("status") == 3
    assert "router up" in capsys.readouterr().err
    assert router("status", "--json") == 3
    assert json.loads(capsys.readouterr().out)["state"] == "down"
    assert router("tail") == 3
    assert router("down") == 0
    assert capsys.readouterr().out == "not running\n"


def test_a_stack_that_does_not_start_is_exit_1(
    short_dir: Path, router: Router, capsys: pytest.CaptureFixture[str]
) -> None:
    """What supervisord says of its own configuration is passed on."""
    (short_dir / "supervisord.conf").write_text("[program:x]\n")
    assert router("up") == 1
    assert "supervisord" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("signal", "send", "--demo"), ("halt", "on"), ("cancel", "x"), ("parked", "list")]
)
def test_what_needs_a_stack_says_that_there_is_none(
    router: Router, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Exit 3 and how to start it, at once."""
    assert router(*arguments) == 3
    assert "nothing runs in" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("signal", "send", "--demo"), ("halt", "on")])
def test_a_redis_that_is_not_there_is_exit_4(
    router: Router, capsys: pytest.CaptureFixture[str], short_dir: Path, arguments: tuple[str, ...]
) -> None:
    """A signal that cannot be sent is not lost silently; a Redis of the desk's own needs no stack."""
    assert router(*arguments, REDIS__URL=f"unix://{short_dir}/gone.sock") == 4
    assert "Redis does not answer" in capsys.readouterr().err


def test_what_was_interrupted_has_not_been_done(
    router: Router, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C during a command that has an outcome is no success."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workers.cli.gateway.check_running", interrupted)
    assert router("flatten") == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("wait", ["nan", "-1", "inf"])
def test_waiting_for_ever_or_less_than_not_at_all_is_no_wait(router: Router, wait: str) -> None:
    """NaN is above no deadline."""
    with pytest.raises(SystemExit) as caught:
        router("flatten", "--wait", wait)
    assert caught.value.code == 2


def test_demo_signals_are_sent_as_the_platform_does_or_to_the_stream(
    router: Router, redis_server: Server, redis_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """The id is printed; the list entry is locked like the platform's own; every strike in flight is an end."""
    for _ in range(11):
        assert router("signal", "send", "--demo", REDIS__URL=redis_server.url) == 0
    ids = capsys.readouterr().out.split()
    queued = [json.loads(raw) for raw in redis_client.call("LRANGE", "signals:execution:SPY", 0, -1)]
    assert [signal["id"] for signal in reversed(queued)] == ids
    assert len({signal["contract_fp"] for signal in queued}) == 11
    assert router("signal", "send", "--demo") == 1
    assert "in flight" in capsys.readouterr().err
    assert router("signal", "send", "--demo", "--stream") == 0
    assert redis_client.call("XLEN", "signals:stream") == 1


def test_a_file_is_sent_under_the_platforms_rules(
    router: Router,
    redis_server: Server,
    redis_client: Client,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once, then it is a duplicate; without id, or not JSON, it needs --symbol or --stream."""
    file = tmp_path / "signal.json"
    file.write_text('{"id": "a", "symbol": "SPY", "contract_fp": "f"}')
    assert router("signal", "send", str(file), REDIS__URL=redis_server.url) == 0
    redis_client.call("DEL", "signals:live:SPY:f")
    assert router("signal", "send", str(file)) == 1
    assert "sent before" in capsys.readouterr().err
    for text, problem in (
        ("[]", "is no JSON object"),
        ('{"id": 5, "symbol": "SPY"}', "lacks id, contract_fp as a text"),
        ('{"id": "a\\ud800", "symbol": "SPY", "contract_fp": "f"}', "lacks id as a text"),
        ("[" * 100_000, "is not JSON"),
        ("{", "is not JSON"),
    ):
        file.write_text(text)
        assert router("signal", "send", str(file)) == 2
        assert problem in capsys.readouterr().err
    assert router("signal", "send", str(file), "--symbol", "QQQ") == 0
    assert capsys.readouterr().err == ""
    assert router("signal", "send", str(file), "--stream") == 0
    assert redis_client.call("LRANGE", "signals:execution:QQQ", 0, -1) == [b"{"]
    assert router("signal", "send", "--demo", "--symbol", "QQQ") == 2
    assert "has a symbol of its own" in capsys.readouterr().err
    assert router("signal", "send", str(tmp_path / "gone")) == 2
    assert capsys.readouterr().err == f"router: {tmp_path / 'gone'}: No such file or directory\n"
    file.write_text('{"id": "b", "symbol": "ZZZ", "contract_fp": "f"}')
    assert router("signal", "send", str(file)) == 0
    assert "nobody reads signals:execution:ZZZ" in capsys.readouterr().err
