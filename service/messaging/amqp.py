"""Between AMQP and our own words: deliveries in, messages out."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from service.contract.delivery import Delivery
from service.contract.errors import CommandError
from service.contract.event import CONTENT_TYPE
from service.contract.message import Message
from service.messaging.topology import Topology

ATTEMPTS = "x-attempts"
_PERSISTENT = 2
_MOST_ATTEMPTS = 1000
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it is published."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Basic.Properties
    mandatory: bool


def delivery(message: DeliveredMessage) -> Delivery:
    """Read a message that the broker handed over."""
    properties = message.header.properties
    headers = properties.headers or {}
    return Delivery(
        body=message.body,
        message_id=properties.message_id,
        reply_to=properties.reply_to,
        correlation_id=properties.correlation_id,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        user_id=properties.user_id,
        headers=headers,
        exchange=message.exchange or "",
        routing_key=message.routing_key or "",
        redelivered=bool(message.redelivered),
        attempts=_attempts(headers.get(ATTEMPTS)),
        origin=message,
    )


def _attempts(header: object) -> int:
    # Anybody may have written it.
    return header if isinstance(header, int) and 0 <= header <= _MOST_ATTEMPTS else 0


def outgoing(message: Message, names: Topology) -> Outgoing:
    """Address a result or an event."""
    if message.event_type is not None:
        properties = Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=_PERSISTENT,
            message_id=message.event_id,
            correlation_id=message.correlation_id,
        )
        return Outgoing(names.events, message.event_type, message.body.encode(), properties, mandatory=False)
    properties = Basic.Properties(
        content_type=_JSON,
        delivery_mode=_PERSISTENT,
        message_type="result",
        # The client tells returned messages apart by their id: it must be unique.
        message_id=uuid4().hex,
        correlation_id=message.correlation_id,
        headers={"x-replayed": True} if message.replayed else None,
    )
    return Outgoing("", message.reply_to or "", message.body.encode(), properties, mandatory=True)


def dead_letter(found: Delivery, error: CommandError, names: Topology) -> Outgoing:
    """Address a delivery to the dead letters, with what it died of."""
    headers = {
        "x-error-code": error.code,
        "x-error-message": error.message,
        ATTEMPTS: found.attempts + 1,
        "x-original-exchange": found.exchange,
        "x-original-routing-key": found.routing_key,
    }
    return _again(found, names.dead_letters, found.routing_key, headers)


def retry(found: Delivery, attempts: int, queue: str) -> Outgoing:
    """Address a delivery to the queue in which it waits for its next attempt."""
    return _again(found, "", queue, {ATTEMPTS: attempts})


def _again(found: Delivery, exchange: str, routing_key: str, headers: dict[str, Any]) -> Outgoing:
    properties: Basic.Properties = found.origin.header.properties
    # The broker lets nobody publish in another's name: who it was stands in a header, for people to read.
    said_by = {} if properties.user_id is None else {"x-user-id": properties.user_id}
    fields = {name: getattr(properties, name) for name in Basic.Properties.attributes()}
    fields |= {
        "headers": {**found.headers, **said_by, **headers},
        "user_id": None,
        # The broker takes it off what it dead-letters, for the same reason: there it would be lost.
        "expiration": None,
        "delivery_mode": _PERSISTENT,
    }
    # An id of its own is not wanted: without one the client would make one up, which is harmless here.
    return Outgoing(exchange, routing_key, found.body, Basic.Properties(**fields), mandatory=True)
