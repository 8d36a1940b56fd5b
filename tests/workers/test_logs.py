"""Log lines: JSON for machines, colours for people, libraries included."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from conf.sections import Log
from tests.ipc.test_appender import file_size_limit
from workers.logs import configure, configure_default


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave logging as the next test expects it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.captureWarnings(
        False
    )  # if a test before this one left it on, it would not be on for the warnings of now
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged, decoded."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_names_process_time_and_what_it_is_about() -> None:
    """One JSON object a line with process, level, UTC time, event and the caller's fields."""
    stream = io.StringIO()
    configure(Log(), "sizing", stream)
    structlog.get_logger().info("signal refused", signal_id="ab12", ref="ab12-x-E", odd=object)
    (line,) = lines(stream)
    assert (line["process"], line["level"], line["event"]) == ("sizing", "info", "signal refused")
    assert (line["signal_id"], line["ref"]) == ("ab12", "ab12-x-E")
    assert datetime.fromisoformat(line["at"]).utcoffset() == timedelta(0)


def test_the_level_holds_lines_back() -> None:
    """Below the level nothing is written."""
    stream = io.StringIO()
    configure(Log(level="warning"), "gateway", stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_an_exception_is_data() -> None:
    """A traceback becomes a field, so that the line stays one line."""
    stream = io.StringIO()
    configure(Log(), "dispatch", stream)
    try:
        raise ValueError("wrong")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_libraries_and_warnings_speak_through_the_same_format() -> None:
    """Standard logging from WARNING on, tracebacks and Python warnings become lines; INFO of libraries does not."""
    stream = io.StringIO()
    configure(Log(), "gateway", stream)
    logger = logging.getLogger("some.library")
    logger.info("chatter")
    try:
        raise OSError("gone")
    except OSError:
        logger.warning("peer %s", "closed", exc_info=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = lines(stream)
    assert (first["event"], first["logger"], first["level"]) == ("peer closed", "some.library", "warning")
    assert first["exception"][0]["exc_type"] == "OSError"
    assert second["logger"] == "py.warnings"


def test_a_terminal_gets_colours_and_a_pipe_gets_json() -> None:
    """auto looks at the stream; json and console do not."""
    terminal = Terminal()
    configure(Log(), "monitor", terminal)
    structlog.get_logger().info("hello")
    assert "\x1b[" in terminal.getvalue()
    configure(Log(format="json"), "monitor", terminal := Terminal())
    structlog.get_logger().info("hello")
    assert json.loads(terminal.getvalue())["event"] == "hello"
    configure(Log(format="console"), "monitor", pipe := io.StringIO())
    structlog.get_logger().info("hello")
    assert "hello" in pipe.getvalue()
    assert "\x1b[" not in pipe.getvalue()


def test_a_full_disk_costs_lines_and_not_the_process(tmp_path: Path) -> None:
    """What cannot be written is let go; what comes when there is room again is whole."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        configure(Log(), "monitor", stream)
        with file_size_limit(10):
            for _ in range(2_000):
                structlog.get_logger().error("no room for this")
        structlog.get_logger().error("room again")
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert json.loads(last)["event"] == "room again"


def test_before_the_settings_are_known_defaults_apply(capsys: pytest.CaptureFixture[str]) -> None:
    """A refused configuration can be told, as JSON on stderr."""
    configure_default("sizing")
    structlog.get_logger().error("configuration refused")
    assert json.loads(capsys.readouterr().err)["process"] == "sizing"
