"""However a storm ends, what it had found is in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.storm import __main__ as command
from tests.storm.report import Report


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (None, 1)])
def test_a_storm_that_is_cut_short_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | None, status: int
) -> None:
    """Interrupted, or done without having hit what it should: the file says so, and so does the exit status."""
    path = tmp_path / "storm.json"

    def storm(report: Report, seed: int) -> None:
        report.planted("skip_lookup", ["one order per orderRef"])
        if error is not None:
            raise error

    monkeypatch.setattr(command, "storm", storm)
    monkeypatch.setattr(command, "Report", lambda seed, quick: Report(seed, quick=quick, path=path))
    monkeypatch.setenv("SEED", "7")
    assert command.main() == status
    figures = json.loads(path.read_text())
    assert (figures["seed"], figures["sound"], figures["bugs_caught"]) == (7, False, {"skip_lookup": True})
    assert figures["failures"] == (["interrupted"] if error else [])


def test_a_storm_that_breaks_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the storm itself is in the file too, and is not hidden."""
    path = tmp_path / "storm.json"

    def storm(report: Report, seed: int) -> None:
        raise RuntimeError("the stage fell")

    monkeypatch.setattr(command, "storm", storm)
    monkeypatch.setattr(command, "Report", lambda seed, quick: Report(seed, quick=quick, path=path))
    with pytest.raises(RuntimeError, match="the stage fell"):
        command.main()
    assert json.loads(path.read_text())["failures"] == ["RuntimeError('the stage fell')"]
