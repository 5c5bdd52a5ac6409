"""What a dead letter died of and was about, and which are meant."""

import pytest

from service.contract.dead_letter import Letter, Selection

DEATH = {"reason": "delivery_limit", "exchange": "crudmq.commands", "queue": "crudmq.commands"}
OLDER = {"reason": "expired", "exchange": "", "queue": "crudmq.commands.retry.1000"}


def test_what_it_died_of_is_the_errors_code() -> None:
    assert Letter(b"", headers={"x-error-code": "internal", "x-death": [OLDER]}).code == "internal"


def test_or_the_brokers_newest_reason() -> None:
    letter = Letter(b"", headers={"x-death": [DEATH, OLDER]})
    assert (letter.code, letter.published_to) == ("delivery_limit", "crudmq.commands")


@pytest.mark.parametrize("headers", [{}, {"x-death": []}, {"x-death": "mine"}, {"x-death": [7]}])
def test_or_not_known(headers: dict[str, object]) -> None:
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
def test_what_it_was_about_is_said_by_its_body_or_its_routing_key(
    body: bytes, routing_key: str, resource: str | None
) -> None:
    assert Letter(body, routing_key).resource == resource


def test_the_publishers_headers_are_those_that_nobody_added() -> None:
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
    assert Letter(b"", headers={**ours, **theirs}).publishers_headers() == theirs


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), True),
        (Selection(ids=["a", "b"]), True),
        (Selection(ids=["b"]), False),
        (Selection(codes=["internal"]), True),
        (Selection(codes=["malformed"]), False),
        (Selection(resources=["people"]), True),
        (Selection(resources=["users"]), False),
        (Selection(ids=["a"], codes=["internal"], resources=["people"]), True),
        (Selection(ids=["a"], codes=["malformed"]), False),
    ],
)
def test_those_that_match_each_word_are_meant(*, selection: Selection, meant: bool) -> None:
    letter = Letter(b"", "people.create", {"message_id": "a"}, {"x-error-code": "internal"})
    assert selection.has(letter) is meant


def test_only_words_make_a_selection() -> None:
    assert not Selection()
    assert Selection(codes=["internal"])
