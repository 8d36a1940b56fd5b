"""What counts as well, and how it is shown."""

from __future__ import annotations

import msgspec
import pytest

from router.messages import AccountSnapshot, Alert, LinkPhase, LinkState, ProcessStatus, StatusReply
from workers.cli.health import PROCESSES, Exit, account_line, alert_line, document, problems, table
from workers.cli.stack import Program
from workers.guard import NOT_NEEDED

READY = LinkState(LinkPhase.READY, "", ("DU1",), "DU1", 187, 1)
ACCOUNT = AccountSnapshot(
    account="DU1",
    currency="USD",
    net_liquidation=100_000.0,
    buying_power=None,
    available_funds=None,
    total_cash=None,
    gross_position_value=None,
    init_margin=None,
    maint_margin=None,
    replayed=False,
    received_ns=0,
)


def beat(name: str, state: str = "ready", waiting_for: str = "", age_s: float = 0.2) -> ProcessStatus:
    """One process as the monitor reports it."""
    return ProcessStatus(name, 42, state, waiting_for, age_s, {"events": 3})


def reply(*others: ProcessStatus, link: LinkState | None = READY) -> StatusReply:
    """A status in which all is well except for `others`."""
    beats = {name: beat(name) for name in PROCESSES} | {other.process: other for other in others}
    return StatusReply(tuple(beats.values()), link, ACCOUNT)


def program(name: str, state: str = "RUNNING", exit_status: int = 0) -> Program:
    """A program of supervisord."""
    return Program(name, state, 7, exit_status, "Exited too quickly")


def test_a_well_stack_has_no_problems() -> None:
    """All heartbeats fresh, the link READY, and a program that the profile does not need EXITED as such."""
    assert problems([program("redis"), program("paper", "EXITED", NOT_NEEDED)], reply(), 3.0) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (beat("sizing", age_s=-1), "sizing was never heard of"),
        (beat("sizing", age_s=3.14), "sizing is silent for 3.1 s"),
        (beat("sizing", "waiting", "Redis: gone"), "sizing waits for Redis: gone"),
        (beat("sizing", "draining"), "sizing is draining"),
    ],
)
def test_each_way_a_process_can_be_unwell(bad: ProcessStatus, problem: str) -> None:
    """Never heard, silent, waiting or draining is a problem in words."""
    assert problems([], reply(bad), 3.0) == [problem]


def test_a_missing_process_and_link_are_named() -> None:
    """A process the monitor does not know, and an IB connection that is not READY."""
    down = LinkState(LinkPhase.DOWN, "connection refused")
    status = msgspec.structs.replace(reply(link=down), processes=reply().processes[1:])
    assert problems([], status, 3.0) == [
        "gateway was never heard of",
        "IB connection is DOWN: connection refused",
    ]
    assert problems([], reply(link=None), 3.0) == ["IB connection is unknown"]


def test_programs_that_failed_say_where_to_look() -> None:
    """A refused configuration and a crash loop are problems of supervisord's list."""
    found = problems([program("sizing", "EXITED", 78), program("paper", "FATAL")], reply(), 3.0)
    assert found == ["sizing exited with 78: see var/log/sizing.log", "paper is FATAL: Exited too quickly"]


def test_the_table_has_a_row_for_every_program() -> None:
    """Programs without heartbeats have dashes; without supervisord the heartbeats alone are shown."""
    rows = table([program("redis"), program("sizing")], reply(beat("sizing", "waiting", "Redis")))
    assert rows[0].split() == ["PROCESS", "SUPERVISED", "PID", "STATE", "BEAT", "WORK"]
    assert rows[1].split() == ["redis", "RUNNING", "7", "-", "-"]
    assert rows[2].split(maxsplit=6) == ["sizing", "RUNNING", "7", "waiting:", "Redis", "0.2s", "events=3"]
    assert [row.split()[0] for row in table([], reply())[1:]] == list(PROCESSES)
    assert [row.split()[0] for row in table([program("redis")], None)] == ["PROCESS", "redis"]


def test_types_without_a_use_are_one_sum_in_the_table() -> None:
    """By type they are a line's length of noise; the document has them apart."""
    busy = msgspec.structs.replace(beat("gateway"), progress={"unused_15": 2, "placed": 1, "unused_9": 3})
    (_, row) = table([program("gateway")], reply(busy))
    assert row.endswith("  placed=1 unused=5")
    assert document(Exit.OK, [], [], reply(busy))["processes"][0]["progress"]["unused_15"] == 2


def test_the_account_line_leaves_nothing_out() -> None:
    """Connection, account, and `unknown` for what IB has not said."""
    assert account_line(reply()) == (
        "IB connection READY, account DU1, net liquidation 100,000.00 USD, buying power unknown USD"
    )
    assert account_line(StatusReply((), None, None)) == "IB connection unknown"


@pytest.mark.parametrize(
    ("count", "seconds", "said"),
    [
        (1, 3, "1 alert 3 s ago: journal_full (critical): make room"),
        (7, 119, "7 alerts, the last 119 s ago: journal_full (critical): make room"),
        (7, 7_199, "7 alerts, the last 119 min ago: journal_full (critical): make room"),
        (7, 7_200, "7 alerts, the last 2 h ago: journal_full (critical): make room"),
    ],
)
def test_alerts_are_counted_and_the_last_is_told_in_words(count: int, seconds: int, said: str) -> None:
    """How many, how long ago, what kind, and what it says."""
    alert = Alert("journal_full", "critical", "make room")
    status = msgspec.structs.replace(reply(), alerts=count, last_alert=alert, last_alert_at_ns=5_000_000_000)
    assert alert_line(status, 5_000_000_000 + seconds * 1_000_000_000) == said
    assert document(Exit.OK, [], [], status)["last_alert"]["kind"] == "journal_full"
    assert document(Exit.OK, [], [], status)["alerts"] == count
    assert alert_line(reply(), 0) == "no alerts"


def test_the_document_is_json_with_everything() -> None:
    """Machines get state, problems, programs, heartbeats, link and account, or nulls."""
    whole = msgspec.json.decode(msgspec.json.encode(document(Exit.OK, [], [program("redis")], reply())))
    assert whole["state"] == "ok"
    assert whole["programs"][0]["name"] == "redis"
    assert whole["processes"][0]["progress"] == {"events": 3}
    assert whole["link"]["phase"] == "READY"
    assert whole["account"]["net_liquidation"] == 100_000.0
    nothing = document(Exit.DOWN, ["nothing runs"], [], None)
    assert (nothing["state"], nothing["link"], nothing["processes"]) == ("down", None, [])
    assert (whole["last_alert"], nothing["last_alert"], nothing["alerts"]) == (None, None, 0)
