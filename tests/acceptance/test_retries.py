"""Transactions that lose to another one are tried again: at once, then later, then never."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pika import BasicProperties

from tests.acceptance.commands import create, get, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql


@pytest.fixture(scope="module", params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Only PostgreSQL lets another connection hold a row."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module", autouse=True)
def impatient(service: Service) -> None:
    """Make the database give up at once where it would wait for a lock."""
    ((name,),) = sql.select(service.database_url, "SELECT current_database()")
    sql.execute(service.database_url, f"ALTER DATABASE \"{name}\" SET lock_timeout = '20ms'")
    service.terminate()
    service.start()


@contextmanager
def held(service: Service, row: dict[str, Any]) -> Iterator[None]:
    """Hold a row."""
    lock = f"SELECT id FROM people WHERE id = {row['id']} FOR UPDATE"  # noqa: S608
    with sql.open_transaction(service.database_url, lock):
        yield


def test_a_command_that_is_in_anothers_way_waits_in_the_broker_and_succeeds(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    message_id = unique()
    with held(service, tom):
        peer.publish(update("people", tom["id"], {"age": 2}), message_id=message_id, headers={"traceparent": "mine"})
        peer.until(lambda: peer.depth("commands.retry.1000") == 1, "a retry")
        assert peer.ask(create("people", name="Ann")).status == "ok"
        peer.heard(1)
    reply = peer.reply()
    assert (reply.content["id"], reply.data["age"], reply.is_replayed) == (message_id, 2, False)
    event = peer.event()
    assert (event.content["commandid"], event.content["traceparent"]) == (message_id, "mine")
    assert peer.dead_letters() == []


def test_a_fault_that_outlasts_all_retries_is_unavailable_and_dead_lettered(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    message_id, command = unique(), update("people", tom["id"], {"age": 2})
    with held(service, tom):
        # As if it had waited for every delay but the last one already.
        waiting = BasicProperties(message_id=message_id, reply_to=peer.reply_to, headers={"x-attempts": 3})
        peer.channel.basic_publish("", f"{peer.prefix}.commands.retry.1000", json.dumps(command).encode(), waiting)
        reply = peer.reply()
    assert (reply.code, reply.error["retryable"]) == ("unavailable", True)
    event = peer.event()
    assert (event.type, event.data["error"]["code"]) == ("people.failed", "unavailable")
    (dead,) = peer.dead_letters()
    assert dead.properties.message_id == message_id
    assert (dead.headers["x-error-code"], dead.headers["x-attempts"]) == ("unavailable", 4)
    assert peer.ask(get("people", tom["id"])).data == tom
    assert peer.ask(command, message_id=message_id).data["age"] == 2


def test_a_publisher_cannot_take_the_retries_from_a_command(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    with held(service, tom):
        peer.publish(update("people", tom["id"], {"age": 2}), headers={"x-attempts": 3})
        peer.until(lambda: peer.depth("commands.retry.1000") == 1, "a retry")
    assert peer.reply().data["age"] == 2
