"""Structured logging to standard error, as text or JSON, for the service and its libraries."""

import logging
import sys
import traceback
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from crudmq.contract.errors import escaped

_LIBRARY_LEVELS = {
    # These libraries log errors that the service handles and logs itself.
    "aio_pika": logging.CRITICAL,
    "aiormq": logging.CRITICAL,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    # The drivers log warnings of the server, or statements with their parameters: both may contain values of rows.
    "aiosqlite": logging.ERROR,
    "asyncmy": logging.ERROR,
    "sqlalchemy.pool": logging.CRITICAL,
}

_MAX_TEXT = 2_000
_MAX_TRACEBACK = 10_000
_MAX_FRAMES = 20
_MAX_CAUSES = 4

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=_MAX_FRAMES)
)
"""Tracebacks omit local variables, which may contain rows and passwords."""


def configure(level: str, *, as_json: bool) -> None:
    """Configure logging at this level, for the whole process. May be repeated."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, formatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    processors = [formatter.remove_processors_meta, *_renderers(as_json=as_json)]
    handler.setFormatter(formatter(foreign_pre_chain=shared, processors=processors))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, library_level in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(library_level)


def _renderers(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [_TRACEBACKS, _shorten, structlog.processors.JSONRenderer()]
    is_terminal = sys.stderr.isatty()
    tracebacks = structlog.dev.RichTracebackFormatter(show_locals=False) if is_terminal else _write_traceback
    return [_shorten, _escape, structlog.dev.ConsoleRenderer(colors=is_terminal, exception_formatter=tracebacks)]


def _shorten(_logger: object, _name: str, entry: EventDict) -> EventDict:
    """Limit the size of an entry: a message may contain a whole statement, and an exception may have many causes."""
    if isinstance(entry.get("exception"), list):
        entry["exception"] = [_shorten_values(cause) for cause in _ends(entry["exception"])]
    return _shorten_values(entry)


def _shorten_values(entry: EventDict) -> EventDict:
    return {name: _cut(value, _MAX_TEXT) if isinstance(value, str) else value for name, value in entry.items()}


def _escape(_logger: object, _name: str, entry: EventDict) -> EventDict:
    """Keep values of messages from writing lines of their own, or controlling the terminal."""
    return {name: escaped(value) if isinstance(value, str) else value for name, value in entry.items()}


def _ends(causes: list[EventDict]) -> list[EventDict]:
    """Return the first and the last causes: what failed, and why."""
    half = _MAX_CAUSES // 2
    return causes if len(causes) <= _MAX_CAUSES else [*causes[:half], *causes[-half:]]


def _write_traceback(file: TextIO, exc_info: ExcInfo) -> None:
    lines = (_cut(line, _MAX_TEXT) for line in traceback.format_exception(*exc_info, limit=-_MAX_FRAMES))
    file.write(escaped(_cut("\n" + "".join(lines), _MAX_TRACEBACK), allowed="\n"))


def _cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters: its beginning and its end."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]} … {text[-half:]}"
