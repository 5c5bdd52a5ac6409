"""Dead letters."""

import pytest

from crudmq.contract.headers import publisher_headers
from crudmq.messaging.dead_letters.letter import Letter

DEATH = {"reason": "delivery_limit", "exchange": "crudmq.commands", "queue": "crudmq.commands"}
OLDER = {"reason": "expired", "exchange": "", "queue": "crudmq.commands.retry.1000"}


def test_its_code_is_the_code_of_the_error() -> None:
    assert Letter(b"", headers={"x-error-code": "internal", "x-death": [OLDER]}).code == "internal"


def test_without_an_error_its_code_is_the_newest_reason_of_the_broker() -> None:
    letter = Letter(b"", headers={"x-death": [DEATH, OLDER]})
    assert (letter.code, letter.original_exchange) == ("delivery_limit", "crudmq.commands")


@pytest.mark.parametrize("headers", [{}, {"x-death": []}, {"x-death": "mine"}, {"x-death": [7]}])
def test_without_either_its_code_is_unknown(headers: dict[str, object]) -> None:
    assert Letter(b"", headers=headers).code == "unknown"


@pytest.mark.parametrize(
    ("body", "routing_key", "resource"),
    [
        (b'{"resource": "users"}', "people.create", "users"),
        (b"not json", "people.create", "people"),
        (b'{"resource": 7}', "people.create", "people"),
        (b'{"action": "transaction"}', "transaction", None),
    ],
)
def test_its_resource_is_named_by_its_body_or_its_routing_key(
    body: bytes, routing_key: str, resource: str | None
) -> None:
    assert Letter(body, routing_key).resource == resource


def test_publisher_headers_are_those_that_neither_crudmq_nor_rabbitmq_added() -> None:
    theirs = {"traceparent": "00", "x-deadline": "2999-01-01T00:00:00Z", "tenant": 7, "x-mine": True}
    ours = {
        "x-error-code": "internal",
        "x-error-message": "…",
        "x-attempts": 1,
        "x-original-exchange": "crudmq.commands",
        "x-original-routing-key": "people.create",
        "x-user-id": "guest",
        "x-death": [DEATH],
        "x-first-death-reason": "expired",
        "x-last-death-queue": "crudmq.commands",
        "x-delivery-count": 2,
        "x-acquired-count": 2,
    }
    assert publisher_headers({**ours, **theirs}) == theirs


EVENT = {"content_type": "application/cloudevents+json"}


def test_an_event_that_the_broker_refused_is_an_event() -> None:
    assert Letter(b"{}", properties=EVENT, headers={"x-error-code": "undeliverable"}).is_event


@pytest.mark.parametrize(
    "headers", [{}, {"x-error-code": "malformed"}, {"x-error-code": "undeliverable", "x-death": [DEATH]}]
)
def test_a_command_is_no_event_whatever_its_publisher_claims(headers: dict[str, object]) -> None:
    assert not Letter(b"{}", properties=EVENT, headers=headers).is_event
