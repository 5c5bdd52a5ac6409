"""Deliberate bugs, each of which removes a protection from hostile messages. The random messages must find each."""

import base64
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from crudmq.contract import delivery
from crudmq.execution.query.order import Cursors
from crudmq.messaging import publisher, verdicts
from crudmq.messaging.sending import Pending
from crudmq.messaging.verdicts import Verdict
from crudmq.messaging.wire.publishing import PublishingError, UnconfirmedError

VARIABLE = "CRUDMQ_TEST_BUG"


class Bug(StrEnum):
    """What is wrong with the service."""

    UNSIGNED_CURSORS = "unsigned cursors"
    BLAMELESS_MESSAGES = "blameless messages"
    LONG_HEADERS = "long headers"


def install(bug: str | None) -> None:
    """Put a bug into the service in this process."""
    if bug is not None:
        _INSTALL[Bug(bug)]()


def _unsigned_cursors() -> None:
    def read(_: Cursors, cursor: str, __: object, ___: object) -> list[Any]:
        values: list[Any] = json.loads(base64.urlsafe_b64decode(cursor)[16:])
        return values

    Cursors.read = read  # type: ignore[assignment, method-assign]  # this is the bug


def _blameless_messages() -> None:
    judge = verdicts.judge

    def without_blame(pending: Pending, error: PublishingError, *, is_alone: bool) -> Verdict:
        is_closed = isinstance(error, UnconfirmedError)
        return Verdict.UNCONFIRMED if is_closed else judge(pending, error, is_alone=is_alone)

    publisher.judge = without_blame  # type: ignore[attr-defined]  # where it is imported


def _long_headers() -> None:
    delivery.MAX_HEADER = 2**20


_INSTALL: Mapping[Bug, Callable[[], None]] = {
    Bug.UNSIGNED_CURSORS: _unsigned_cursors,
    Bug.BLAMELESS_MESSAGES: _blameless_messages,
    Bug.LONG_HEADERS: _long_headers,
}
