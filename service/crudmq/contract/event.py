"""Events: CloudEvents 1.0, structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md)."""

import random
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from crudmq.contract.codec import encode
from crudmq.contract.delivery import Delivery
from crudmq.contract.headers import PARTITION_KEY, TRACEPARENT, TRACESTATE

CONTENT_TYPE = "application/cloudevents+json"
_SUBJECT = ',"subject":"'
# Seeded once by the operating system: ids must be unique, but need not be secret.
_random = random.Random().getrandbits  # noqa: S311
_FAILURES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:crudmq:failed")


@dataclass(slots=True)
class Event:
    """An encoded event, with the id and the type under which it is published."""

    id: str
    type: str
    body: bytes


def subject_of(resource: str, key: tuple[object, ...]) -> str:
    """Return the subject that names a row: `people/1`, `users/1/tom%40example.org`."""
    return "/".join([resource, *(str(value) if type(value) is int else quote(str(value), safe="") for value in key)])


def subject_in(body: str) -> str | None:
    """Return the subject of an encoded event without decoding it; None if it has none.

    Within a JSON string, the quotation marks of the name would be escaped.
    """
    position = body.find(_SUBJECT)
    if position < 0:
        return None
    start = position + len(_SUBJECT)
    return body[start : body.index('"', start)]


def change(  # noqa: PLR0913 - the parts of an event
    cause: Delivery,
    source: str,
    *,
    type: str,  # noqa: A002 - the specification's word
    subject: str,
    version: int | None,
    data: dict[str, Any],
) -> Event:
    """Return the event of a changed row, under a new time-ordered id."""
    attributes = {
        "subject": subject,
        "partitionkey": cause.header(PARTITION_KEY) or subject,
        "sequence": None if version is None else str(version),
        "data": data,
    }
    return _event(cause, source, new_id(), type, attributes)


def custom(cause: Delivery, source: str, type_: str, data: dict[str, Any]) -> Event:
    """Return the event that a registered statement declares, under a new time-ordered id."""
    attributes = {"partitionkey": cause.header(PARTITION_KEY), "data": data}
    return _event(cause, source, new_id(), type_, attributes)


def failure(cause: Delivery, source: str, *, resource: str, data: dict[str, Any]) -> Event:
    """Return the event of a failed write; a repeated failure of the same message has the same id."""
    type_ = f"{resource}.failed"
    identity = f"{cause.id}\n{type_}\n{data['error']['code']}"
    attributes = {"partitionkey": cause.header(PARTITION_KEY), "data": data}
    return _event(cause, source, str(uuid.uuid5(_FAILURES, identity)), type_, attributes)


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562, 5.7): milliseconds first, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | _random(12) << 64 | 0x2 << 62 | _random(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _now() -> str:
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second(seconds)}.{microseconds:06}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def _event(cause: Delivery, source: str, id_: str, type_: str, specific: dict[str, Any]) -> Event:
    attributes = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "time": _now(),
        "datacontenttype": "application/json",
        "commandid": cause.id,
        "correlationid": cause.correlation,
        "actor": cause.user_id or None,
        "traceparent": cause.header(TRACEPARENT),
        "tracestate": cause.header(TRACESTATE),
        **specific,
    }
    return Event(id_, type_, encode({name: value for name, value in attributes.items() if value is not None}))
