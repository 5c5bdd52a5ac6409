"""A dead letter: its error, its origin and its contents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crudmq.contract import codec
from crudmq.contract import headers as names
from crudmq.contract.errors import CommandError
from crudmq.contract.event import CONTENT_TYPE

_MAX_BYTES = 2**27


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the queue of dead letters."""

    body: bytes
    routing_key: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """The AMQP properties that are set, without the headers."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    origin: Any = None
    """The queue's own handle, needed to replay or remove the message; opaque to everything else."""

    @property
    def id(self) -> str | None:
        """The `message_id`; None if the message is not a command."""
        return self.properties.get("message_id") or None

    @property
    def is_event(self) -> bool:
        """Whether it is an event that the broker did not accept, not a command."""
        # A command may have this content type as well, and any headers until the service dead-letters it.
        is_undeliverable = self.headers.get(names.ERROR_CODE) == names.UNDELIVERABLE and not self._death
        return is_undeliverable and self.properties.get("content_type") == CONTENT_TYPE

    @property
    def code(self) -> str:
        """The code of the error, or RabbitMQ's own reason, such as `delivery_limit`."""
        return str(self.headers.get(names.ERROR_CODE) or self._death.get("reason") or "unknown")

    @property
    def message(self) -> str:
        """The error's message; empty if RabbitMQ itself dead-lettered the message."""
        return str(self.headers.get(names.ERROR_MESSAGE) or "")

    @property
    def attempts(self) -> int | None:
        """The number of attempts; None if RabbitMQ itself dead-lettered the message."""
        return self.headers.get(names.ATTEMPTS)

    @property
    def resource(self) -> str | None:
        """The resource in its body, or otherwise in its routing key."""
        try:
            resource = codec.decode(self.body, max_bytes=_MAX_BYTES).get("resource")
        except CommandError:
            resource = None
        if isinstance(resource, str):
            return resource
        prefix, dot, _ = self.original_routing_key.partition(".")
        return prefix if dot else None

    @property
    def actor(self) -> str | None:
        """The user under whose name it was published."""
        return self.properties.get("user_id") or self.headers.get(names.USER_ID) or None

    @property
    def original_exchange(self) -> str:
        """The exchange to which it was first published."""
        return str(self.headers.get(names.ORIGINAL_EXCHANGE, self._death.get("exchange", "")))

    @property
    def original_routing_key(self) -> str:
        """The routing key with which it was first published."""
        return str(self.headers.get(names.ORIGINAL_ROUTING_KEY, self.routing_key))

    @property
    def _death(self) -> Mapping[str, Any]:
        """RabbitMQ's record of the last time it dead-lettered the message."""
        deaths = self.headers.get(names.DEATH)
        return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
