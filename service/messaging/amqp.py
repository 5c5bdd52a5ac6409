"""Between AMQP and our own words: deliveries in, messages out."""

import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiormq.abc import DeliveredMessage
from pamqp import encode
from pamqp.commands import Basic

from service.contract.delivery import Delivery
from service.contract.errors import CommandError
from service.contract.event import CONTENT_TYPE, new_id
from service.contract.message import Message
from service.messaging import decoding
from service.messaging.encoding import LONGEST, PERSISTENT, Plain, Properties
from service.messaging.topology import Topology

ATTEMPTS = "x-attempts"
EXCHANGE = "x-original-exchange"
ROUTING_KEY = "x-original-routing-key"
_RETURNS = "x-delivery-count"
_MOST_ATTEMPTS = 1000
_JSON = "application/json"

UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError, struct.error)
"""What the client raises where AMQP, or the client, cannot say something."""


@dataclass(slots=True)
class Outgoing:
    """A message as it is published."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Properties
    mandatory: bool
    is_result: bool = False
    """Whether it may be dropped where nobody can receive it any more."""


def delivery(message: DeliveredMessage) -> Delivery:
    """Read a message that the broker handed over."""
    properties = message.header.properties
    headers = properties.headers or {}
    attempts = _attempts(headers.get(ATTEMPTS))
    return Delivery(
        body=message.body,
        message_id=properties.message_id,
        reply_to=properties.reply_to,
        correlation_id=properties.correlation_id,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        user_id=properties.user_id,
        headers=headers,
        exchange=_original(headers, EXCHANGE, attempts) or message.exchange or "",
        routing_key=_original(headers, ROUTING_KEY, attempts) or message.routing_key or "",
        redelivered=bool(message.redelivered),
        returns=_returns(headers) if message.redelivered else 0,
        attempts=attempts,
        unreadable=decoding.fault(message.header),
        origin=message,
    )


def _original(headers: Mapping[str, Any], name: str, attempts: int) -> str | None:
    """Say where a command that has waited was first published."""
    found = headers.get(name) if attempts else None
    return found if isinstance(found, str) and len(found.encode()) <= LONGEST else None


def _returns(headers: Mapping[str, Any]) -> int:
    # Quorum queues count; where nobody does, once is all that is known.
    found = headers.get(_RETURNS)
    return found if isinstance(found, int) else 1


def _attempts(header: object) -> int:
    # Anybody may have written it.
    return header if isinstance(header, int) and 0 <= header <= _MOST_ATTEMPTS else 0


def outgoing(message: Message, names: Topology) -> Outgoing:
    """Address a result or an event."""
    if message.event_type is not None:
        properties = Plain(CONTENT_TYPE, message.event_id, message.correlation_id)
        return Outgoing(names.events, message.event_type, message.body.encode(), properties, mandatory=False)
    return Outgoing(
        "", message.reply_to or "", message.body.encode(), _of_result(message), mandatory=True, is_result=True
    )


def _of_result(message: Message) -> Properties:
    # The client tells returned messages apart by their id: it must be unique.
    plain = Plain(_JSON, new_id(), message.correlation_id, "result")
    if not message.replayed:
        return plain
    return Basic.Properties(**asdict(plain), delivery_mode=PERSISTENT, headers={"x-replayed": True})


def dead_letter(found: Delivery, error: CommandError, names: Topology) -> Outgoing:
    """Address a delivery to the dead letters, with what it died of."""
    headers = {
        "x-error-code": error.code,
        "x-error-message": error.message,
        ATTEMPTS: found.attempts + 1,
        **_origin(found),
    }
    return _again(found, names.dead_letters, found.routing_key, headers)


def retry(found: Delivery, attempts: int, queue: str) -> Outgoing:
    """Address a delivery to the queue in which it waits for its next attempt."""
    return _again(found, "", queue, {ATTEMPTS: attempts, **_origin(found)})


def _origin(found: Delivery) -> dict[str, str]:
    return {EXCHANGE: found.exchange, ROUTING_KEY: found.routing_key}


def _again(found: Delivery, exchange: str, routing_key: str, headers: dict[str, Any]) -> Outgoing:
    properties: Basic.Properties = found.origin.header.properties
    # The broker lets nobody publish in another's name: who it was stands in a header, for people to read.
    said_by = {} if properties.user_id is None else {"x-user-id": properties.user_id}
    fields = {name: getattr(properties, name) for name in Basic.Properties.attributes()}
    fields |= {
        "headers": encodable({**found.headers, **said_by, **headers}),
        "user_id": None,
        # The client cannot write it.
        "cluster_id": "",
        # The broker takes it off what it dead-letters, for the same reason: there it would be lost.
        "expiration": None,
        "delivery_mode": PERSISTENT,
    }
    return Outgoing(exchange, routing_key, found.body, Basic.Properties(**fields), mandatory=True)


def encodable(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out those headers that the client can read and not write: better than not to publish at all."""
    return {name: value for name, value in headers.items() if _is_encodable(name, value)}


def _is_encodable(name: str, value: Any) -> bool:  # noqa: ANN401 - what AMQP has for values
    try:
        encode.field_table({name: value})
    except UNENCODABLE:
        return False
    return True
