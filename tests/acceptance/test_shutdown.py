"""SIGTERM under load: what is in hand is finished, the rest waits for the next start."""

import json
from collections.abc import Iterator

import pytest

from dev.shell import free_port
from tests.acceptance.commands import create, find, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql

COMMANDS = 2_000


@pytest.fixture
def running(service: Service) -> Iterator[Service]:
    """Give the service, and have it run again afterwards."""
    yield service
    if not service.is_running:
        service.start()


@pytest.mark.parametrize("answered", [1, 700])
def test_a_service_that_is_told_to_stop_loses_nothing(running: Service, answered: int) -> None:
    name = unique()
    done = f"SELECT count(*) FROM people WHERE name = '{name}'"  # noqa: S608
    with Peer(running.prefix) as peer:
        ids = [peer.publish(create("people", name=name, age=number)) for number in range(COMMANDS)]
        replies = peer.replies(answered)
        running.terminate()
        ((finished,),) = sql.select(running.database_url, done)
        assert answered <= finished
        assert sql.select(running.database_url, "SELECT id FROM crudmq_outbox") == []
        replies += peer.replies(finished - answered)
        events = peer.heard(finished)
        assert finished + peer.depth("commands") == COMMANDS
        running.start()
        replies += peer.replies(COMMANDS - finished)
        events += peer.heard(COMMANDS - finished)
        assert sorted(reply.content["id"] for reply in replies) == sorted(ids)
        assert sorted(event.content["commandid"] for event in events) == sorted(ids)
        assert not any(reply.is_replayed for reply in replies)
        assert peer.events() == []
    assert sql.select(running.database_url, done) == [(COMMANDS,)]


def test_commands_keep_their_order_through_restarts(running: Service) -> None:
    with Peer(running.prefix) as peer:
        tom = peer.created("people", name="Tom", age=0)
        for age in range(1, COMMANDS + 1):
            peer.publish(update("people", tom["id"], {"age": age}, if_version=age))
        replies = []
        for answered in (1, 100, 200, 50, 150):
            replies += peer.replies(answered)
            running.terminate()
            running.start()
        replies += peer.replies(COMMANDS - len(replies))
        assert {reply.status for reply in replies} == {"ok"}
        assert [reply.data["age"] for reply in replies] == list(range(1, COMMANDS + 1))
        assert [event.data["after"]["age"] for event in peer.heard(COMMANDS)] == list(range(1, COMMANDS + 1))


def test_commands_wait_for_a_service_that_does_not_run(running: Service) -> None:
    running.terminate()
    with Peer(running.prefix) as peer:
        create_id = peer.publish(create("people", name="Tom"))
        list_id = peer.publish(find("people", limit=1))
        running.start()
        assert [reply.content["id"] for reply in peer.replies(2)] == [create_id, list_id]


def test_an_idle_service_stops_at_once(running: Service) -> None:
    running.terminate()
    assert json.loads(running.log.splitlines()[-1])["event"] == "stopped"


def test_a_service_that_never_found_its_broker_ends_as_well(service: Service) -> None:
    alone = Service(service.database_url, service.prefix, {"CRUDMQ_BROKER_URL": f"amqp://127.0.0.1:{free_port()}/"})
    alone.launch()
    alone.wait_for("broker unavailable, reconnecting")
    alone.terminate()
