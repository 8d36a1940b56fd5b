"""`router journal` over journals as the processes write them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime

import pytest

from conf.settings import Settings
from ipc.bus import Context, Journal, Publisher
from ipc.topics import TOPIC_OF
from router.messages import CommissionReport, LinkPhase, LinkState, Message
from tests.workers.cli.test_life import DELIVERY, FILLED, SENT, SIGNAL, published
from workers.cli.__main__ import main
from workers.cli.journal import COLUMNS

# As IB may send it: the commission before its execution, and without orderRef.
COMMISSION = CommissionReport("x1", "", 1.0, "USD", None, replayed=False, received_ns=0)
NOISE = LinkState(LinkPhase.READY, "up")
STORY: tuple[Message, ...] = (*SENT, COMMISSION, *FILLED, published("ENTRY"), published("ACK", "FILLED"))
AT_NS = 1_758_290_400_000_000_000  # of the first message; each comes a second after the one before


@pytest.fixture
def router(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`router journal` in a root of its own, with the story of a signal in three journals and noise between."""
    monkeypatch.setenv("ROUTER_HOME", str(settings.root))
    at_ns = AT_NS
    with Context() as context:
        publishers = {
            name: Publisher(
                context,
                name,
                settings.pub(name),
                Journal(settings.journal(name), name),
                wall_ns=lambda: at_ns,
            )
            for name in ("gateway", "sizing", "dispatch")
        }
        for message in STORY:
            publishers[TOPIC_OF[type(message)].publishers[0]].publish(message)
            publishers["gateway"].publish(NOISE)
            at_ns += 1_000_000_000
        for publisher in publishers.values():
            publisher.close()
    return lambda *arguments: main(["journal", *arguments])


@pytest.mark.parametrize(("option", "name"), [("--signal", SIGNAL.id), ("--delivery", DELIVERY)])
def test_everything_about_a_signal_over_all_journals_in_order(
    router: Callable[..., int], capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    """Each message of the story once, in the order it happened, no noise; the early commission has its place."""
    assert router("show", option, name, "--json") == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["type"] for one in shown] == [type(message).__name__ for message in STORY]
    assert {one["publisher"] for one in shown} == {"gateway", "sizing", "dispatch"}


def test_everything_about_one_order(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Its intent, its sending, its statuses and fills, for people by default."""
    assert router("show", "--order", f"{DELIVERY}-E") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines][:3] == ["OrderIntent", "OrderSent", "CommissionReport"]
    assert sum("ExecutionFill" in line for line in lines) == 2


def test_nothing_found_is_exit_1(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """And said; no subject at all, or two, is exit 2."""
    assert router("show", "--signal", "nobody") == 1
    assert "no journal holds anything about signal nobody" in capsys.readouterr().err
    for arguments in ((), ("--signal", "a", "--order", "b")):
        with pytest.raises(SystemExit) as caught:
            router("show", *arguments)
        assert caught.value.code == 2


def test_export_is_complete(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines by default, in order of time, of some topics or since an instant."""
    assert router("export") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2 * len(STORY)
    assert [line["at_ns"] for line in lines] == sorted(line["at_ns"] for line in lines)
    assert router("export", "--topic", "egress", "--topic", "Order*", "--format", "jsonl") == 0
    kinds = {json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()}
    assert kinds == {"Published", "OrderIntent", "OrderSent", "OrderLifecycleEvent"}
    last = datetime.fromtimestamp(AT_NS / 1e9 + len(STORY) - 1).astimezone()
    assert router("export", "--since", last.isoformat()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_export_as_csv(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """One row per message; the whole message as JSON in the last column."""
    assert router("export", "--format", "csv", "--topic", "trade") == 0
    heading, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert tuple(heading) == COLUMNS
    first = dict(zip(heading, rows[0], strict=True))
    assert (first["at"], first["type"], first["delivery"]) == (
        "2025-09-19T14:00:03+00:00",
        "OrderIntent",
        DELIVERY,
    )
    assert json.loads(first["data"])["request"]["quantity"] == 7
    assert rows[-1][heading.index("ref")] == f"{DELIVERY}-S1"


def test_what_cannot_be_exported_is_exit_2(
    router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Quotes are in no journal; unknown names and instants are named."""
    for arguments, problem in (
        (("--topic", "quote"), "--topic quote: in no journal"),
        (("--topic", "trades"), "trades: topics are"),
        (("--since", "soon"), "--since soon"),
    ):
        assert router("export", *arguments) == 2
        assert problem in capsys.readouterr().err


def test_whole_journals_verify(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each; one by name."""
    assert router("verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["dispatch: ok", "gateway: ok", "sizing: ok"]
    assert router("verify", "sizing") == 0
    assert capsys.readouterr().out.startswith(
        "sizing: ok, 3 messages, seq 1 to 3, epochs: 1, records: 4, segments: 1"
    )


def test_damage_is_found_and_exit_1(
    settings: Settings, router: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Named by file and place, in the journal that has it; the others are still ok; show and export say it too."""
    (segment,) = settings.journal("gateway").glob("*.journal")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 1
    segment.write_bytes(raw)
    segment.with_suffix(".journal.torn").write_bytes(b"x")
    assert router("verify") == 1
    told = capsys.readouterr().out
    assert "gateway: 2 problems" in told
    assert "sizing: ok" in told
    assert "bytes hold no intact record" in told
    assert "set aside by a recovery" in told
    assert router("verify", "sizing") == 0
    for arguments in (("export",), ("show", "--delivery", DELIVERY)):
        capsys.readouterr()
        assert router(*arguments) == 1
        assert "see `router journal verify`" in capsys.readouterr().err


def test_nothing_to_verify_is_not_ok(router: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A process without a journal is exit 1, an unknown one exit 2."""
    assert router("verify", "submission") == 1
    assert "no journal of submission" in capsys.readouterr().err
    assert router("verify", "gatway") == 2
    assert "processes are dispatch, gateway" in capsys.readouterr().err
