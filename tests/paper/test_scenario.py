"""The fault language: every statement, its options, and what is said of a wrong one."""

from datetime import time
from pathlib import Path

import pytest

from paper import scenario as say
from paper.faults import Cut, Delay, Drop, Duplicate, Hold, Rule, Watch, pattern
from paper.pacing import Policy
from paper.scenario import ScriptError, read_lines, read_script, read_statement
from tests.paper.conftest import Starter
from tests.paper.raw import RawClient, place_order

FILLED = pattern("orderStatus", status="Filled")
SCRIPTS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.faults"))


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        ("drop orderStatus status=Filled", say.AddRule(FILLED, Drop(), 0, 1)),
        ("drop openOrder always", say.AddRule(pattern("openOrder"), Drop(), 0, 0)),
        (
            "drop openOrder client 0 skip 2 times 3",
            say.AddRule(pattern("openOrder", client=0), Drop(), 2, 3),
        ),
        ("delay openOrder by 0.5", say.AddRule(pattern("openOrder"), Delay(0.5), 0, 1)),
        ("duplicate openOrder", say.AddRule(pattern("openOrder"), Duplicate(), 0, 1)),
        (
            "hold execDetails until orderStatus status=Filled",
            say.AddRule(pattern("execDetails"), Hold(FILLED), 0, 1),
        ),
        ("cut openOrder at 17", say.AddRule(pattern("openOrder"), Cut(17), 0, 1)),
        (
            "swallow placeOrder orderRef=x",
            say.AddRule(pattern("placeOrder", orderRef="x"), Drop(), 0, 1),
        ),
        ("when openOrder : clear", say.AddRule(pattern("openOrder"), Watch(say.Clear()), 0, 1)),
        (
            "when openOrder skip 1 always : bust last",
            say.AddRule(pattern("openOrder"), Watch(say.Correct("last", None, "0")), 1, 0),
        ),
        ("after 1.5 : thaw 1", say.After(1.5, say.Freeze(1, frozen=False))),
        ("at 23:45 : restart down 5", say.At(time(23, 45), say.Restart(5))),
        ("restart", say.Restart(0)),
        ("connectivity data-lost", say.Connectivity("data-lost")),
        ("farm usfarm broken", say.Farm("usfarm", "broken")),
        ('error 399 "Order Message: x" on last', say.Tell(399, "Order Message: x", "last")),
        ("error 1100 lost", say.Tell(1100, "lost", "")),
        ("reject 1/5 201 no", say.Reject("1/5", 201, "no")),
        ("correct last price 1.5 shares 2", say.Correct("last", "1.5", "2")),
        ("disconnect 1", say.Disconnect(1, 0)),
        ("disconnect 1 after 9", say.Disconnect(1, 9)),
        ("freeze 1", say.Freeze(1, frozen=True)),
        ("throttle 1 2000", say.Throttle(1, 2000)),
        ("rollback 1 by 5", say.Rollback(1, 5)),
        ("rollback 1", say.Rollback(1, 1)),
        ("pacing queue", say.SetPacing(Policy.QUEUE)),
        ("clear # all of them", say.Clear()),
        ("move AAPL 250", say.Hand(("move", "AAPL", "250"))),
        ("  # nothing", None),
        ("", None),
    ],
)
def test_reads_every_statement(line: str, statement: say.Statement | None) -> None:
    """Each verb with and without its options is the value it stands for."""
    assert read_statement(line) == statement


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("drop", "message is missing"),
        ("drop nothing", "no such message or field: 'nothing'"),
        ("drop openOrder colour=red", "no such message or field: 'colour'"),
        ("drop placeOrder", "it can only be swallowed"),
        ("swallow openOrder", "it can be dropped"),
        ("drop openOrder skip", "what comes after 'skip' is missing"),
        ("drop openOrder twice", "'twice' is too much"),
        ("drop openOrder skip x", "what comes after 'skip' 'x' is not a whole number"),
        ("cut openOrder at 1.5", "byte '1.5' is not a whole number"),
        ("disconnect 1 after -1", "what comes after 'after' '-1' is not a whole number"),
        ("dropp openOrder", "'dropp' is no statement; is 'drop' meant?"),
        ("after 1 : xyz", "'xyz' is no statement; there are advance, after, at, bust"),
        ("delay openOrder by nan", "seconds 'nan' is not a number of seconds from 0"),
        ("after -1 : clear", "seconds '-1' is not"),
        ("delay openOrder 5", "'by' is missing before '5'"),
        ("hold openOrder", "'until' is missing before 'the end'"),
        ("connectivity maybe", "none of lost, kept, data-lost"),
        ("pacing never", "policy 'never' is none of off, reject, queue"),
        ("at noon : clear", "'noon' is not an hour as 23:45"),
        ("after x : clear", "seconds 'x' is not a number of seconds"),
        ('error 1 "open', "No closing quotation"),
        ("when openOrder clear", "':' is missing"),
    ],
)
def test_says_what_is_wrong(line: str, reason: str) -> None:
    """A statement that cannot be read is quoted with the reason."""
    with pytest.raises(ScriptError) as caught:
        read_statement(line)
    assert line in str(caught.value)
    assert reason in str(caught.value)


def test_a_rule_starts_afresh_each_time() -> None:
    """The same statement carried out twice makes two rules that count for themselves."""
    (statement,) = read_lines("\ndrop openOrder skip 1\n")
    assert isinstance(statement, say.AddRule)
    one, two = statement.rule(), statement.rule()
    assert one == two == Rule(pattern("openOrder"), Drop(), 1, 1)
    assert one is not two


def test_a_file_names_the_line_it_stumbles_on(tmp_path: Path) -> None:
    """The path and number of the line are told; a good file is read whole."""
    script = tmp_path / "script"
    script.write_text("clear\n# fine\nclear\n")
    assert read_script(script) == [(1, say.Clear()), (3, say.Clear())]
    script.write_text("clear\n\n# not\n\ndrop\n")
    with pytest.raises(ScriptError, match=f"{script}, line 5: 'drop': message is missing"):
        read_script(script)
    script.write_bytes(b"\xff\xfe")
    with pytest.raises(ScriptError, match="is not a text"):
        read_script(script)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\nclear\ngallop\n", "line 3: 'gallop': 'gallop' is no statement"),
        ("quote AAPL 2 1", "line 1: 'quote AAPL 2 1': bid 2 is not above 0 and below ask 1"),
        ("clear\nfreeze 7", "line 2: client 7 is not connected"),
    ],
)
def test_a_wrong_script_ends_the_gateway_before_it_listens(
    start: Starter, tmp_path: Path, text: str, told: str
) -> None:
    """Exit status 2, and one line that names file, line and word, whether it cannot be read or not be done."""
    script = tmp_path / "wrong.faults"
    script.write_text(text)
    with pytest.raises(AssertionError, match="status 2") as caught:
        start("--script", str(script))
    assert f"wrong script: {script}, {told}" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_of_the_project_disturbs(start: Starter, path: Path) -> None:
    """A gateway with a script from tests/scenarios runs, and an order goes otherwise than without it."""
    usual = ["5", "3", "11", "5", "3", "5", "3", "59"]
    gateway = start("--market", "still", "--script", str(path))
    if path.stem == "nightly_restart":  # acts in the evening only
        return
    with RawClient(gateway.port) as client:
        client.start()
        client.ask(*place_order(176, 1, orderType="LMT", lmtPrice=100))
        client.send(*place_order(176, 2))
        client.send(49, 1)
        kinds: list[str] = []
        try:
            kinds += [one[0] for one in client.until(lambda one: one[0] == "49")]
        except ConnectionError:
            kinds.append("gone")
        assert kinds[:-1] != usual


def test_the_nightly_restart_happens_in_the_evening(start: Starter) -> None:
    """With a virtual clock the script's hour comes: the connection ends and ids are handed out again."""
    script = Path(__file__).parent.parent / "scenarios" / "nightly_restart.faults"
    options = ("--market", "still", "--script", str(script), "--start", "2026-11-23T20:00", "--speed", "0")
    gateway = start(*options)
    with RawClient(gateway.port) as client:
        client.start()
        for order_id in (1, 2, 3):
            client.ask(*place_order(176, order_id, orderType="LMT", lmtPrice=100, tif="GTC"))
        gateway.do("advance 13800 step 600")
        client.left_over()
    while True:
        try:
            again = RawClient(gateway.port)
            break
        except ConnectionRefusedError:
            continue
    with again:
        assert again.start()[1] == ["9", "1", "1"]
