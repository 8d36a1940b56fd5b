"""Logs: JSON lines under supervisord, colours on a terminal; every line names its process.

Callers add `signal_id=` and `ref=` (orderRef) where there is one. Rotation is supervisord's.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import orjson
import structlog

from conf.sections import Log

# Without the values of local variables: a frame may hold a URL with its password.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(log: Log, process: str, stream: TextIO | None = None) -> None:
    """Set up structlog, and the standard library's logging through it, for this whole process."""
    stream = stream or sys.stderr
    console = log.format == "console" or (log.format == "auto" and stream.isatty())
    level = LEVELS[log.level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    if console:
        render: list[Any] = [structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at")]
    else:
        render = [_TRACEBACKS, structlog.processors.JSONRenderer(_to_json)]
    structlog.configure(
        processors=shared + render,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Lenient(stream))),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_Forward()], force=True)
    logging.captureWarnings(True)


def configure_default(process: str) -> None:
    """Logging before the settings are known: what refuses a configuration must be able to say so."""
    configure(Log(), process)


class _Lenient:
    """A stream that does not fail when the disk is full or its reader gone: no line is worth the process that wrote it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Forward(logging.Handler):
    """Hands records of libraries to structlog, so that there is one format."""

    def emit(self, record: logging.LogRecord) -> None:
        extra: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            extra["exc_info"] = record.exc_info
        structlog.get_logger().log(max(record.levelno, logging.DEBUG), record.getMessage(), **extra)


def _to_json(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
