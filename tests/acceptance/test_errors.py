"""Bad input gets the contract's error and changes nothing; the next good command works."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest

from tests.acceptance.commands import NOBODY, create, create_all, delete, find, get, numbers, unique, update
from tests.acceptance.peer import Command, Peer, Properties, Result
from tests.acceptance.process import Service
from tests.support import broker, sql

GOOD = b'{"resource": "people", "action": "create", "data": {"name": "good"}}'
RETRYABLE = {"timeout", "unavailable", "internal"}


def check_refused(reply: Result, code: str, paths: set[str] | None = None) -> None:
    """Check the shape of an error."""
    assert reply.code == code
    assert set(reply.content) <= {"id", "status", "resource", "action", "error"}
    assert set(reply.error) <= {"code", "message", "retryable", "details"}
    assert reply.error["retryable"] is False
    assert reply.error["message"]
    assert not reply.is_replayed
    for detail in reply.error.get("details", []):
        assert detail["message"]
    if paths is not None:
        assert reply.paths == paths


def people(service: Service) -> int:
    ((number,),) = sql.select(service.database_url, "SELECT count(*) FROM people")
    return int(number)


class TestMalformed:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"not json",
            b"{",
            b"{}{}",
            b"{} x",
            b"{'resource': 'people'}",
            b'{"a": 1,}',
            b'{"a": "line\nbreak"}',
            b'{"a": "\\x"}',
            b'{"a": 01}',
            b"\xef\xbb\xbf{}",
            b'{"resource": "people", "action": "create", "data": {"name": "a", "name": "b"}}',
            b'{"resource": "people", "action": "create", "action": "create", "data": {"name": "a"}}',
            b'{"resource": "people", "action": "create", "data": {"name": "a", "age": NaN}}',
            b'{"resource": "people", "action": "create", "data": {"name": "a", "age": Infinity}}',
            b'{"resource": "people", "action": "create", "data": {"name": "a", "age": -Infinity}}',
            b'{"resource": "people", "action": "create", "data": {"name": "a", "age": 1e999}}',
            b"[]",
            b'"text"',
            b"null",
            b"1",
            b"{}",
            b'{"resource": "people"}',
            b'{"resource": "people", "action": null}',
            b'{"resource": "people", "action": ["create"]}',
            b'{"resource": "people", "action": "create", "data": {"name": "\xff"}}',
            b'{"resource": "people", "action": "create", "data": {"name": "\xed\xa0\x80"}}',
            b'{"resource": "people", "action": "create", "data": {"name": "\xc0\xae"}}',
            GOOD.decode().encode("utf-16"),
            bytes(range(256)),
        ],
    )
    def test_a_body_that_is_no_command_is_dead_lettered(self, peer: Peer, body: bytes) -> None:
        self.check(peer, body, {"message_id": unique()})

    @pytest.mark.parametrize(
        "properties",
        [
            {"message_id": "x" * 201},
            {"message_id": "x" * 255},
            {"content_type": "text/plain"},
            {"content_type": "application/cloudevents+json"},
            {"content_type": "application/json; charset=latin-1"},
            {"content_encoding": "gzip"},
            {"content_encoding": "latin-1"},
        ],
    )
    def test_properties_that_make_no_command_are_dead_lettered(self, peer: Peer, properties: Properties) -> None:
        self.check(peer, GOOD, {"message_id": unique(), **properties})

    def check(self, peer: Peer, body: bytes, properties: Properties) -> None:
        reply = peer.ask(body, **properties)
        check_refused(reply, "malformed")
        assert reply.content["id"] == properties["message_id"]
        assert peer.events() == []
        (dead,) = peer.dead_letters()
        assert dead.body == body
        assert dead.properties.message_id == properties["message_id"]
        assert dead.properties.reply_to == peer.reply_to
        assert dead.headers == {
            "x-error-code": "malformed",
            "x-error-message": reply.error["message"],
            "x-attempts": 1,
            "x-original-exchange": f"{peer.prefix}.commands",
            "x-original-routing-key": "people.create",
            "x-publish-id": ANY,
        }
        assert peer.ask(GOOD).status == "ok"

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_a_message_without_an_id_is_answered_all_the_same(self, peer: Peer, nothing: str | None) -> None:
        reply = peer.ask(GOOD, message_id=nothing, correlation_id="mine")
        check_refused(reply, "malformed")
        assert not reply.content["id"]
        assert reply.properties.correlation_id == "mine"
        assert [letter.body for letter in peer.dead_letters()] == [GOOD]
        assert peer.ask(GOOD).status == "ok"

    @pytest.mark.parametrize("command", [get("people", 1), find("people"), {"resource": "nope", "action": "list"}])
    def test_a_read_requires_a_reply_queue(self, peer: Peer, command: Command) -> None:
        peer.publish(command, reply_to=None)
        (dead,) = peer.dead_letters()
        assert dead.headers["x-error-code"] == "malformed"
        peer.no_reply()

    def test_a_dead_letter_waits_for_as_long_as_it_takes(self, peer: Peer) -> None:
        peer.ask(b"not json", expiration="60000")
        (dead,) = peer.dead_letters()
        assert dead.properties.expiration is None
        assert dead.properties.delivery_mode == 2

    def test_the_actor_of_a_dead_letter_is_in_a_header(self, peer: Peer) -> None:
        user = urlsplit(broker.url()).username
        peer.ask(b"not json", user_id=user)
        (dead,) = peer.dead_letters()
        assert (dead.headers["x-user-id"], dead.properties.user_id) == (user, None)

    def test_its_own_headers_stay_with_a_dead_letter(self, peer: Peer) -> None:
        peer.ask(b"not json", headers={"traceparent": "mine", "tenant": 7})
        (dead,) = peer.dead_letters()
        assert (dead.headers["traceparent"], dead.headers["tenant"]) == ("mine", 7)

    def test_the_same_id_may_be_used_for_a_command_afterwards(self, peer: Peer) -> None:
        message_id = unique()
        assert peer.ask(b"not json", message_id=message_id).code == "malformed"
        assert peer.ask(GOOD, message_id=message_id).status == "ok"


def nested_arrays(levels: int) -> bytes:
    """Give a command whose body is so many levels deep."""
    array_levels = levels - 2
    return (
        b'{"resource": "people", "action": "create", "data": {"name": '
        + b"[" * array_levels
        + b"]" * array_levels
        + b"}}"
    )


class TestLimits:
    """Depth; size and pages have a module of their own, with smaller limits."""

    def test_thirty_two_levels_are_not_too_deep(self, peer: Peer) -> None:
        check_refused(peer.ask(nested_arrays(32)), "invalid", {"data.name"})

    @pytest.mark.parametrize("levels", [33, 1_000, 100_000])
    def test_more_levels_are_too_deep(self, peer: Peer, levels: int) -> None:
        check_refused(peer.ask(nested_arrays(levels)), "limit_exceeded")
        assert peer.dead_letters() == []
        assert peer.ask(GOOD).status == "ok"

    def test_a_body_of_more_than_a_mebibyte_is_too_large(self, peer: Peer) -> None:
        body = b'{"resource": "people", "action": "create", "data": {"name": "' + b"x" * 2**20 + b'"}}'
        check_refused(peer.ask(body), "limit_exceeded")
        assert peer.ask(GOOD).status == "ok"

    def test_a_page_of_more_than_a_thousand_rows_is_too_large(self, peer: Peer) -> None:
        check_refused(peer.ask(find("people", limit=1001)), "limit_exceeded", {"limit"})
        assert peer.ask(find("people", limit=1000)).status == "ok"


OUT_OF_RANGE = [2**31, -(2**31) - 1, 2**63, 10**30, -(10**30)]
NO_INTEGERS: list[Any] = ["1", 1.5, 1.0, 1e3, True, [], {}, "", "x"]


def each(values: list[Any]) -> list[Any]:
    """Say that these are values of any type."""
    return values


NO_OPERANDS: list[Any] = ["1", 1.5, True, []]
NO_ORDER: list[Any] = [1, None, "nope", "", "-", "--name", "+name", "name desc"]
USER: dict[str, Any] = {"id": 1, "email": "tom@example.org", "login": "tom"}

INVALID: list[tuple[Command, set[str]]] = [
    # what an action may say
    ({**create("people", name="Tom"), "bogus": 1}, {"bogus"}),
    ({**create("people", name="Tom"), "key": 1}, {"key"}),
    ({**create("people", name="Tom"), "where": {}}, {"where"}),
    ({"resource": "people", "action": "create"}, {"data"}),
    ({"action": "create", "data": {"name": "Tom"}}, {"resource"}),
    ({"resource": 7, "action": "create", "data": {"name": "Tom"}}, {"resource"}),
    ({"resource": None, "action": "get", "key": 1}, {"resource"}),
    ({"resource": "people", "action": "get"}, {"key"}),
    (get("people", 1, bogus=1), {"bogus"}),
    (get("people", 1, data={}), {"data"}),
    (find("people", bogus=1, data={}), {"bogus", "data"}),
    ({"resource": "people", "action": "update", "key": 1}, {"data"}),
    ({"resource": "people", "action": "update", "data": {}}, {"key"}),
    (update("people", 1, {}, bogus=1), {"bogus"}),
    (delete("people", 1, data={}), {"data"}),
    ({"resource": "people", "action": "delete"}, {"key"}),
    *[(update("people", 1, {}, if_version=odd), {"if_version"}) for odd in each(["1", 1.5, True, []])],
    *[(delete("people", 1, if_version=odd), {"if_version"}) for odd in each(["1", 1.0, False, {}])],
    (update("groups", 1, {"name": "a"}, if_version=1), {"if_version"}),
    (delete("groups", 1, if_version=1), {"if_version"}),
    # rows
    *[(create_all("people", data), {"data"}) for data in each(["Tom", 1, None, []])],
    (create_all("people", [{"name": "Tom"}, "Ann", None]), {"data.1", "data.2"}),
    (create_all("people", [[{"name": "Tom"}]]), {"data.0"}),
    (create("people", name="Tom", nope=1), {"data.nope"}),
    (create("people", name="Tom", emails={}), {"data.emails"}),
    (create("people"), {"data.name"}),
    (create("people", name=None), {"data.name"}),
    (create("people", name="x" * 101), {"data.name"}),
    (create("people", name="nul \0"), {"data.name"}),
    *[(create("people", name=odd), {"data.name"}) for odd in each([1, True, 1.5, [], {}, ["Tom"]])],
    (create("people", name="Tom", version=1), {"data.version"}),
    *[(create("people", name="Tom", age=odd), {"data.age"}) for odd in (*NO_INTEGERS, *OUT_OF_RANGE)],
    *[(create("people", name="Tom", id=odd), {"data.id"}) for odd in each(["1", 1.5, None, 2**31])],
    (create("users", **{**USER, "id": None}), {"data.id"}),
    (create("users", login="tom"), {"data.id", "data.email"}),
    (
        create("people", age="x", version=3, nope=1, other={}),
        {"data.name", "data.age", "data.version", "data.nope", "data.other"},
    ),
    (
        create_all("people", [{"name": "Tom"}, {"age": 1}, {"name": 1, "age": "x"}]),
        {"data.1.name", "data.2.name", "data.2.age"},
    ),
    *[(update("people", 1, data), {"data"}) for data in each(["Tom", 1, None])],
    (update("people", 1, []), {"data", "key"}),
    (update("people", 1, {"id": 2}), {"data.id"}),
    (update("people", 1, {"version": 2}), {"data.version"}),
    (update("people", 1, {"name": None, "age": "x", "nope": 1}), {"data.name", "data.age", "data.nope"}),
    (update("users", {"id": 1, "email": "a"}, {"id": 1, "email": "a"}), {"data.id", "data.email"}),
    # keys
    *[(get("people", odd), {"key"}) for odd in (*NO_INTEGERS, *OUT_OF_RANGE, None)],
    (get("people", {"id": 1}), {"key"}),
    (get("users", 1), {"key"}),
    (get("users", [1, "a"]), {"key"}),
    (get("users", {"id": 1}), {"key.email"}),
    (get("users", {}), {"key.id", "key.email"}),
    (get("users", {"id": "1", "email": 2, "login": "x"}), {"key.id", "key.email", "key.login"}),
    (get("users", {"id": 1, "email": "nul \0"}), {"key.email"}),
    (delete("users", {"id": 2**31, "email": "x" * 201}), {"key.id", "key.email"}),
    # queries
    *[(find("people", where=odd), {"where"}) for odd in each(["name", 1, [], True])],
    (find("people", where={"nope": 1}), {"where.nope"}),
    (find("people", where={"nope": 1, "other": {"gt": 1}}), {"where.nope", "where.other.gt"}),
    (find("people", where={"name": {"nope": 1}}), {"where.name.nope"}),
    (find("people", where={"name": {"eq": "a", "EQ": "b", "": "c"}}), {"where.name.EQ", "where.name."}),
    (find("people", where={"name": {}}), {"where.name"}),
    (find("people", where={"age": {"gt": None}}), {"where.age.gt"}),
    *[(find("people", where={"age": {"gte": odd}}), {"where.age.gte"}) for odd in (*NO_OPERANDS, *OUT_OF_RANGE)],
    (find("people", where={"age": "38"}), {"where.age"}),
    (find("people", where={"name": {"eq": "nul \0"}, "age": {"lt": 1.5}}), {"where.name.eq", "where.age.lt"}),
    *[(find("people", order=odd), {"order"}) for odd in each(["name", {}, 1, None])],
    *[(find("people", order=[odd]), {"order.0"}) for odd in NO_ORDER],
    (find("people", order=["name", "nope", "-nope"]), {"order.1", "order.2"}),
    *[(find("people", limit=odd), {"limit"}) for odd in each([-1, "1", 1.5, True, []])],
    *[(find("people", offset=odd), {"offset"}) for odd in each([-1, "1", 1.5, True, 2**63, 10**30])],
]


class TestInvalid:
    @pytest.mark.parametrize(("command", "paths"), INVALID)
    def test_every_fault_is_reported_with_its_path(self, peer: Peer, command: Command, paths: set[str]) -> None:
        check_refused(peer.ask(command), "invalid", paths)
        assert peer.ask(GOOD).status == "ok"

    @pytest.mark.parametrize(
        ("command", "paths"),
        [
            ({**create("people", name=1), "bogus": 1}, {"bogus", "data.name"}),
            (update("people", "x", {"age": "y"}), {"key", "data.age"}),
            (update("groups", "x", {"name": 1}, if_version=1), {"key", "data.name", "if_version"}),
            (find("people", where={"nope": 1, "name": {"nope": 1}}), {"where.nope", "where.name.nope"}),
            (find("people", where={"a": {"x": 1}, "b": {"y": 1}}), {"where.a.x", "where.b.y"}),
            (find("people", where={"nope": 1}, order=["nope"]), {"where.nope", "order.0"}),
            (find("people", where={"nope": 1}, limit=-1), {"where.nope", "limit"}),
        ],
    )
    def test_faults_in_several_parts_of_a_command_are_reported_together(
        self, peer: Peer, command: Command, paths: set[str]
    ) -> None:
        check_refused(peer.ask(command), "invalid", paths)

    @pytest.mark.parametrize(
        ("body", "paths"),
        [
            (rb'{"resource": "people", "action": "create", "data": {"name": "\ud800"}}', {"data.name"}),
            (rb'{"resource": "people", "action": "create", "data": {"name": "a", "\udfff": 1}}', {"data.?"}),
            (rb'{"resource": "people", "action": "create", "data": {"name": "a"}, "\ud800": 1}', {"?"}),
            (rb'{"resource": "people", "action": "list", "where": {"name": {"gt": "\ud800"}}}', {"where.name.gt"}),
            (rb'{"resource": "people", "action": "list", "order": ["\ud800"]}', {"order.0"}),
            (rb'{"resource": "users", "action": "get", "key": {"id": 1, "email": "\udc00"}}', {"key.email"}),
        ],
    )
    def test_a_lone_surrogate_is_refused(self, peer: Peer, body: bytes, paths: set[str]) -> None:
        check_refused(peer.ask(body), "invalid", paths)
        assert peer.ask(GOOD).status == "ok"

    def test_it_changes_nothing(self, peer: Peer, service: Service) -> None:
        before = people(service)
        commands = [command for command, _ in INVALID]
        assert {reply.code for reply in peer.burst(commands)} == {"invalid"}
        assert people(service) == before
        assert peer.dead_letters() == []

    def test_a_long_field_name_is_truncated_in_the_error(self, peer: Peer) -> None:
        reply = peer.ask(create("people", name="Tom", **{"x" * 10_000: 1}))
        check_refused(reply, "invalid")
        assert len(reply.body) < 1_000

    @pytest.mark.parametrize(
        "deadline", ["soon", "", "2999-01-01T00:00:00", "2999-01-01", 7, None, True, b"2999-01-01T00:00:00Z", {}]
    )
    def test_a_deadline_is_a_time_with_an_offset(self, peer: Peer, deadline: object) -> None:
        reply = peer.ask(create("people", name="Tom"), headers={"x-deadline": deadline})
        if deadline is None:
            assert reply.status == "ok"
        else:
            check_refused(reply, "invalid", {"headers.x-deadline"})


class TestUnknown:
    @pytest.mark.parametrize("name", ["nope", "", "People", "memberships", "crudmq_inbox", "people ", "p\0", "é" * 500])
    def test_a_resource_that_is_not_exposed_is_unknown(self, peer: Peer, name: str) -> None:
        check_refused(peer.ask(create(name, name="Tom")), "unknown_resource", {"resource"})
        event = peer.event()
        assert event.data["error"]["code"] == "unknown_resource"
        assert event.type.endswith(".failed")
        assert peer.ask(GOOD).status == "ok"

    def test_a_read_of_one_is_refused_too(self, peer: Peer) -> None:
        check_refused(peer.ask(find("nope")), "unknown_resource", {"resource"})
        check_refused(peer.ask(get("nope", 1)), "unknown_resource", {"resource"})

    @pytest.mark.parametrize("action", ["explode", "", "Create", "create ", "\0", "x" * 1000])
    def test_an_action_that_does_not_exist_is_unknown(self, peer: Peer, action: str) -> None:
        check_refused(peer.ask({"resource": "people", "action": action, "data": {"name": "Tom"}}), "unknown_action")
        assert peer.dead_letters() == []
        assert peer.ask(GOOD).status == "ok"


class TestRefusedByTheRows:
    def test_a_row_that_is_not_there_is_not_found(self, peer: Peer) -> None:
        for command in (get("people", NOBODY), update("people", NOBODY, {"age": 1}), delete("people", NOBODY)):
            reply = peer.ask(command)
            check_refused(reply, "not_found", set())
            assert reply.error["message"] == f"people {NOBODY} does not exist"

    def test_a_version_mismatch_says_the_current_version(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom")
        peer.ask(update("people", tom["id"], {"age": 1}))
        for command in (
            update("people", tom["id"], {"age": 2}, if_version=1),
            update("people", tom["id"], {"age": 2}, if_version=10**30),
            delete("people", tom["id"], if_version=1),
        ):
            reply = peer.ask(command)
            check_refused(reply, "version_mismatch", {"if_version"})
            wanted = command["if_version"]
            message = f"people {tom['id']} is at version 2, not {wanted}"
            assert reply.error == {
                "code": "version_mismatch",
                "message": message,
                "retryable": False,
                "details": [{"path": "if_version", "message": message, "current": 2}],
            }
        assert peer.ask(get("people", tom["id"])).data["version"] == 2

    def test_a_value_that_another_row_has_is_a_conflict(self, peer: Peer) -> None:
        tom, address = peer.created("people", name="Tom"), unique()
        peer.created("emails", person_id=tom["id"], address=address)
        reply = peer.ask(create("emails", person_id=tom["id"], address=address))
        check_refused(reply, "conflict", {"data"})
        (detail,) = reply.error["details"]
        assert (detail["kind"], detail["fields"]) == ("unique", ["address"])
        assert detail["constraint"] == "uq_emails_address"
        assert address.encode() not in reply.body
        assert peer.dead_letters() == []
        assert peer.ask(GOOD).status == "ok"

    def test_a_key_that_another_row_has_is_a_conflict(self, peer: Peer) -> None:
        key = {"id": next(numbers), "email": "tom@example.org"}
        peer.created("users", **key, login=unique())
        reply = peer.ask(create("users", **key, login=unique()))
        check_refused(reply, "conflict", {"data"})
        assert reply.error["details"][0]["fields"] == ["id", "email"]

    def test_an_update_may_be_a_conflict(self, peer: Peer) -> None:
        group, other = (peer.created("groups", name=unique()) for _ in range(2))
        reply = peer.ask(update("groups", other["id"], {"name": group["name"]}))
        check_refused(reply, "conflict", {"data"})
        assert peer.ask(get("groups", other["id"])).data == other

    def test_a_row_that_is_referred_to_and_does_not_exist_is_a_conflict(self, peer: Peer) -> None:
        reply = peer.ask(create("emails", person_id=NOBODY, address=unique()))
        check_refused(reply, "conflict")
        (detail,) = reply.error["details"]
        assert detail["kind"] == "foreign_key"
        assert detail["fields"] == ["person_id"]
        assert "constraint" not in detail, "it has no name in the mapping, and another one on each database"

    def test_a_row_that_is_referred_to_cannot_be_deleted(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom")
        email = peer.created("emails", person_id=tom["id"], address=unique())
        reply = peer.ask(delete("people", tom["id"]))
        check_refused(reply, "conflict")
        assert reply.error["details"][0]["kind"] == "foreign_key"
        assert peer.ask(get("people", tom["id"])).data == tom
        assert peer.ask(delete("emails", email["id"])).status == "ok"
        assert peer.ask(delete("people", tom["id"])).status == "ok"


class TestDeadlines:
    def at(self, seconds: float) -> dict[str, Any]:
        return {"x-deadline": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}

    def test_a_command_that_is_read_too_late_is_not_run(self, peer: Peer) -> None:
        reply = peer.ask(create("people", name="Tom"), headers=self.at(-1))
        assert reply.code == "timeout"
        assert reply.error["retryable"] is True
        event = peer.event()
        assert (event.type, event.data["error"]["code"]) == ("people.failed", "timeout")
        assert peer.dead_letters() == []

    def test_it_may_be_sent_again(self, peer: Peer) -> None:
        message_id = unique()
        assert peer.ask(create("people", name="Tom"), message_id=message_id, headers=self.at(-1)).code == "timeout"
        reply = peer.ask(create("people", name="Tom"), message_id=message_id, headers=self.at(3600))
        assert reply.status == "ok"
        assert not reply.is_replayed

    def test_a_repeat_of_what_took_effect_is_never_too_late(self, peer: Peer) -> None:
        message_id = unique()
        original = peer.ask(create("people", name="Tom"), message_id=message_id)
        repeat = peer.ask(create("people", name="Tom"), message_id=message_id, headers=self.at(-1))
        assert (repeat.body, repeat.is_replayed) == (original.body, True)

    def test_a_read_may_be_too_late_as_well(self, peer: Peer) -> None:
        assert peer.ask(find("people"), headers=self.at(-1)).code == "timeout"
        assert peer.ask(get("people", 1), headers=self.at(-1)).code == "timeout"
        assert peer.events() == []

    def test_a_deadline_that_is_not_reached_changes_nothing(self, peer: Peer) -> None:
        for deadline in ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00.123+05:30"):
            assert peer.ask(create("people", name="Tom"), headers={"x-deadline": deadline}).status == "ok"
