"""Statements that take longer than they may."""

from typing import Any

import pytest

from tests.acceptance.commands import create, find, get, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql

SETTINGS = {"CRUDMQ_STATEMENT_TIMEOUT": "2s"}


@pytest.fixture(scope="module", params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Only PostgreSQL lets another connection hold a row."""
    kind: str = request.param
    return kind


def lock(row: dict[str, Any]) -> str:
    return f"SELECT id FROM people WHERE id = {row['id']} FOR UPDATE"  # noqa: S608


def test_a_statement_that_takes_too_long_is_a_timeout(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    with sql.open_transaction(service.database_url, lock(tom)):
        reply = peer.ask(update("people", tom["id"], {"age": 2}))
    assert (reply.code, reply.error["retryable"]) == ("timeout", True)
    event = peer.event()
    assert (event.type, event.data["error"]["code"]) == ("people.failed", "timeout")
    assert peer.dead_letters() == []
    assert peer.ask(get("people", tom["id"])).data == tom


def test_it_may_be_sent_again(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    message_id, command = unique(), update("people", tom["id"], {"age": 2})
    with sql.open_transaction(service.database_url, lock(tom)):
        assert peer.ask(command, message_id=message_id).code == "timeout"
    reply = peer.ask(command, message_id=message_id)
    assert (reply.data["age"], reply.is_replayed) == (2, False)


def test_a_read_does_not_wait_for_a_row_that_is_held(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    with sql.open_transaction(service.database_url, lock(tom)):
        assert peer.ask(get("people", tom["id"])).data == tom
        assert peer.ask(find("people", where={"id": tom["id"]})).data == [tom]


def test_a_query_that_takes_too_long_is_a_timeout(peer: Peer, service: Service) -> None:
    with sql.open_transaction(service.database_url, "LOCK TABLE groups IN ACCESS EXCLUSIVE MODE"):
        reply = peer.ask(find("groups"))
    assert (reply.code, reply.error["retryable"]) == ("timeout", True)
    assert peer.ask(find("groups")).status == "ok"


def test_one_that_takes_too_long_does_not_fail_its_neighbours(peer: Peer, service: Service) -> None:
    tom, name = peer.created("people", name="Tom", age=1), unique()
    with sql.open_transaction(service.database_url, lock(tom)):
        for number in range(8):
            peer.publish(create("people", name=name, age=number))
            if number == 4:
                peer.publish(update("people", tom["id"], {"age": 2}))
        replies = peer.replies(9)
    assert sorted(reply.code for reply in replies if reply.status == "error") == ["timeout"]
    assert len(peer.ask(find("people", where={"name": name})).data) == 8
