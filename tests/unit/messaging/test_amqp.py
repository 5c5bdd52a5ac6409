"""From AMQP to deliveries, and back."""

from typing import Any
from unittest.mock import sentinel

import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.contract.errors import Unavailable
from service.messaging import amqp, encoding
from service.messaging.topology import Topology

NAMES = Topology("crudmq")


def message(headers: dict[str, Any] | None = None, *, redelivered: bool = False, key: str = "people.create") -> Any:  # noqa: ANN401 - aiormq's
    deliver = Basic.Deliver("tag", 1, redelivered=redelivered, exchange="crudmq.commands", routing_key=key)
    header = ContentHeader(properties=Basic.Properties(message_id="one", headers=headers, delivery_mode=1))
    return DeliveredMessage(delivery=deliver, header=header, body=b"{}", channel=sentinel.channel)


def headers_of(to: amqp.Outgoing) -> dict[str, Any]:
    assert isinstance(to.properties, Basic.Properties)
    return dict(to.properties.headers or {})


def encode(to: amqp.Outgoing) -> bytes:
    return encoding.message(
        to.exchange, to.routing_key, to.properties, to.body, mandatory=to.mandatory, number=1, size=1 << 17
    )


def returned(to: amqp.Outgoing) -> Any:  # noqa: ANN401 - aiormq's
    """Give what comes out of a retry queue."""
    deliver = Basic.Deliver("tag", 1, redelivered=False, exchange="crudmq.commands", routing_key=to.routing_key)
    assert isinstance(to.properties, Basic.Properties)
    header = ContentHeader(properties=to.properties)
    return DeliveredMessage(delivery=deliver, header=header, body=to.body, channel=sentinel.channel)


def test_where_a_command_was_first_published_outlasts_its_waits() -> None:
    found = amqp.delivery(message({"partition-key": "a"}))
    for attempts in (1, 2, 3):
        waiting = amqp.retry(found, attempts, f"crudmq.commands.retry.{attempts}")
        found = amqp.delivery(returned(waiting))
        assert found.attempts == attempts
    assert (found.exchange, found.routing_key) == ("crudmq.commands", "people.create")
    dead = amqp.dead_letter(found, Unavailable(), NAMES)
    assert dead.routing_key == "people.create"
    headers = headers_of(dead)
    assert headers["x-original-routing-key"] == "people.create"
    assert headers["x-attempts"] == 4
    assert headers["partition-key"] == "a"


def test_a_publisher_cannot_say_that_its_command_came_from_elsewhere() -> None:
    found = amqp.delivery(message({"x-original-exchange": "other", "x-original-routing-key": "other"}))
    assert (found.exchange, found.routing_key) == ("crudmq.commands", "people.create")


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
def test_what_came_back_more_than_once_is_a_suspect(
    *, redelivered: bool, headers: dict[str, Any], suspect: bool
) -> None:
    assert amqp.delivery(message(headers, redelivered=redelivered)).is_suspect is suspect


@pytest.mark.parametrize("odd", [object(), 1e300, 2**63, {"deep": [b"\xff", object()]}])
def test_a_header_that_the_client_can_read_and_not_write_is_left_out_and_no_other(odd: object) -> None:
    found = amqp.delivery(message({"odd": odd, "x-deadline": "2026-01-01T00:00:00Z"}))
    for to in (amqp.dead_letter(found, Unavailable(), NAMES), amqp.retry(found, 1, "later")):
        headers = headers_of(to)
        assert "odd" not in headers
        assert headers["x-deadline"] == "2026-01-01T00:00:00Z"
        assert encode(to)
    assert headers_of(amqp.dead_letter(found, Unavailable(), NAMES))["x-error-code"] == "unavailable"


def test_a_property_that_no_client_may_write_does_not_keep_a_dead_letter_from_its_queue() -> None:
    found = message()
    found.header.properties.cluster_id = "c"
    assert encode(amqp.dead_letter(amqp.delivery(found), Unavailable(), NAMES))


def test_where_it_came_from_is_only_believed_where_it_can_be_a_routing_key() -> None:
    found = amqp.delivery(message({"x-attempts": 1, "x-original-routing-key": "x" * 256}))
    assert found.routing_key == "people.create"
    assert encode(amqp.dead_letter(found, Unavailable(), NAMES))
