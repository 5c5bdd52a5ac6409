"""Every action and its result."""

from typing import Any

import pytest

from tests.acceptance.commands import NOBODY, create, create_all, delete, find, get, numbers, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql

BIGGEST, SMALLEST = 2**31 - 1, -(2**31)


def a_user(**other: object) -> dict[str, Any]:
    return {"id": next(numbers), "email": "tom@example.org", "login": unique(), **other}


def key_of(user: dict[str, Any]) -> dict[str, Any]:
    return {"id": user["id"], "email": user["email"]}


class TestResults:
    def test_a_result_is_persistent_json_for_who_asked(self, peer: Peer) -> None:
        properties = peer.ask(create("people", name="Tom"), correlation_id="what I know it by").properties
        assert properties.content_type == "application/json"
        assert properties.type == "result"
        assert properties.delivery_mode == 2
        assert properties.correlation_id == "what I know it by"

    def test_without_a_correlation_id_the_message_id_is_echoed(self, peer: Peer) -> None:
        message_id = unique()
        assert peer.ask(create("people", name="Tom"), message_id=message_id).properties.correlation_id == message_id
        assert peer.ask(find("people", limit=1), message_id=(two := unique())).properties.correlation_id == two
        assert peer.ask(b"not json", message_id=(three := unique())).properties.correlation_id == three

    def test_an_original_result_is_not_marked_as_replayed(self, peer: Peer) -> None:
        assert "x-replayed" not in peer.ask(create("people", name="Tom")).headers

    def test_json_is_what_a_command_without_content_type_is_taken_for(self, peer: Peer) -> None:
        said = peer.ask(create("people", name="Tom"), content_type="application/json", content_encoding="utf-8")
        assert said.status == "ok"
        assert peer.ask(create("people", name="Tom"), content_type=None, content_encoding=None).status == "ok"

    def test_a_result_that_is_an_error_says_what_it_answers(self, peer: Peer) -> None:
        message_id = unique()
        assert peer.ask(get("people", NOBODY), message_id=message_id).content == {
            "id": message_id,
            "status": "error",
            "resource": "people",
            "action": "get",
            "error": {"code": "not_found", "message": f"people {NOBODY} does not exist", "retryable": False},
        }


class TestCreate:
    def test_the_row_is_given_with_all_generated_values(self, peer: Peer) -> None:
        message_id = unique()
        content = peer.ask(create("people", name="Tom", age=38), message_id=message_id).content
        identifier = content["data"]["id"]
        assert type(identifier) is int
        assert content == {
            "id": message_id,
            "status": "ok",
            "resource": "people",
            "action": "create",
            "data": {"id": identifier, "name": "Tom", "age": 38, "version": 1},
        }

    def test_a_nullable_field_may_be_left_out_or_null(self, peer: Peer) -> None:
        assert peer.ask(create("people", name="Tom")).data["age"] is None
        assert peer.ask(create("people", name="Tom", age=None)).data["age"] is None

    def test_a_generated_key_may_be_given(self, peer: Peer) -> None:
        assert peer.ask(create("people", id=1_000_000 + next(numbers), name="Tom")).data["id"] > 1_000_000

    def test_many_rows_are_given_in_the_order_sent(self, peer: Peer) -> None:
        rows = [{"name": f"Tom {number}", "age": number} for number in range(300)]
        data = peer.ask(create_all("people", rows)).data
        assert [{"name": row["name"], "age": row["age"]} for row in data] == rows
        assert len({row["id"] for row in data}) == 300

    def test_many_rows_may_say_different_fields(self, peer: Peer) -> None:
        identifier = 2_000_000 + next(numbers)
        rows = [{"name": "Tom"}, {"id": identifier, "name": "Ann", "age": 5}, {"age": 3, "name": "Bob"}]
        data = peer.ask(create_all("people", rows)).data
        assert [(row["name"], row["age"]) for row in data] == [("Tom", None), ("Ann", 5), ("Bob", 3)]
        assert data[1]["id"] == identifier

    def test_an_array_of_one_is_answered_with_an_array(self, peer: Peer) -> None:
        data = peer.ask(create_all("people", [{"name": "Tom"}])).data
        assert [row["name"] for row in data] == ["Tom"]

    def test_many_rows_are_created_all_or_none(self, peer: Peer, service: Service) -> None:
        login = unique()
        rows = [a_user(login=login), a_user(), a_user(login=login)]
        assert peer.ask(create_all("users", rows)).code == "conflict"
        for row in rows:
            assert peer.ask(get("users", key_of(row))).code == "not_found"
        assert sql.select(service.database_url, f"SELECT id FROM users WHERE login = '{login}'") == []  # noqa: S608

    @pytest.mark.parametrize(
        "name",
        [
            "",
            " ",
            "x" * 100,
            "\U0001f600" * 100,
            "'; DROP TABLE people; --",
            '%s :name {0} \\ " \t\n\r\x01\x7f',
            "\ufeff\ufffd",
        ],
    )
    def test_text_is_returned_unchanged(self, peer: Peer, name: str) -> None:
        row = peer.ask(create("people", name=name)).data
        assert row["name"] == name
        assert peer.ask(get("people", row["id"])).data == row

    @pytest.mark.parametrize("age", [BIGGEST, SMALLEST, 0, -1])
    def test_integers_may_have_any_size_that_the_column_holds(self, peer: Peer, age: int) -> None:
        row = peer.ask(create("people", name="Tom", age=age)).data
        assert peer.ask(get("people", row["id"])).data["age"] == age

    def test_it_needs_no_reply_to(self, peer: Peer) -> None:
        peer.publish(create("people", name="Tom"), reply_to=None)
        assert peer.event().data["after"]["name"] == "Tom"
        peer.no_reply()


class TestGet:
    def test_the_row_is_given(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        message_id = unique()
        assert peer.ask(get("people", tom["id"]), message_id=message_id).content == {
            "id": message_id,
            "status": "ok",
            "resource": "people",
            "action": "get",
            "data": tom,
        }

    def test_a_key_of_several_columns_is_an_object(self, peer: Peer) -> None:
        user = a_user()
        peer.created("users", **user)
        assert peer.ask(get("users", key_of(user))).data == user
        assert peer.ask(get("users", {**key_of(user), "email": "ann@example.org"})).code == "not_found"

    def test_a_row_that_does_not_exist_is_not_found(self, peer: Peer) -> None:
        assert peer.ask(get("people", NOBODY)).code == "not_found"


class TestList:
    @pytest.fixture
    def name(self, peer: Peer) -> str:
        """Create four people of one name, aged 10, 20, 30 and not known."""
        name = unique()
        peer.ask(create_all("people", [{"name": name, "age": age} for age in (20, 10, None, 30)]))
        peer.heard(4)
        return name

    @pytest.mark.parametrize(
        ("age", "expected"),
        [
            (20, [20]),
            ({"eq": 20}, [20]),
            ({"neq": 20}, [10, 30]),
            ({"gt": 20}, [30]),
            ({"gte": 20}, [20, 30]),
            ({"lt": 20}, [10]),
            ({"lte": 20}, [10, 20]),
            ({"gt": 10, "lt": 30}, [20]),
            ({"gte": 10, "neq": 20, "lte": 30}, [10, 30]),
            ({"eq": BIGGEST}, []),
            (None, [None]),
            ({"eq": None}, [None]),
            ({"neq": None}, [10, 20, 30]),
        ],
    )
    def test_rows_are_compared(self, peer: Peer, name: str, age: object, expected: list[int | None]) -> None:
        reply = peer.ask(find("people", where={"name": name, "age": age}, order=["age"]))
        assert [row["age"] for row in reply.data] == expected

    @pytest.mark.parametrize(
        ("operator", "expected"),
        [("eq", "b"), ("neq", "ac"), ("gt", "c"), ("gte", "bc"), ("lt", "a"), ("lte", "ab")],
    )
    def test_text_is_compared(self, peer: Peer, operator: str, expected: str) -> None:
        age = -1_000_000 - next(numbers)
        peer.ask(create_all("people", [{"name": name, "age": age} for name in "cab"]))
        reply = peer.ask(find("people", where={"age": age, "name": {operator: "b"}}, order=["name"]))
        assert "".join(row["name"] for row in reply.data) == expected

    def test_the_result_has_the_page_beside_the_rows(self, peer: Peer, name: str) -> None:
        message_id = unique()
        content = peer.ask(find("people", where={"name": name, "age": 10}), message_id=message_id).content
        (row,) = content.pop("data")
        assert {**row, "id": None} == {"id": None, "name": name, "age": 10, "version": 1}
        assert content == {
            "id": message_id,
            "status": "ok",
            "resource": "people",
            "action": "list",
            "page": {"limit": 100, "next": None},
        }

    def test_rows_are_ordered_both_ways(self, peer: Peer, name: str) -> None:
        where = {"name": name, "age": {"neq": None}}
        assert [row["age"] for row in peer.ask(find("people", where=where, order=["age"])).data] == [10, 20, 30]
        assert [row["age"] for row in peer.ask(find("people", where=where, order=["-age"])).data] == [30, 20, 10]

    def test_rows_are_ordered_by_several_fields_and_by_the_key_at_last(self, peer: Peer) -> None:
        name = unique()
        rows = peer.ask(create_all("people", [{"name": name, "age": age} for age in (1, 2, 1, 2)])).data
        a, b, c, d = (row["id"] for row in rows)
        for order, expected in (
            (None, [a, b, c, d]),
            (["age"], [a, c, b, d]),
            (["-age"], [b, d, a, c]),
            (["-age", "-id"], [d, b, c, a]),
            (["name", "-id"], [d, c, b, a]),
        ):
            said = {} if order is None else {"order": order}
            rows_found = peer.ask(find("people", where={"name": name}, **said)).data
            assert [row["id"] for row in rows_found] == expected

    def test_a_page_has_a_limit_and_an_offset(self, peer: Peer, name: str) -> None:
        where = {"name": name, "age": {"neq": None}}
        content = peer.ask(find("people", where=where, order=["age"], limit=1, offset=1)).content
        assert [row["age"] for row in content["data"]] == [20]
        assert content["page"].pop("next") is not None
        assert content["page"] == {"limit": 1, "offset": 1}
        assert peer.ask(find("people", where=where, limit=0)).data == []
        assert peer.ask(find("people", where=where, offset=3)).data == []
        assert peer.ask(find("people", where=where, offset=2**63 - 1)).data == []

    def test_a_page_has_a_hundred_rows_where_nothing_else_is_said(self, peer: Peer) -> None:
        name = unique()
        peer.ask(create_all("people", [{"name": name}] * 120))
        assert len(peer.ask(find("people", where={"name": name})).data) == 100
        assert len(peer.ask(find("people", where={"name": name}, limit=1000)).data) == 120

    def test_nothing_that_matches_is_an_empty_page(self, peer: Peer) -> None:
        assert peer.ask(find("people", where={"name": unique()})).data == []

    def test_an_empty_where_is_no_filter(self, peer: Peer, name: str) -> None:
        assert peer.ask(find("people", where={}, limit=1)).data
        assert name

    def test_rows_of_several_keys_are_listed(self, peer: Peer) -> None:
        number = next(numbers)
        emails = ["b@example.org", "a@example.org"]
        peer.ask(create_all("users", [{"id": number, "email": email, "login": unique()} for email in emails]))
        rows_found = peer.ask(find("users", where={"id": number})).data
        assert [row["email"] for row in rows_found] == sorted(emails)


class TestUpdate:
    def test_the_row_after_the_change_is_given(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        message_id = unique()
        assert peer.ask(update("people", tom["id"], {"age": 39}), message_id=message_id).content == {
            "id": message_id,
            "status": "ok",
            "resource": "people",
            "action": "update",
            "data": {**tom, "age": 39, "version": 2},
        }
        assert peer.ask(get("people", tom["id"])).data == {**tom, "age": 39, "version": 2}

    def test_a_value_may_become_null(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        assert peer.ask(update("people", tom["id"], {"age": None})).data == {**tom, "age": None, "version": 2}

    def test_it_may_depend_on_the_version(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        assert peer.ask(update("people", tom["id"], {"age": 39}, if_version=1)).data["version"] == 2
        assert peer.ask(update("people", tom["id"], {"age": 40}, if_version=1)).code == "version_mismatch"
        assert peer.ask(update("people", tom["id"], {"age": 40}, if_version=2)).data["version"] == 3

    @pytest.mark.parametrize("data", [{}, {"age": 38}, {"name": "Tom", "age": 38}])
    def test_what_changes_nothing_leaves_the_version_as_it_is(self, peer: Peer, data: dict[str, Any]) -> None:
        tom = peer.created("people", name="Tom", age=38)
        assert peer.ask(update("people", tom["id"], data, if_version=1)).data == tom
        assert peer.events() == []

    def test_a_key_of_several_columns_is_an_object(self, peer: Peer) -> None:
        user = a_user()
        other = {**user, "email": "ann@example.org", "login": unique()}
        peer.created("users", **user)
        peer.created("users", **other)
        login = unique()
        assert peer.ask(update("users", key_of(user), {"login": login})).data == {**user, "login": login}
        assert peer.ask(get("users", key_of(other))).data == other

    def test_a_row_without_versions_is_changed(self, peer: Peer) -> None:
        group = peer.created("groups", name=unique())
        name = unique()
        assert peer.ask(update("groups", group["id"], {"name": name})).data == {"id": group["id"], "name": name}

    def test_a_row_that_does_not_exist_is_not_found(self, peer: Peer) -> None:
        assert peer.ask(update("people", NOBODY, {"age": 1})).code == "not_found"


class TestDelete:
    def test_the_row_as_it_last_was_is_given(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        message_id = unique()
        assert peer.ask(delete("people", tom["id"]), message_id=message_id).content == {
            "id": message_id,
            "status": "ok",
            "resource": "people",
            "action": "delete",
            "data": tom,
        }
        assert peer.ask(get("people", tom["id"])).code == "not_found"

    def test_it_may_depend_on_the_version(self, peer: Peer) -> None:
        tom = peer.created("people", name="Tom", age=38)
        assert peer.ask(delete("people", tom["id"], if_version=2)).code == "version_mismatch"
        assert peer.ask(delete("people", tom["id"], if_version=1)).data == tom

    def test_a_key_of_several_columns_is_an_object(self, peer: Peer) -> None:
        user = a_user()
        other = {**user, "email": "ann@example.org", "login": unique()}
        peer.created("users", **user)
        peer.created("users", **other)
        assert peer.ask(delete("users", key_of(user))).data == user
        assert peer.ask(get("users", key_of(user))).code == "not_found"
        assert peer.ask(get("users", key_of(other))).data == other

    def test_a_row_that_does_not_exist_is_not_found(self, peer: Peer) -> None:
        assert peer.ask(delete("people", NOBODY)).code == "not_found"

    def test_a_row_that_is_gone_may_be_created_again(self, peer: Peer) -> None:
        user = a_user()
        for _ in range(2):
            assert peer.ask(create("users", **user)).data == user
            assert peer.ask(delete("users", key_of(user))).data == user
