"""The log: one entry of bounded size for a failure, without decoration where no terminal reads it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy.ext.asyncio import create_async_engine

from crudmq import logs

LONG = "x" * 100_000


@pytest.fixture(autouse=True)
def _unconfigured() -> Iterator[None]:
    """Leave the logging of other tests as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(depth: int) -> None:
    try:
        if depth:
            fail(depth - 1)
    except RuntimeError as exc:
        raise RuntimeError(LONG) from exc
    raise RuntimeError(LONG)


def log_failure() -> None:
    log = structlog.get_logger("test")
    try:
        fail(30)
    except RuntimeError:
        log.exception("failed", reason=LONG)


def test_a_failure_is_one_json_object_of_bounded_size(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True)
    log_failure()
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 30_000
    entry = json.loads(line)
    assert entry["event"] == "failed"
    assert entry["reason"].startswith("xxx")
    assert entry["exception"][0]["exc_type"] == "RuntimeError"


def test_a_failure_has_neither_boxes_nor_colours_where_no_terminal_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=False)
    log_failure()
    text = capsys.readouterr().err
    assert len(text) < 30_000
    assert text.isascii() or "…" in text
    assert not {"╭", "│", "\x1b"}.intersection(text)
    assert "RuntimeError" in text


def test_the_failures_of_libraries_are_bounded_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True)
    try:
        fail(30)
    except RuntimeError:
        logging.getLogger("asyncio").exception(LONG)
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 30_000


def test_a_connection_that_cannot_be_closed_is_not_logged_and_statements_are_if_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", as_json=True)
    try:
        fail(1)
    except RuntimeError:
        logging.getLogger("sqlalchemy.pool.impl.AsyncAdaptedQueuePool").exception("Exception closing connection")
    engine = create_async_engine("sqlite+aiosqlite://", echo=True)
    engine.sync_engine.logger.info("SELECT 1")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "SELECT 1"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_cannot_write_lines_of_its_own_or_control_the_terminal(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    logs.configure("info", as_json=as_json)
    structlog.get_logger("test").info("received", message_id="one\n2026 [info] forged\x1b[2J\r\u202e\u2028\x9b")
    logging.getLogger("library").warning("%s", "one\nforged\x1b[2J")
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


def test_an_exception_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=False)
    structlog.get_logger("test").error("failed", exc_info=ValueError("one\x1b[2J\r"))
    assert capsys.readouterr().err.replace("\n", "").isprintable()
