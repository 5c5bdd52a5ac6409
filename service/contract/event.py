"""An event: CloudEvents 1.0, structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md)."""

import random
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from service.contract.codec import encode
from service.contract.delivery import Delivery

CONTENT_TYPE = "application/cloudevents+json"
# Seeded by the operating system, once: unique is enough, ids are no secrets.
_random = random.Random().getrandbits  # noqa: S311
_FAILURES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:crudmq:failed")


@dataclass(slots=True)
class Event:
    """An encoded event and what it is published under."""

    id: str
    type: str
    body: bytes


def subject_of(resource: str, key: tuple[object, ...]) -> str:
    """Name a row: `people/1`, `users/1/tom%40example.org`."""
    return "/".join([resource, *(str(value) if type(value) is int else quote(str(value), safe="") for value in key)])


def change(  # noqa: PLR0913 - the parts of an event
    cause: Delivery,
    source: str,
    *,
    type: str,  # noqa: A002 - the specification's word
    subject: str,
    version: int | None,
    data: dict[str, Any],
) -> Event:
    """Encode what was changed, under a new time-ordered id."""
    attributes = {
        "subject": subject,
        "partitionkey": cause.header("partition-key") or subject,
        "sequence": None if version is None else str(version),
        "data": data,
    }
    return _event(cause, source, new_id(), type, attributes)


def declared(cause: Delivery, source: str, type_: str, data: dict[str, Any]) -> Event:
    """Encode what a named statement did, under a new time-ordered id."""
    attributes = {"partitionkey": cause.header("partition-key"), "data": data}
    return _event(cause, source, new_id(), type_, attributes)


def failure(cause: Delivery, source: str, *, resource: str, data: dict[str, Any]) -> Event:
    """Encode that a write failed; the same failure of the same message has the same id, however often told."""
    type_ = f"{resource}.failed"
    told = f"{cause.id}\n{type_}\n{data['error']['code']}"
    attributes = {"partitionkey": cause.header("partition-key"), "data": data}
    return _event(cause, source, str(uuid.uuid5(_FAILURES, told)), type_, attributes)


def new_id() -> str:
    """Make a UUID of version 7 (RFC 9562, 5.7): milliseconds first, then random bits."""
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


def _event(cause: Delivery, source: str, id_: str, type_: str, rest: dict[str, Any]) -> Event:
    found = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "time": _now(),
        "datacontenttype": "application/json",
        "commandid": cause.id,
        "correlationid": cause.correlation,
        "actor": cause.user_id or None,
        "traceparent": cause.header("traceparent"),
        "tracestate": cause.header("tracestate"),
        **rest,
    }
    return Event(id_, type_, encode({name: value for name, value in found.items() if value is not None}))
