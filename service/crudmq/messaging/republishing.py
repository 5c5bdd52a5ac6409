"""Messages that are published again: to a retry queue, as dead letters, and as replayed commands."""

from collections.abc import Mapping
from typing import Any

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from crudmq.contract import headers as names
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import CommandError
from crudmq.contract.event import CONTENT_TYPE, new_id
from crudmq.messaging.topology import Topology
from crudmq.messaging.wire.outgoing import PERSISTENT, Kind, Outgoing, encodable

_OWN_HEADERS = (names.ERROR_CODE, names.ERROR_MESSAGE, names.ATTEMPTS, names.ORIGINAL_EXCHANGE, names.USER_ID)


def dead_letter(command: Delivery, error: CommandError, topology: Topology) -> Outgoing:
    """Address a command to the dead letters, with the error in its headers."""
    added = {
        names.ERROR_CODE: error.code,
        names.ERROR_MESSAGE: error.message,
        names.ATTEMPTS: command.attempts + 1,
    }
    return republish(
        command.origin, topology.dead_letters, command.routing_key, {**_headers_with_origin(command), **added}
    )


def retry(command: Delivery, attempts: int, queue: str) -> Outgoing:
    """Address a command to the retry queue in which it waits for its next attempt."""
    return republish(command.origin, "", queue, {**_headers_with_origin(command), names.ATTEMPTS: attempts})


def _headers_with_origin(command: Delivery) -> dict[str, Any]:
    """Return the publisher's headers, extended by its origin and its user, which republishing would lose, and a new id.

    What a publisher sets under our names, such as another's user, is left out.
    """
    user_id: str | None = command.user_id
    return {
        **names.publisher_headers(command.headers),
        **({} if user_id is None else {names.USER_ID: user_id}),
        names.ORIGINAL_EXCHANGE: command.exchange,
        names.ORIGINAL_ROUTING_KEY: command.routing_key,
        names.PUBLISH_ID: new_id(),
    }


def substitute(message: Outgoing, reason: str, topology: Topology) -> Outgoing | None:
    """Return the dead letter for a message that the broker does not accept; None for a dead letter of this kind.

    It has the body, and no properties or headers of its own that the broker might refuse as well.
    """
    if message.kind is Kind.SUBSTITUTE:
        return None
    properties = message.properties
    headers: dict[str, Any] = (properties.headers or {}) if isinstance(properties, Basic.Properties) else {}
    routing_key = headers.get(names.ORIGINAL_ROUTING_KEY, message.routing_key)
    own = {
        names.ERROR_CODE: names.UNDELIVERABLE,
        names.ERROR_MESSAGE: reason,
        names.ORIGINAL_EXCHANGE: message.exchange,
        names.ORIGINAL_ROUTING_KEY: routing_key,
        **{name: headers[name] for name in _OWN_HEADERS if name in headers},
        names.PUBLISH_ID: new_id(),
    }
    content_type = CONTENT_TYPE if message.kind is Kind.EVENT else None
    plain = Basic.Properties(content_type, message_id=properties.message_id, delivery_mode=PERSISTENT, headers=own)
    return Outgoing(topology.dead_letters, routing_key, message.body, plain, mandatory=True, kind=Kind.SUBSTITUTE)


def republish(message: DeliveredMessage, exchange: str, routing_key: str, headers: Mapping[str, Any]) -> Outgoing:
    """Return a delivered message for republishing, with its own properties as far as possible.

    :param headers: replace the message's own; those that cannot be encoded are left out
    """
    properties = {name: getattr(message.header.properties, name) for name in Basic.Properties.attributes()}
    properties |= {
        "headers": encodable(headers),
        # RabbitMQ refuses messages published under another user's name.
        "user_id": None,
        # The client cannot encode this property.
        "cluster_id": "",
        # RabbitMQ removes it from messages that it dead-letters, too: replayed messages would expire again.
        "expiration": None,
        "delivery_mode": PERSISTENT,
    }
    return Outgoing(
        exchange, routing_key, message.body, Basic.Properties(**properties), mandatory=True, kind=Kind.COMMAND
    )
