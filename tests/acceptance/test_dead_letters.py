"""`crudmq dead-letters`: what an operator does with messages that were kept."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from pika import BasicProperties

from tests.acceptance.commands import create, unique
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq, environment
from tests.support import broker, sql
from tests.support.broken import breaking, mending

BAD = b"not json"
MORE_THAN_A_WINDOW = 350


@pytest.fixture(scope="module", params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Dead letters lie in the broker: one kind of database will do."""
    kind: str = request.param
    return kind


@pytest.fixture
def peer(service: Service) -> Iterator[Peer]:
    """Connect without listening to the dead letters, and leave none."""
    with Peer(service.prefix) as connected:
        yield connected
        connected.channel.queue_purge(f"{service.prefix}.dead-letters")


class Operator:
    """Types `crudmq dead-letters …`."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ

    def types(self, *arguments: str) -> str:
        done = crudmq("dead-letters", *arguments, environ=self._environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *arguments: str, code: int = 1) -> str:
        done = crudmq("dead-letters", *arguments, environ=self._environ)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def lists(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.types("list", "--json", *arguments).splitlines()]

    def ids(self, *arguments: str) -> list[str]:
        return [str(letter["message_id"]) for letter in self.lists(*arguments)]


@pytest.fixture
def operator(service: Service) -> Operator:
    return Operator(service.environ)


def dead_letter(peer: Peer, *ids: str) -> None:
    """Publish what is no command, and wait until it is a dead letter."""
    before = peer.depth("dead-letters")
    for message_id in ids:
        peer.publish(BAD, message_id=message_id, reply_to=None)
    peer.until(lambda: peer.depth("dead-letters") == before + len(ids), "the dead letters")


def lay(peer: Peer, number: int) -> list[str]:
    """Lay so many commands among the dead letters, as if every second had died of something else."""
    before = peer.depth("dead-letters")
    ids = [f"{index:04}" for index in range(number)]
    for message_id in ids:
        code = "internal" if int(message_id) % 2 else "unavailable"
        body = json.dumps(create("groups", name=f"{peer.prefix} {message_id}")).encode()
        properties = BasicProperties(message_id=message_id, delivery_mode=2, headers={"x-error-code": code})
        peer.channel.basic_publish(f"{peer.prefix}.dead-letters", "groups.create", body, properties)
    peer.until(lambda: peer.depth("dead-letters") == before + number, "the dead letters")
    return ids


@contextmanager
def broken(service: Service) -> Iterator[None]:
    """Make each write of a table fail in a way that nobody expects."""
    sql.execute(service.database_url, *breaking("sqlite", "profiles"))
    yield
    sql.execute(service.database_url, *mending("sqlite"))


class TestLooking:
    def test_a_dead_letter_is_listed_with_what_it_died_of(self, peer: Peer, operator: Operator) -> None:
        message_id = unique()
        dead_letter(peer, message_id)
        (letter,) = operator.lists()
        assert letter == {
            "message_id": message_id,
            "code": "malformed",
            "message": letter["message"],
            "resource": "people",
            "attempts": 1,
            "actor": None,
            "exchange": f"{peer.prefix}.commands",
            "routing_key": "people.create",
            "bytes": len(BAD),
        }
        assert "not JSON" in letter["message"]
        table = operator.types("list")
        assert "malformed" in table
        assert "people" in table

    def test_everything_of_one_is_shown(self, peer: Peer, operator: Operator) -> None:
        message_id = unique()
        peer.ask(BAD, message_id=message_id, correlation_id="mine", headers={"tenant": 7})
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        shown = operator.types("show", message_id)
        for line in (
            f"exchange      {peer.prefix}.commands",
            '  correlation_id: "mine"',
            "  tenant: 7",
            '  x-error-code: "malformed"',
            "body, 8 bytes",
            "not json",
        ):
            assert line in shown.splitlines()
        assert "nobody" in operator.fails("show", "nobody")

    def test_listing_neither_removes_nor_reorders_dead_letters(self, peer: Peer, operator: Operator) -> None:
        ids = lay(peer, MORE_THAN_A_WINDOW)
        assert operator.ids() == ids
        operator.types("show", ids[3])
        assert operator.ids() == ids
        assert peer.depth("dead-letters") == len(ids)

    def test_each_option_filters_the_list(self, peer: Peer, operator: Operator) -> None:
        dead_letter(peer, "bad")
        ids = lay(peer, 4)
        assert operator.ids("--id", ids[0], "--id", "bad") == ["bad", ids[0]]
        assert operator.ids("--code", "internal") == [ids[1], ids[3]]
        assert operator.ids("--code", "internal", "--code", "malformed") == ["bad", ids[1], ids[3]]
        assert operator.ids("--resource", "people") == ["bad"]
        assert operator.ids("--resource", "groups", "--id", ids[2], "--id", "bad") == [ids[2]]

    def test_messages_dead_lettered_by_the_broker_have_its_reason_as_code(self, peer: Peer, operator: Operator) -> None:
        message_id, queue = unique(), f"{peer.prefix}.short"
        peer.channel.queue_declare(
            queue,
            exclusive=True,
            arguments={"x-max-length": 1, "x-dead-letter-exchange": f"{peer.prefix}.dead-letters"},
        )
        for identifier in (message_id, unique()):
            peer.channel.basic_publish("", queue, BAD, BasicProperties(message_id=identifier))
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        assert operator.ids("--code", "maxlen") == [message_id]
        peer.channel.queue_delete(queue)

    def test_two_cannot_look_at_once(self, peer: Peer, operator: Operator) -> None:
        with Peer(peer.prefix) as other:
            other.channel.queue_declare(f"{peer.prefix}.dead-letters.looking", exclusive=True)
            assert "locked by another" in operator.fails("list")
        assert operator.ids() == []


class TestReplay:
    def test_a_command_that_was_mended_takes_effect_once(
        self, peer: Peer, operator: Operator, service: Service
    ) -> None:
        tom, message_id = peer.created("people", name="Tom"), unique()
        with broken(service):
            command = create("profiles", person_id=tom["id"], bio="short")
            assert peer.ask(command, message_id=message_id, correlation_id="mine").code == "internal"
            peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        assert operator.types("replay", "--resource", "profiles", "--yes") == "1 replayed, 0 skipped\n"
        reply = peer.reply()
        assert (reply.content["id"], reply.properties.correlation_id) == (message_id, "mine")
        assert (reply.data["bio"], reply.is_replayed) == ("short", False)
        again = peer.ask(create("profiles", person_id=tom["id"], bio="short"), message_id=message_id)
        assert (again.body, again.is_replayed) == (reply.body, True)
        assert operator.ids() == []

    def test_a_replayed_message_equals_the_original(self, peer: Peer, operator: Operator) -> None:
        message_id = unique()
        peer.ask(BAD, message_id=message_id, headers={"tenant": 7})
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        heard = str(peer.channel.queue_declare("", exclusive=True).method.queue)
        peer.channel.queue_bind(heard, f"{peer.prefix}.commands", "#")
        operator.types("replay", "--all", "--yes")
        message: Any = peer.channel.basic_get(heard, auto_ack=True)
        method, properties, body = message
        assert (method.routing_key, properties.headers, body) == ("people.create", {"tenant": 7}, BAD)
        assert (properties.message_id, properties.reply_to, properties.delivery_mode) == (message_id, peer.reply_to, 2)

    def test_the_rest_stays_in_its_order(self, peer: Peer, operator: Operator) -> None:
        ids = lay(peer, MORE_THAN_A_WINDOW)
        assert operator.ids() == ids
        assert operator.types("replay", "--code", "internal", "--limit", "3", "--yes") == "3 replayed, 0 skipped\n"
        rest = [message_id for message_id in ids if message_id not in (ids[1], ids[3], ids[5])]
        assert operator.ids() == rest
        assert operator.types("discard", "--code", "unavailable", "--yes").endswith("175 discarded, 0 skipped\n")
        assert operator.ids() == [message_id for message_id in rest if int(message_id) % 2]

    def test_no_more_are_sent_a_second_than_is_said(self, peer: Peer, operator: Operator) -> None:
        lay(peer, 5)
        begun = time.monotonic()
        assert operator.types("replay", "--all", "--rate", "4", "--yes") == "5 replayed, 0 skipped\n"
        assert time.monotonic() - begun >= 1

    def test_a_command_with_an_actor_is_replayed_only_with_an_explicit_option(
        self, peer: Peer, operator: Operator
    ) -> None:
        peer.ask(BAD, message_id="in-a-name", user_id=urlsplit(broker.url()).username)
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        assert "--without-actor" in operator.types("replay", "--all", "--yes")
        assert operator.types("replay", "--all", "--without-actor", "--yes") == "1 replayed, 0 skipped\n"
        assert peer.reply().code == "malformed"

    def test_what_never_was_a_command_stays(self, peer: Peer, operator: Operator) -> None:
        peer.publish(BAD, message_id=None, reply_to=None)
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        assert "no message_id" in operator.types("replay", "--all", "--yes")
        assert peer.depth("dead-letters") == 1

    @pytest.mark.parametrize("taken_by", ["nobody", "a full queue"])
    def test_a_dead_letter_whose_replay_is_not_confirmed_stays(
        self, prefix: str, database_url: str, taken_by: str
    ) -> None:
        with Service(database_url, prefix) as started:
            started.terminate()
        operator = Operator(environment(database_url, prefix))
        with Peer(prefix) as peer:
            lay(peer, 3)
            peer.channel.queue_delete(f"{prefix}.commands")
            if taken_by == "a full queue":
                arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
                peer.channel.queue_declare(f"{prefix}.commands", arguments=arguments)
                peer.channel.queue_bind(f"{prefix}.commands", f"{prefix}.commands", "#")
            said = operator.fails("replay", "--all", "--yes")
            done = 0 if taken_by == "nobody" else 1
            assert f"{done} replayed" in said
            assert "stays" in said
            assert operator.ids() == ["0000", "0001", "0002"][done:]


class TestDiscard:
    def test_a_discarded_message_is_removed(self, peer: Peer, operator: Operator) -> None:
        dead_letter(peer, "one", "two")
        assert operator.types("discard", "--id", "one", "--yes") == "1 discarded, 0 skipped\n"
        assert operator.ids() == ["two"]
        peer.no_reply()


class TestAsking:
    @pytest.mark.parametrize("arguments", [["replay"], ["discard"], ["discard", "--all", "--id", "one"]])
    def test_all_must_be_said_and_said_alone(self, operator: Operator, arguments: list[str]) -> None:
        assert "--all" in operator.fails(*arguments, "--yes", code=2)

    @pytest.mark.parametrize("word", ["replay", "discard"])
    def test_nothing_is_done_without_confirmation(self, peer: Peer, operator: Operator, word: str) -> None:
        dead_letter(peer, "one")
        operator.fails(word, "--all")
        assert operator.ids() == ["one"]

    def test_unreachable_servers_are_reported_without_a_traceback(self) -> None:
        environ = environment("sqlite+aiosqlite:///never.db", f"test-{unique()}")
        assert "start `crudmq run`, which declares it" in Operator(environ).fails("list")
        away = {**environ, "CRUDMQ_BROKER_URL": "amqp://127.0.0.1:1/"}
        assert "broker unavailable" in Operator(away).fails("list")
