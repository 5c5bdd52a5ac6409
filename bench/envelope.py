"""Message formats: that of the service's contract, and those of frameworks with a protocol of their own."""

import json
from collections.abc import Callable

from pamqp.commands import Basic

from bench.workload import Command

_PERSISTENT = 2
_JSON = "application/json"

Envelope = Callable[[Command, str, str | None], tuple[bytes, Basic.Properties]]
"""Takes a command, its queue and its reply queue, and returns the message's body and properties."""


def plain(command: Command, _queue: str, reply_to: str | None) -> tuple[bytes, Basic.Properties]:
    """Return a message of the service's contract."""
    properties = Basic.Properties(
        message_id=command.id,
        content_type=_JSON,
        delivery_mode=_PERSISTENT,
        reply_to=reply_to,
        correlation_id=command.id,
    )
    return command.body, properties


def celery(command: Command, _queue: str, reply_to: str | None) -> tuple[bytes, Basic.Properties]:
    """Return a task message (Celery's message protocol, version 2)."""
    body = b"[[%s, %s], {}, {}]" % (command.body, json.dumps(reply_to).encode())
    properties = Basic.Properties(
        content_type=_JSON,
        content_encoding="utf-8",
        delivery_mode=_PERSISTENT,
        correlation_id=command.id,
        headers={"lang": "py", "task": command.routing_key, "id": command.id, "root_id": command.id},
    )
    return body, properties


def dramatiq(command: Command, queue: str, reply_to: str | None) -> tuple[bytes, Basic.Properties]:
    """Return a message for an actor."""
    message = {
        "queue_name": queue,
        "actor_name": command.routing_key,
        "args": [json.loads(command.body), reply_to],
        "kwargs": {},
        "options": {},
        "message_id": command.id,
        "message_timestamp": 0,
    }
    return json.dumps(message).encode(), Basic.Properties(delivery_mode=_PERSISTENT)
