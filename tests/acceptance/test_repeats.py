"""The same id with the same body is the same command."""

import json

import pytest

from tests.acceptance.commands import NOBODY, create, create_all, delete, find, get, numbers, unique, update
from tests.acceptance.peer import Command, Peer
from tests.acceptance.process import Service
from tests.support import sql


def test_a_repeat_is_answered_with_the_same_bytes_and_has_no_effect(peer: Peer) -> None:
    message_id, name = unique(), unique()
    original = peer.ask(create("people", name=name, age=38), message_id=message_id)
    for _ in range(3):
        repeat = peer.ask(create("people", name=name, age=38), message_id=message_id)
        assert repeat.body == original.body
        assert repeat.headers["x-replayed"] is True
        assert (repeat.properties.type, repeat.properties.content_type) == ("result", "application/json")
    assert len(peer.ask(find("people", where={"name": name})).data) == 1
    assert peer.event().type == "people.created"


def test_a_repeat_is_the_result_of_then_and_not_of_now(peer: Peer) -> None:
    message_id = unique()
    original = peer.ask(create("people", name="Tom"), message_id=message_id)
    peer.ask(update("people", original.data["id"], {"name": "Ann"}))
    peer.ask(delete("people", original.data["id"]))
    assert peer.ask(create("people", name="Tom"), message_id=message_id).body == original.body


def test_a_repeat_has_its_own_correlation_id(peer: Peer) -> None:
    message_id = unique()
    peer.ask(create("people", name="Tom"), message_id=message_id, correlation_id="first")
    repeat = peer.ask(create("people", name="Tom"), message_id=message_id, correlation_id="second")
    assert (repeat.properties.correlation_id, repeat.is_replayed) == ("second", True)


@pytest.mark.parametrize("action", ["update", "delete"])
def test_repeats_of_every_write_have_no_effect(peer: Peer, action: str) -> None:
    tom = peer.created("people", name="Tom", age=1)
    command = update("people", tom["id"], {"age": 2}) if action == "update" else delete("people", tom["id"])
    message_id = unique()
    bodies = {peer.ask(command, message_id=message_id).body for _ in range(3)}
    assert len(bodies) == 1
    assert peer.event().type == f"people.{action}d"


def test_a_repeated_error_is_the_same_even_when_it_would_now_succeed(peer: Peer) -> None:
    user = {"id": next(numbers), "email": "tom@example.org"}
    message_id = unique()
    original = peer.ask(update("users", user, {"login": (login := unique())}), message_id=message_id)
    assert original.code == "not_found"
    assert peer.event().type == "users.failed"
    row = peer.created("users", **user, login=unique())
    repeat = peer.ask(update("users", user, {"login": login}), message_id=message_id)
    assert (repeat.body, repeat.is_replayed) == (original.body, True)
    assert peer.ask(get("users", user)).data == row
    assert peer.events() == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (create("people", name=1), "invalid"),
        (create("nope", name=1), "unknown_resource"),
        ({"resource": "people", "action": "explode"}, "unknown_action"),
        (create("emails", person_id=NOBODY, address="a"), "conflict"),
        (delete("people", NOBODY, if_version=1), "not_found"),
    ],
)
def test_errors_of_the_publishers_making_are_kept(peer: Peer, command: Command, code: str) -> None:
    message_id = unique()
    original = peer.ask(command, message_id=message_id)
    repeat = peer.ask(command, message_id=message_id)
    assert original.code == code
    assert (repeat.body, repeat.is_replayed) == (original.body, True)


def test_an_id_with_another_body_is_refused(peer: Peer) -> None:
    message_id = unique()
    original = peer.ask(create("people", name="Tom"), message_id=message_id)
    tom = original.data
    for other in (
        create("people", name="Ann"),
        update("people", tom["id"], {"name": "Ann"}),
        delete("people", tom["id"]),
        get("people", tom["id"]),
        find("people"),
        {"resource": "nope", "action": "create", "data": {}},
        json.dumps(create("people", name="Tom"), indent=1).encode(),
    ):
        reply = peer.ask(other, message_id=message_id)
        assert reply.code == "id_reused", other
        assert reply.error["retryable"] is False
        assert not reply.is_replayed
    assert peer.ask(create("people", name="Tom"), message_id=message_id).body == original.body
    assert peer.ask(get("people", tom["id"])).data == tom
    assert peer.dead_letters() == []


def test_reusing_an_id_for_another_write_publishes_a_failure(peer: Peer) -> None:
    message_id = unique()
    peer.ask(create("people", name="Tom"), message_id=message_id)
    peer.events()
    peer.ask(create("people", name="Ann"), message_id=message_id)
    event = peer.event()
    assert (event.type, event.data["error"]["code"]) == ("people.failed", "id_reused")


def test_an_id_that_is_reused_within_a_burst_is_refused(peer: Peer) -> None:
    message_id, name = unique(), unique()
    for number in range(20):
        peer.publish(create("people", name=name, age=number), message_id=message_id)
    replies = peer.replies(20)
    assert [reply.status for reply in replies] == ["ok"] + ["error"] * 19
    assert {reply.code for reply in replies[1:]} == {"id_reused"}
    assert [row["age"] for row in peer.ask(find("people", where={"name": name})).data] == [0]


def test_reads_are_not_stored(peer: Peer) -> None:
    tom = peer.created("people", name="Tom")
    message_id, two = unique(), unique()
    assert peer.ask(get("people", tom["id"]), message_id=message_id).data == tom
    assert peer.ask(find("people", where={"id": tom["id"]}), message_id=two).data == [tom]
    changed = peer.ask(update("people", tom["id"], {"name": "Ann"})).data
    for reply in (
        peer.ask(get("people", tom["id"]), message_id=message_id),
        peer.ask(find("people", where={"id": tom["id"]}), message_id=two),
    ):
        assert not reply.is_replayed
        assert reply.data in (changed, [changed])
    assert peer.ask(get("people", NOBODY), message_id=message_id).code == "not_found"


def test_a_hundred_copies_in_one_burst_take_effect_once(peer: Peer, service: Service) -> None:
    message_id, name = unique(), unique()
    for _ in range(100):
        peer.publish(create("people", name=name), message_id=message_id)
    replies = peer.replies(100)
    assert len({reply.body for reply in replies}) == 1
    assert [reply.is_replayed for reply in replies] == [False] + [True] * 99
    assert len(sql.select(service.database_url, f"SELECT id FROM people WHERE name = '{name}'")) == 1  # noqa: S608
    assert peer.event().data["after"]["name"] == name


def test_a_hundred_copies_of_a_failing_command_have_one_event(peer: Peer) -> None:
    login, message_id = unique(), unique()
    peer.created("users", id=next(numbers), email="tom@example.org", login=login)
    other = create("users", id=next(numbers), email="tom@example.org", login=login)
    for _ in range(100):
        peer.publish(other, message_id=message_id)
    replies = peer.replies(100)
    assert {reply.code for reply in replies} == {"conflict"}
    assert len({reply.body for reply in replies}) == 1
    assert sum(not reply.is_replayed for reply in replies) == 1
    assert peer.event().type == "users.failed"


def test_copies_among_other_commands_take_effect_once(peer: Peer) -> None:
    name = unique()
    ids = [unique() for _ in range(10)]
    for number in range(200):
        peer.publish(create("people", name=name, age=number % 10), message_id=ids[number % 10])
    replies = peer.replies(200)
    assert len({reply.body for reply in replies}) == 10
    assert sorted(row["age"] for row in peer.ask(find("people", where={"name": name})).data) == list(range(10))
    assert len(peer.events()) == 10


@pytest.mark.parametrize(
    "pair",
    [
        ("{}", "{} "),
        ("{}", " {}"),
        ("{}a", "{}A"),
        ("{}", "{}\0"),
        ("{}e\u0301", "{}\u00e9"),
        ("{}ß", "{}ss"),
        ("{}\0a", "{}\0b"),
    ],
)
def test_ids_that_differ_a_little_are_different(peer: Peer, pair: tuple[str, str]) -> None:
    stem = unique()
    replies = [peer.ask(create("people", name="Tom"), message_id=text.format(stem)) for text in pair]
    assert replies[0].data["id"] != replies[1].data["id"]
    assert [reply.content["id"] for reply in replies] == [text.format(stem) for text in pair]
    assert not any(reply.is_replayed for reply in replies)


@pytest.mark.parametrize(
    "message_id",
    [
        "x" * 200,
        "é" * 120,
        "\U0001f600" * 60,
        "a\0b",
        "\0",
        " ",
        "'; --",
        '"\\',
        "\n\t",
        "\u202e",
        "\ufeff",
        "0",
        "null",
    ],
)
def test_an_id_may_be_any_text(peer: Peer, message_id: str) -> None:
    original = peer.ask(create("people", name="Tom"), message_id=message_id)
    assert original.content["id"] == message_id
    assert original.properties.correlation_id == message_id
    assert peer.event().content["commandid"] == message_id
    repeat = peer.ask(create("people", name="Tom"), message_id=message_id)
    assert (repeat.body, repeat.is_replayed) == (original.body, True)


def test_a_repeat_may_be_answered_elsewhere_or_nowhere(peer: Peer) -> None:
    message_id = unique()
    peer.publish(create("people", name="Tom"), message_id=message_id, reply_to=None)
    assert peer.event().type == "people.created"
    repeat = peer.ask(create("people", name="Tom"), message_id=message_id)
    assert (repeat.status, repeat.is_replayed) == ("ok", True)
    peer.publish(create("people", name="Tom"), message_id=message_id, reply_to=None)
    assert peer.events() == []


def test_where_the_reply_queue_is_gone_the_command_stands(peer: Peer) -> None:
    message_id = unique()
    peer.publish(create("people", name="Tom"), message_id=message_id, reply_to="no.such.queue")
    assert peer.event().data["after"]["name"] == "Tom"
    repeat = peer.ask(create("people", name="Tom"), message_id=message_id)
    assert (repeat.status, repeat.is_replayed) == ("ok", True)
    peer.publish(find("people"), reply_to="no.such.queue")
    assert peer.ask(create("people", name="Ann")).status == "ok"
    assert peer.dead_letters() == []


def test_a_create_of_many_is_repeated_as_one(peer: Peer) -> None:
    message_id, name = unique(), unique()
    command = create_all("people", [{"name": name}] * 50)
    original = peer.ask(command, message_id=message_id)
    assert peer.ask(command, message_id=message_id).body == original.body
    assert len(peer.events()) == 50
