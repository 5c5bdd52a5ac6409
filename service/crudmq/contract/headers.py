"""The names of message headers, and the headers that are not set by the publisher."""

from collections.abc import Mapping
from typing import Any

# Set by the publisher of a command.
DEADLINE = "x-deadline"
PARTITION_KEY = "partition-key"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

# Set on results.
REPLAYED = "x-replayed"

# Set on commands that wait for a retry, and on dead letters.
ATTEMPTS = "x-attempts"
ORIGINAL_EXCHANGE = "x-original-exchange"
ORIGINAL_ROUTING_KEY = "x-original-routing-key"
USER_ID = "x-user-id"
PUBLISH_ID = "x-publish-id"

# Set on dead letters.
ERROR_CODE = "x-error-code"
ERROR_MESSAGE = "x-error-message"
UNDELIVERABLE = "undeliverable"
"""The error code of dead letters for messages that the broker does not accept."""

# Set by RabbitMQ.
DELIVERY_COUNT = "x-delivery-count"
ACQUIRED_COUNT = "x-acquired-count"
DEATH = "x-death"

_ADDED = frozenset({ATTEMPTS, USER_ID, PUBLISH_ID, DEATH, DELIVERY_COUNT, ACQUIRED_COUNT})
_ADDED_PREFIXES = ("x-error-", "x-original-", "x-first-death-", "x-last-death-")


def publisher_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers without those that crudmq and RabbitMQ added after the message was published."""
    return {
        name: value for name, value in headers.items() if name not in _ADDED and not name.startswith(_ADDED_PREFIXES)
    }
