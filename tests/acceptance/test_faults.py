"""Internal errors: reported, dead-lettered, and no reason for the service to end."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import ANY

import pytest
from sqlalchemy.exc import DBAPIError

from tests.acceptance.commands import create, delete, find, get, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql
from tests.support.broken import breaking, mending

SECRET = "a value that must not be disclosed"
COMMANDS = [
    create("profiles", person_id=2, bio=SECRET),
    update("profiles", 1, {"bio": SECRET}),
    delete("profiles", 1),
]


@pytest.fixture
def broken_profiles(service: Service, database_kind: str) -> Iterator[None]:
    """Make each write of a table fail in a way that nobody expects."""
    with Peer(service.prefix) as peer:
        if peer.ask(get("people", 2)).status == "error":
            for name in ("Tom", "Ann"):
                peer.created("people", name=name)
            peer.created("profiles", person_id=1, bio="short")
            peer.events()
    sql.execute(service.database_url, *breaking(database_kind, "profiles"))
    yield
    mend(service, database_kind)


def mend(service: Service, kind: str) -> None:
    with suppress(DBAPIError):  # already mended
        sql.execute(service.database_url, *mending(kind))


@pytest.mark.usefixtures("broken_profiles")
class TestInternal:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_an_internal_error_discloses_nothing_else(self, peer: Peer, command: dict[str, Any]) -> None:
        message_id = unique()
        reply = peer.ask(command, message_id=message_id)
        assert reply.content == {
            "id": message_id,
            "status": "error",
            "resource": "profiles",
            "action": command["action"],
            "error": {"code": "internal", "message": "internal error, see the log of the service", "retryable": False},
        }
        (dead,) = peer.dead_letters()
        assert dead.properties.message_id == message_id
        assert dead.headers == {
            "x-error-code": "internal",
            "x-error-message": "internal error, see the log of the service",
            "x-attempts": 1,
            "x-original-exchange": f"{peer.prefix}.commands",
            "x-original-routing-key": f"profiles.{command['action']}",
            "x-publish-id": ANY,
        }
        assert peer.ask(create("people", name="Tom")).status == "ok"

    def test_its_failure_event_has_no_values(self, peer: Peer) -> None:
        peer.ask(create("profiles", person_id=1, bio=SECRET))
        event = peer.event()
        assert event.type == "profiles.failed"
        assert event.data == {
            "action": "create",
            "error": {"code": "internal", "message": "internal error, see the log of the service", "retryable": False},
        }
        assert SECRET.encode() not in event.body

    def test_its_neighbours_are_not_affected(self, peer: Peer) -> None:
        name = unique()
        for number in range(40):
            peer.publish(create("people", name=name, age=number) if number % 4 else COMMANDS[number // 4 % 3])
        replies = peer.replies(40)
        assert sum(reply.status == "ok" for reply in replies) == 30
        assert {reply.code for reply in replies if reply.status == "error"} == {"internal"}
        assert len(peer.ask(find("people", where={"name": name})).data) == 30
        assert len(peer.dead_letters()) == 10

    def test_it_can_be_sent_again_once_the_cause_is_gone(
        self, peer: Peer, service: Service, database_kind: str
    ) -> None:
        tom = peer.created("people", name="Tom")
        message_id, command = unique(), create("profiles", person_id=tom["id"], bio="short")
        assert peer.ask(command, message_id=message_id).code == "internal"
        mend(service, database_kind)
        reply = peer.ask(command, message_id=message_id)
        assert (reply.data["bio"], reply.is_replayed) == ("short", False)

    def test_the_log_has_the_cause_without_values(self, peer: Peer, service: Service) -> None:
        message_id = unique()
        peer.ask(COMMANDS[0], message_id=message_id)
        service.wait_for_line(message_id)
        lines = "\n".join(line for line in service.log.splitlines() if message_id in line)
        assert "profiles" in lines
        assert SECRET not in lines
