"""From AMQP to deliveries, and back."""

from typing import Any
from unittest.mock import sentinel

import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.contract.errors import Unavailable
from service.messaging import amqp
from service.messaging.topology import Topology

NAMES = Topology("crudmq")


def message(headers: dict[str, Any] | None = None, *, redelivered: bool = False, key: str = "people.create") -> Any:  # noqa: ANN401 - aiormq's
    deliver = Basic.Deliver("tag", 1, redelivered=redelivered, exchange="crudmq.commands", routing_key=key)
    header = ContentHeader(properties=Basic.Properties(message_id="one", headers=headers, delivery_mode=1))
    return DeliveredMessage(delivery=deliver, header=header, body=b"{}", channel=sentinel.channel)


def headers_of(to: amqp.Outgoing) -> dict[str, Any]:
    assert isinstance(to.properties, Basic.Properties)
    return dict(to.properties.headers or {})


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


def test_headers_that_the_client_can_read_and_not_write_do_not_keep_a_dead_letter_from_its_queue() -> None:
    found = amqp.delivery(message({"odd": object()}))
    headers = headers_of(amqp.dead_letter(found, Unavailable(), NAMES))
    assert "odd" not in headers
    assert headers["x-error-code"] == "unavailable"
