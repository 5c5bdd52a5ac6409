"""Translation between AMQP and the contract: deliveries in, results and events out."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from crudmq.contract import headers as names
from crudmq.contract.delivery import Delivery
from crudmq.contract.event import CONTENT_TYPE, new_id, subject_in
from crudmq.contract.result import Message
from crudmq.messaging.topology import Topology, is_direct_reply
from crudmq.messaging.wire.decoding import decoding_error
from crudmq.messaging.wire.outgoing import MAX_SHORT_STRING, PERSISTENT, Kind, Outgoing, Plain, Properties

_MAX_ATTEMPTS = 1000
_JSON = "application/json"


def delivery(message: DeliveredMessage, topology: Topology) -> Delivery:
    """Return the delivery of a message that the broker sent."""
    properties = message.header.properties
    headers = properties.headers or {}
    attempts = _attempts(headers, topology)
    return Delivery(
        body=message.body,
        message_id=properties.message_id,
        reply_to=properties.reply_to,
        correlation_id=properties.correlation_id,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        user_id=properties.user_id,
        headers=headers,
        exchange=_original(headers, names.ORIGINAL_EXCHANGE, attempts) or message.exchange or "",
        routing_key=_original(headers, names.ORIGINAL_ROUTING_KEY, attempts) or message.routing_key or "",
        redelivered=bool(message.redelivered),
        redeliveries=_redeliveries(headers) if message.redelivered else 0,
        attempts=attempts,
        properties_error=decoding_error(message.header),
        origin=message,
    )


def _original(headers: Mapping[str, Any], name: str, attempts: int) -> str | None:
    """Return where a retried command was first published."""
    value = headers.get(name) if attempts else None
    return value if isinstance(value, str) and len(value.encode()) <= MAX_SHORT_STRING else None


def _redeliveries(headers: Mapping[str, Any]) -> int:
    # Quorum queues count redeliveries; other queues only report that there was one.
    count = headers.get(names.DELIVERY_COUNT)
    return count if isinstance(count, int) else 1


def _attempts(headers: Mapping[str, Any], topology: Topology) -> int:
    """Return how often a command has waited in a retry queue: its publisher may have set any value."""
    count = headers.get(names.ATTEMPTS)
    if not isinstance(count, int) or not 0 <= count <= _MAX_ATTEMPTS:
        return 0
    return count if _is_retried(headers, topology) else 0


def _is_retried(headers: Mapping[str, Any], topology: Topology) -> bool:
    """Whether a message has just left a retry queue: RabbitMQ puts the last queue that a message left first."""
    match headers.get(names.DEATH):
        case [{"reason": "expired", "queue": str(queue)}, *_]:
            return topology.is_retry(queue)
        case _:
            return False


def outgoing(message: Message, topology: Topology) -> Outgoing:
    """Address a result to its reply queue, or an event to the exchange of events."""
    body = message.body.encode()
    if message.event_type is not None:
        properties = Plain(CONTENT_TYPE, message.event_id, message.correlation_id)
        row = subject_in(message.body)
        return Outgoing(topology.events, message.event_type, body, properties, False, Kind.EVENT, row)  # noqa: FBT003
    queue = message.reply_to or ""
    # RabbitMQ returns all messages for such addresses as unroutable, delivered or not.
    mandatory = not is_direct_reply(queue)
    return Outgoing("", queue, body, _result_properties(message), mandatory, Kind.RESULT)


def _result_properties(message: Message) -> Properties:
    # A returned message is recognized by its id, which must be unique.
    plain = Plain(_JSON, new_id(), message.correlation_id, "result")
    if not message.replayed:
        return plain
    return Basic.Properties(**asdict(plain), delivery_mode=PERSISTENT, headers={names.REPLAYED: True})
