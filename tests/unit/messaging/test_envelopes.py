"""Translation between AMQP and deliveries."""

from typing import Any
from unittest.mock import sentinel

import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from crudmq.contract.errors import Unavailable
from crudmq.messaging import envelopes, republishing
from crudmq.messaging.topology import Topology
from crudmq.messaging.wire import publishing
from crudmq.messaging.wire.outgoing import Outgoing

TOPOLOGY = Topology("crudmq")


def message(headers: dict[str, Any] | None = None, *, redelivered: bool = False, key: str = "people.create") -> Any:  # noqa: ANN401 - aiormq's
    deliver = Basic.Deliver("tag", 1, redelivered=redelivered, exchange="crudmq.commands", routing_key=key)
    header = ContentHeader(properties=Basic.Properties(message_id="one", headers=headers, delivery_mode=1))
    return DeliveredMessage(delivery=deliver, header=header, body=b"{}", channel=sentinel.channel)


def headers_of(outgoing: Outgoing) -> dict[str, Any]:
    assert isinstance(outgoing.properties, Basic.Properties)
    return dict(outgoing.properties.headers or {})


def encode(outgoing: Outgoing) -> bytes:
    return publishing.encode(outgoing, channel=1, max_body=1 << 17)


def returned(outgoing: Outgoing) -> Any:  # noqa: ANN401 - aiormq's
    """Return the message as it leaves the retry queue."""
    return message({**headers_of(outgoing), "x-death": [expired(outgoing.routing_key)]}, key=outgoing.routing_key)


def expired(queue: str) -> dict[str, Any]:
    """Return what RabbitMQ records of a message that expired in a queue."""
    return {"count": 1, "reason": "expired", "queue": queue, "exchange": "", "routing-keys": [queue]}


def test_a_retried_command_keeps_where_it_was_first_published() -> None:
    command = envelopes.delivery(message({"partition-key": "a"}), TOPOLOGY)
    for attempts in (1, 2, 3):
        waiting = republishing.retry(command, attempts, f"crudmq.commands.retry.{attempts}")
        command = envelopes.delivery(returned(waiting), TOPOLOGY)
        assert command.attempts == attempts
    assert (command.exchange, command.routing_key) == ("crudmq.commands", "people.create")
    dead = republishing.dead_letter(command, Unavailable(), TOPOLOGY)
    assert dead.routing_key == "people.create"
    headers = headers_of(dead)
    assert headers["x-original-routing-key"] == "people.create"
    assert headers["x-attempts"] == 4
    assert headers["partition-key"] == "a"


def test_a_publisher_cannot_set_where_its_command_was_first_published() -> None:
    command = envelopes.delivery(message({"x-original-exchange": "other", "x-original-routing-key": "other"}), TOPOLOGY)
    assert (command.exchange, command.routing_key) == ("crudmq.commands", "people.create")


@pytest.mark.parametrize(
    ("redelivered", "headers", "suspect"),
    [
        (False, {}, False),
        (False, {"x-delivery-count": 7}, False),
        (True, {}, False),
        (True, {"x-delivery-count": 1}, False),
        (True, {"x-delivery-count": 2}, True),
        (True, {"x-delivery-count": "2"}, False),
    ],
)
def test_a_command_that_was_redelivered_more_than_once_is_a_suspect(
    *, redelivered: bool, headers: dict[str, Any], suspect: bool
) -> None:
    assert envelopes.delivery(message(headers, redelivered=redelivered), TOPOLOGY).is_suspect is suspect


@pytest.mark.parametrize("odd", [object(), 1e300, 2**63, {"deep": [b"\xff", object()]}])
def test_only_headers_that_the_client_cannot_encode_are_left_out(odd: object) -> None:
    command = envelopes.delivery(message({"odd": odd, "x-deadline": "2026-01-01T00:00:00Z"}), TOPOLOGY)
    for outgoing in (
        republishing.dead_letter(command, Unavailable(), TOPOLOGY),
        republishing.retry(command, 1, "later"),
    ):
        headers = headers_of(outgoing)
        assert "odd" not in headers
        assert headers["x-deadline"] == "2026-01-01T00:00:00Z"
        assert encode(outgoing)
    assert headers_of(republishing.dead_letter(command, Unavailable(), TOPOLOGY))["x-error-code"] == "unavailable"


def test_a_cluster_id_does_not_prevent_dead_lettering() -> None:
    odd = message()
    odd.header.properties.cluster_id = "c"
    assert encode(republishing.dead_letter(envelopes.delivery(odd, TOPOLOGY), Unavailable(), TOPOLOGY))


RETURNED = {"x-attempts": 1, "x-death": [expired("crudmq.commands.retry.1000")]}


def test_an_original_routing_key_that_is_too_long_is_ignored() -> None:
    command = envelopes.delivery(message({**RETURNED, "x-original-routing-key": "x" * 256}), TOPOLOGY)
    assert command.routing_key == "people.create"
    assert encode(republishing.dead_letter(command, Unavailable(), TOPOLOGY))


def test_a_republished_message_keeps_its_properties_but_those_that_the_broker_would_refuse() -> None:
    delivered = message({"tenant": 7})
    properties = delivered.header.properties
    properties.user_id, properties.expiration, properties.cluster_id = "guest", "1000", "c"
    properties.correlation_id, properties.priority = "mine", 3
    outgoing = republishing.republish(delivered, "exchange", "key", {"tenant": 8})
    assert isinstance(outgoing.properties, Basic.Properties)
    assert dict(outgoing.properties) == {
        **dict(Basic.Properties()),
        "message_id": "one",
        "correlation_id": "mine",
        "priority": 3,
        "headers": {"tenant": 8},
        "delivery_mode": 2,
    }
    assert (outgoing.exchange, outgoing.routing_key, outgoing.mandatory) == ("exchange", "key", True)


def test_a_retried_command_names_its_user_in_a_header() -> None:
    delivered = message()
    delivered.header.properties.user_id = "guest"
    assert headers_of(republishing.retry(envelopes.delivery(delivered, TOPOLOGY), 1, "later"))["x-user-id"] == "guest"


def test_a_dead_letter_has_no_headers_of_ours_that_the_publisher_forged() -> None:
    forged = {"x-user-id": "admin", "x-error-message": "fine", "x-death": [{"reason": "none"}], "tenant": 7}
    command = envelopes.delivery(message(forged), TOPOLOGY)
    headers = headers_of(republishing.dead_letter(command, Unavailable(), TOPOLOGY))
    assert {"x-user-id", "x-death"}.isdisjoint(headers)
    assert (headers["x-error-code"], headers["tenant"]) == ("unavailable", 7)
