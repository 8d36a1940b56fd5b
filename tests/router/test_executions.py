"""Which executions came already, whose they are, and which commission reports wait for theirs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.executions import Executions, revisions
from router.memory import OrphanJoined, OrphanKept, Seen, SeenForgotten
from tests.router.history import Story

FILL = Story().fill("E", 7, 2.5, exec_id="e.01")
REPORT = Story().commission("e.01", 4.55)


def test_each_comes_once() -> None:
    """Execution and report apart, also after a restart; what is new is handed back to be stored, once."""
    executions = Executions()
    assert [executions.first_time(one, 5) for one in (FILL, FILL, REPORT, REPORT)] == [True, False] * 2
    news = executions.news()
    assert news == [Seen("e.01", 5), Seen("commission e.01", 5)]
    assert executions.news() == []
    again = Executions()
    again.load([one for one in news if isinstance(one, Seen)], [])
    assert not again.first_time(FILL, 6)


def test_a_report_waits_for_its_execution() -> None:
    """Or for the correction of it; it waits no longer once it was handed out."""
    executions = Executions()
    executions.keep(REPORT)
    assert executions.news() == [OrphanKept(REPORT)]
    assert executions.reports_for(replace(FILL, exec_id="e.02", supersedes="e.01")) == [REPORT]
    assert executions.reports_for(FILL) == []
    assert executions.news() == [OrphanJoined("e.01")]


@pytest.mark.parametrize(
    ("supersedes", "replaced"),
    [
        ("", ()),
        ("6b04d84d.00000001.01.03", tuple(f"6b04d84d.00000001.01.0{number}" for number in (3, 2, 1))),
        ("e.1", ("e.1",)),
        ("odd", ("odd",)),
        ("e.x1", ("e.x1",)),
        ("e.20251126", ("e.20251126",)),
    ],
)
def test_a_correction_takes_the_place_of_all_revisions_before_it(
    supersedes: str, replaced: tuple[str, ...]
) -> None:
    """Newest first; of an execId of another form nothing but what it names."""
    assert revisions(supersedes) == replaced


def test_the_report_of_what_is_nobodys_is_let_go() -> None:
    """Its execution came, and no delivery had a part in it."""
    executions = Executions()
    executions.first_time(FILL, 5)
    executions.keep(REPORT)
    assert executions.orphans == {}


def test_several_share_one() -> None:
    """In the order they came, each once; forgotten with their deliveries."""
    executions = Executions()
    for name in ("a", "b", "a"):
        executions.assign(["m.01"], name)
    assert executions.deliveries_of("m.01") == ("b", "a")
    executions.release(["m.01", "n.01"])
    assert executions.deliveries_of("m.01") == ()


def test_what_is_old_is_forgotten() -> None:
    """With the reports whose execution will not come any more; a younger report goes on waiting."""
    executions = Executions()
    executions.first_time(REPORT, 5)
    executions.keep(REPORT)
    executions.first_time(FILL, 10)
    executions.news()
    executions.forget(5)
    assert (executions.seen, executions.orphans) == ({"commission e.01": 5, "e.01": 10}, {"e.01": REPORT})
    executions.forget(10)
    assert (executions.seen, executions.orphans) == ({"e.01": 10}, {})
    assert executions.news() == [SeenForgotten(5), OrphanJoined("e.01"), SeenForgotten(10)]
