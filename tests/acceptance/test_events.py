"""The event for each change, and for nothing else."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.acceptance.commands import NOBODY, create, create_all, delete, find, get, numbers, unique, update
from tests.acceptance.peer import Event, Peer
from tests.support import broker

SETTINGS = {"CRUDMQ_SOURCE": "/hr/people"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TestEnvelope:
    def test_it_is_a_cloud_event_with_these_attributes_and_no_others(self, peer: Peer) -> None:
        message_id = unique()
        tom = peer.ask(create("people", name="Tom", age=38), message_id=message_id).data
        event = peer.event()
        content = event.content
        assert content == {
            "specversion": "1.0",
            "id": content["id"],
            "source": "/hr/people",
            "type": "people.created",
            "subject": f"people/{tom['id']}",
            "time": content["time"],
            "datacontenttype": "application/json",
            "commandid": message_id,
            "correlationid": message_id,
            "partitionkey": f"people/{tom['id']}",
            "sequence": "1",
            "data": {
                "key": {"id": tom["id"]},
                "version": 1,
                "before": None,
                "after": {"id": tom["id"], "name": "Tom", "age": 38},
            },
        }

    def test_its_id_is_time_ordered_and_that_of_the_message(self, peer: Peer) -> None:
        peer.ask(create("people", name="Tom"))
        event = peer.event()
        assert event.properties.message_id == event.content["id"]
        assert UUID(event.content["id"]).version == 7

    def test_its_time_is_now_in_utc_with_microseconds(self, peer: Peer) -> None:
        before = datetime.now(UTC)
        peer.ask(create("people", name="Tom"))
        time = peer.event().content["time"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)
        assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)

    def test_it_is_a_persistent_message_routed_by_its_type(self, peer: Peer) -> None:
        peer.ask(create("people", name="Tom"))
        event = peer.event()
        assert event.properties.content_type == "application/cloudevents+json"
        assert event.properties.delivery_mode == 2
        assert (event.exchange, event.routing_key) == (f"{peer.prefix}.events", "people.created")

    def test_the_correlation_id_is_echoed(self, peer: Peer) -> None:
        peer.ask(create("people", name="Tom"), correlation_id="order 66")
        assert peer.event().content["correlationid"] == "order 66"

    def test_the_headers_of_traces_are_handed_on(self, peer: Peer) -> None:
        headers: dict[str, Any] = {"traceparent": TRACE, "tracestate": "a=1,b=2", "other": "ignored"}
        peer.ask(create("people", name="Tom"), headers=headers)
        content = peer.event().content
        assert (content["traceparent"], content["tracestate"]) == (TRACE, "a=1,b=2")
        assert "other" not in content

    def test_the_publisher_may_say_the_partition_key(self, peer: Peer) -> None:
        peer.ask(create("people", name="Tom"), headers={"partition-key": "tenant 7"})
        content = peer.event().content
        assert content["partitionkey"] == "tenant 7"
        assert content["subject"].startswith("people/")

    @pytest.mark.parametrize("odd", [7, None, True, b"bytes", {"a": "table"}, ["an", "array"], ""])
    def test_headers_that_are_not_text_are_ignored(self, peer: Peer, odd: object) -> None:
        headers = {"traceparent": odd, "tracestate": odd, "partition-key": odd}
        tom = peer.ask(create("people", name="Tom"), headers=headers).data
        content = peer.event().content
        assert "traceparent" not in content
        assert "tracestate" not in content
        assert content["partitionkey"] == f"people/{tom['id']}"

    def test_the_user_that_the_broker_checked_is_the_actor(self, peer: Peer) -> None:
        user = urlsplit(broker.url()).username
        peer.ask(create("people", name="Tom"), user_id=user)
        assert peer.event().content["actor"] == user

    def test_a_subject_can_be_read_whatever_the_key(self, peer: Peer) -> None:
        user = peer.ask(create("users", id=next(numbers), email="a/b c@ü.org", login=unique())).data
        content = peer.event().content
        assert content["subject"] == f"users/{user['id']}/a%2Fb%20c%40%C3%BC.org"
        assert content["data"]["key"] == {"id": user["id"], "email": "a/b c@ü.org"}

    def test_a_row_without_versions_has_no_sequence(self, peer: Peer) -> None:
        group = peer.ask(create("groups", name=unique())).data
        content = peer.event().content
        assert "sequence" not in content
        assert content["data"] == {"key": {"id": group["id"]}, "before": None, "after": group}


class TestFacts:
    def test_each_row_of_a_create_has_its_event_in_order(self, peer: Peer) -> None:
        rows = peer.ask(create_all("people", [{"name": str(number)} for number in range(20)])).data
        events = peer.events()
        assert [event.data["key"]["id"] for event in events] == [row["id"] for row in rows]
        assert {event.type for event in events} == {"people.created"}
        assert len({event.content["id"] for event in events}) == 20

    def test_the_event_of_an_update_has_the_changed_fields(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        peer.ask(update("people", tom["id"], {"name": "Tom", "age": 39}))
        content = peer.event().content
        assert (content["type"], content["sequence"]) == ("people.updated", "2")
        assert content["data"] == {
            "key": {"id": tom["id"]},
            "version": 2,
            "before": {"age": 38},
            "after": {"id": tom["id"], "name": "Tom", "age": 39},
            "changed": ["age"],
        }

    def test_the_event_of_a_delete_has_the_row_before_it(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        peer.ask(delete("people", tom["id"]))
        content = peer.event().content
        assert (content["type"], content["subject"]) == ("people.deleted", f"people/{tom['id']}")
        assert content["sequence"] == "1"
        assert content["data"] == {
            "key": {"id": tom["id"]},
            "version": 1,
            "before": {"id": tom["id"], "name": "Tom", "age": 38},
            "after": None,
        }

    def test_an_update_that_changes_nothing_has_none(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        assert peer.ask(update("people", tom["id"], {"name": "Tom"})).data["version"] == 1
        assert peer.events() == []

    def test_reads_have_none(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom")
        assert peer.ask(get("people", tom["id"])).status == "ok"
        assert peer.ask(find("people", where={"id": tom["id"]})).status == "ok"
        assert peer.ask(get("people", NOBODY)).code == "not_found"
        assert peer.ask(find("people", where={"nope": 1})).code == "invalid"
        assert peer.events() == []

    def test_a_binding_by_routing_key_receives_only_matching_events(self, peer: Peer) -> None:
        # By the id of the event: one may be repeated.
        heard: dict[str, str] = {}
        queue = str(peer.channel.queue_declare("", exclusive=True).method.queue)
        peer.channel.queue_bind(queue, f"{peer.prefix}.events", "people.deleted")
        peer.channel.basic_consume(
            queue,
            lambda _c, method, properties, _b: heard.update({str(properties.message_id): str(method.routing_key)}),
            auto_ack=True,
        )
        tom = peer.created("people", name="Tom")
        peer.ask(update("people", tom["id"], {"name": "Ann"}))
        peer.ask(delete("people", tom["id"]))
        peer.until(lambda: bool(heard), "the event of the delete")
        peer.events()
        assert list(heard.values()) == ["people.deleted"]


def failed(event: Event) -> tuple[str, Any]:
    return event.type, event.data


class TestFailures:
    def test_a_failed_write_has_one_event_without_values(self, peer: Peer) -> None:
        message_id = unique()
        secret = "a value that nobody else may see"
        reply = peer.ask(
            create("people", name=secret, age=secret), message_id=message_id, headers={"traceparent": TRACE}
        )
        assert reply.code == "invalid"
        event = peer.event()
        content = event.content
        assert event.routing_key == "people.failed"
        assert content == {
            "specversion": "1.0",
            "id": content["id"],
            "source": "/hr/people",
            "type": "people.failed",
            "time": content["time"],
            "datacontenttype": "application/json",
            "commandid": message_id,
            "correlationid": message_id,
            "traceparent": TRACE,
            "data": {
                "action": "create",
                "error": {"code": "invalid", "message": "the command is not valid", "retryable": False},
            },
        }
        assert secret.encode() not in event.body
        assert event.properties.message_id == content["id"]

    @pytest.mark.parametrize("action", ["update", "delete"])
    def test_the_event_of_a_missing_row_has_no_key(self, peer: Peer, action: str) -> None:
        data = {"data": {"age": 1}} if action == "update" else {}
        peer.ask({"resource": "people", "action": action, "key": NOBODY, **data})
        event = peer.event()
        assert event.type == "people.failed"
        assert (event.data["action"], event.data["error"]["code"]) == (action, "not_found")
        assert str(NOBODY).encode() not in event.body

    def test_the_event_of_a_conflict_has_no_values(self, peer: Peer) -> None:
        login = unique()
        peer.created("users", id=next(numbers), email="tom@example.org", login=login)
        assert peer.ask(create("users", id=next(numbers), email="ann@example.org", login=login)).code == "conflict"
        event = peer.event()
        assert (event.type, event.data["error"]["code"]) == ("users.failed", "conflict")
        assert login.encode() not in event.body
        assert b"ann@example.org" not in event.body

    def test_a_version_mismatch_has_an_event(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom")
        peer.ask(update("people", tom["id"], {"age": 1}, if_version=7))
        assert peer.event().data["error"]["code"] == "version_mismatch"

    def test_a_failed_create_of_many_rows_has_one_event(self, peer: Peer) -> None:
        login = unique()
        users = [{"id": next(numbers), "email": "tom@example.org", "login": login} for _ in range(5)]
        assert peer.ask(create_all("users", users)).code == "conflict"
        assert peer.event().type == "users.failed"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"resource": "people"}', b'{"resource": "a", "action": 1}'])
    def test_a_malformed_message_has_no_event(self, peer: Peer, body: bytes) -> None:
        assert peer.ask(body).code == "malformed"
        assert peer.events() == []

    def test_a_repeated_failure_has_one_event(self, peer: Peer) -> None:
        message_id = unique()
        for _ in range(3):
            peer.ask(delete("people", NOBODY), message_id=message_id)
        assert peer.event().type == "people.failed"


class TestHiddenFields:
    """The example hides `users.password_hash`."""

    HASH = "$2b$12$a.hash.that.is.in.no.message"

    def test_it_is_written_and_shown_nowhere(self, peer: Peer) -> None:
        key = {"id": next(numbers), "email": "tom@example.org"}
        shown = [
            peer.ask(create("users", **key, login=unique(), password_hash=self.HASH)),
            peer.ask(get("users", key)),
            peer.ask(find("users", where={"id": key["id"]})),
            peer.ask(update("users", key, {"login": unique(), "password_hash": self.HASH + "2"})),
            peer.ask(delete("users", key)),
        ]
        assert {reply.status for reply in shown} == {"ok"}
        events = peer.events()
        assert [event.type for event in events] == ["users.created", "users.updated", "users.deleted"]
        for message in [*shown, *events]:
            assert b"password" not in message.body
            assert self.HASH.encode() not in message.body

    def test_a_change_of_it_alone_shows_nothing_of_it(self, peer: Peer) -> None:
        user = peer.created("users", id=next(numbers), email="tom@example.org", login=unique())
        peer.ask(update("users", {"id": user["id"], "email": user["email"]}, {"password_hash": self.HASH}))
        data = peer.event().data
        assert (data["before"], data["changed"]) == ({}, [])
        assert data["after"] == user

    @pytest.mark.parametrize(
        "query",
        [
            {"where": {"password_hash": "x"}},
            {"where": {"password_hash": {"gt": "x"}}},
            {"where": {"password_hash": None}},
            {"order": ["password_hash"]},
            {"order": ["-password_hash"]},
        ],
    )
    def test_it_is_as_good_as_none_in_filters_and_orders(self, peer: Peer, query: dict[str, Any]) -> None:
        said = peer.ask(find("users", **query))
        as_none = json_with(query, "password_hash", "no_such_field_")
        assert said.code == "invalid"
        assert said.error == json_with(peer.ask(find("users", **as_none)).error, "no_such_field_", "password_hash")

    @pytest.mark.parametrize("value", [5, "x" * 201, "\0", [], True])
    def test_its_faults_are_reported_without_its_name(self, peer: Peer, value: object) -> None:
        reply = peer.ask(
            create("users", id=next(numbers), email="tom@example.org", login=unique(), password_hash=value)
        )
        assert (reply.code, reply.paths) == ("invalid", {"data"})
        assert b"password_hash" not in reply.body
        assert b"password_hash" not in peer.event().body


def json_with(value: Any, old: str, new: str) -> Any:  # noqa: ANN401 - JSON is any value
    if isinstance(value, dict):
        return {json_with(key, old, new): json_with(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [json_with(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
