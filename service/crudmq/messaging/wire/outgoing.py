"""Messages to publish: their properties and kinds, and the ids by which they are recognized if they are returned."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from pamqp import encode
from pamqp.commands import Basic

from crudmq.contract.headers import PUBLISH_ID

PERSISTENT = 2
"""The delivery mode of messages that survive a restart of the broker."""
MAX_SHORT_STRING = 255
"""The maximum length of a property, a routing key or a name, in bytes."""
UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError, struct.error)
"""The errors raised for values that AMQP, or the client, cannot encode."""
_ROUTING_HEADERS = ("CC", "BCC")
"""Further routing keys of a message (https://www.rabbitmq.com/docs/sender-selected)."""


@dataclass(slots=True)
class Plain:
    """The properties of a persistent message without headers."""

    content_type: str
    message_id: str | None
    correlation_id: str | None
    message_type: str | None = None


Properties = Plain | Basic.Properties


class Kind(Enum):
    """The kind of a message, which decides what follows when it cannot be delivered."""

    RESULT = auto()
    """It may be dropped."""
    EVENT = auto()
    """It becomes a dead letter."""
    COMMAND = auto()
    """A command for a retry queue, or a dead letter: without its own properties, it becomes a dead letter."""
    SUBSTITUTE = auto()
    """A dead letter in place of a message that cannot be delivered."""


@dataclass(slots=True)
class Outgoing:
    """A message and where to publish it."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Properties
    mandatory: bool
    kind: Kind
    row: str | None = None
    """The row that it is about: the messages of a row arrive in order."""


def return_id(message: Outgoing) -> str | None:
    """Return the id by which a message is recognized if the broker returns it; None if the broker never does.

    :raises ValueError: it has none
    """
    if not message.mandatory:
        return None
    properties = message.properties
    id_ = properties.message_id if isinstance(properties, Plain) else returned_id(properties)
    if not id_:
        raise ValueError("a mandatory message has no id")
    return id_


def returned_id(properties: Basic.Properties) -> str | None:
    """Return the id of a returned message, as `return_id` does."""
    own = (properties.headers or {}).get(PUBLISH_ID)
    return own if isinstance(own, str) else properties.message_id


def encodable(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out headers that the client cannot encode, and those by which RabbitMQ would send it to other queues."""
    return {
        name: value for name, value in headers.items() if name not in _ROUTING_HEADERS and _is_encodable(name, value)
    }


def _is_encodable(name: str, value: Any) -> bool:  # noqa: ANN401 - any value of an AMQP table
    try:
        encode.field_table({name: value})
    except UNENCODABLE:
        return False
    return True
