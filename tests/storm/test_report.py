"""The report says what the storm has shown, and is there from the first stack on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.storm.kills import Tally
from tests.storm.oracle import Verdict
from tests.storm.report import Report
from workers.killpoint import POINTS

SOUND = Verdict(
    signals=3,
    orders=9,
    orders_per_ref_max=1,
    entries_per_signal_max=1,
    in_doubt=1,
    parked=1,
    executions=4,
    statuses={"FILLED": 2, "PARKED": 1},
    unaccounted=0,
    acks_off=0,
    belied=0,
    lost=0,
    doubled=0,
    flipped=0,
    differences=(),
    crashes=(),
    pushed_again=0,
)


def tally(kills: int, ready_s: list[float], hit: set[str]) -> Tally:
    """What was done on a stack."""
    made = Tally()
    for _ in range(kills):
        made.count("gateway")
    made.ready_s, made.hit = ready_s, hit
    return made


def written(path: Path) -> dict[str, Any]:
    """The file."""
    return dict(json.loads(path.read_text()))


def test_every_promise_has_its_breach() -> None:
    """A figure that is off by one makes a verdict unsound, and says which promise it was."""
    assert SOUND.sound
    breaches: dict[str, Any] = {
        **dict.fromkeys(("orders_per_ref_max", "entries_per_signal_max"), 2),
        **dict.fromkeys(("unaccounted", "acks_off", "belied", "lost", "doubled", "flipped"), 1),
        **dict.fromkeys(("differences", "crashes"), ("one",)),
    }
    broken = [SOUND._replace(**{name: value}).broken for name, value in breaches.items()]
    assert all(len(promises) == 1 for promises in broken)
    assert len({promise for promises in broken for promise in promises}) == len(breaches)


def test_it_grows_with_each_stack_and_leaves_others_alone(tmp_path: Path) -> None:
    """Sums, maxima and percentiles over the stacks so far; what another storm has put there stays."""
    path = tmp_path / "results" / "storm.json"
    path.parent.mkdir()
    path.write_text('{"gateway_storm": {"kills": 100}}')
    report = Report(7, quick=True, path=path)
    report.add(tally(2, [0.1, 0.3], {"gateway.place"}))
    report.judged("one", SOUND)
    first = written(path)
    assert first["gateway_storm"] == {"kills": 100}
    assert (first["seed"], first["kills"], first["signals"], first["orders_per_ref_max"]) == (7, 2, 3, 1)
    assert (first["in_doubt"], first["parked"], first["unaccounted"]) == (1, 1, 0)
    assert (first["kill_points_hit"], first["kill_points_total"]) == (1, len(POINTS))
    assert not first["sound"]  # neither finished, nor every point hit
    report.add(tally(3, [0.5], set(POINTS)))
    report.judged("two", SOUND)
    report.planted("skip_lookup", ["one order per orderRef"])
    report.finished = True
    report.write()
    last = written(path)
    assert (last["kills"], last["signals"], last["ready_seconds_p50"], last["ready_seconds_max"]) == (
        5,
        6,
        0.3,
        0.5,
    )
    assert last["kills_by_process"] == {"gateway": 5}
    assert last["acks"] == {"FILLED": 4, "PARKED": 2}
    assert last["sound"]


def test_what_went_wrong_is_named(tmp_path: Path) -> None:
    """The stack, and the promise it broke; a bug that nothing saw; an end before the end."""
    path = tmp_path / "storm.json"
    report = Report(7, quick=False, path=path)
    report.add(tally(1, [], set(POINTS)))
    report.judged("random kills 3", SOUND._replace(lost=1))
    report.planted("ack_before_durable", [])
    assert report.failures == [
        "random kills 3: broken: no execution lost",
        "bug ack_before_durable: not caught",
    ]
    report.finished = True
    assert not report.sound
    assert written(path)["failures"] == report.failures


def test_without_a_stack_there_are_no_figures_to_invent(tmp_path: Path) -> None:
    """Interrupted before the first verdict: nothing is claimed."""
    report = Report(7, quick=False, path=tmp_path / "storm.json")
    report.write()
    figures = written(tmp_path / "storm.json")
    assert figures["orders_per_ref_max"] is figures["ready_seconds_p50"] is None
    assert (figures["signals"], figures["sound"]) == (0, False)
