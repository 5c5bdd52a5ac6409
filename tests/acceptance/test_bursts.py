"""Commands that share a transaction come to what they would one by one."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from tests.acceptance.commands import create, create_all, delete, find, get, numbers, unique, update
from tests.acceptance.peer import Command, Peer, Result

EMAIL = "tom@example.org"


def codes(replies: list[Result]) -> list[str]:
    return [outcome_of(reply)[0] for reply in replies]


def outcome_of(reply: Result) -> tuple[str, Any]:
    return (reply.code, None) if reply.status == "error" else ("ok", reply.data)


def test_one_keys_life_in_one_burst_is_as_if_lived_one_by_one(peer: Peer) -> None:
    number, logins = 1_000_000 + next(numbers), [unique() for _ in range(3)]
    key = {"id": number, "email": EMAIL}
    replies = peer.burst(
        [
            get("users", key),
            create("users", **key, login=logins[0]),
            get("users", key),
            update("users", key, {"login": logins[1]}),
            get("users", key),
            create("users", **key, login=unique()),
            update("users", key, {"login": logins[1]}),
            delete("users", key),
            get("users", key),
            update("users", key, {"login": unique()}),
            create("users", **key, login=logins[2]),
            get("users", key),
        ]
    )
    assert codes(replies) == [
        "not_found", "ok", "ok", "ok", "ok", "conflict", "ok", "ok", "not_found", "not_found", "ok", "ok",
    ]  # fmt: skip
    shown = [reply.data["login"] for reply in replies if reply.status == "ok"]
    assert shown == [*[logins[0]] * 2, *[logins[1]] * 4, *[logins[2]] * 2]
    types = [event.type.removeprefix("users.") for event in peer.events()]
    assert types == ["created", "updated", "failed", "deleted", "failed", "created"]


def test_updates_of_one_row_in_a_burst_count_their_versions_in_order(peer: Peer) -> None:
    tom = peer.created("people", name="Tom", age=0)
    replies = peer.burst([update("people", tom["id"], {"age": age}, if_version=age) for age in range(1, 151)])
    assert [reply.data["version"] for reply in replies] == list(range(2, 152))
    events = peer.events()
    assert [event.content["sequence"] for event in events] == [str(version) for version in range(2, 152)]
    assert [event.data["before"] for event in events] == [{"age": age} for age in range(150)]


def test_of_updates_that_want_the_same_version_one_wins(peer: Peer) -> None:
    tom = peer.created("people", name="Tom", age=0)
    replies = peer.burst([update("people", tom["id"], {"age": age}, if_version=1) for age in range(1, 51)])
    assert codes(replies) == ["ok"] + ["version_mismatch"] * 49
    assert {reply.error["details"][0]["current"] for reply in replies[1:]} == {2}
    assert peer.ask(get("people", tom["id"])).data == {**tom, "age": 1, "version": 2}


def test_a_row_may_be_referred_to_by_the_next_command(peer: Peer) -> None:
    number = 5_000_000 + next(numbers)
    replies = peer.burst(
        [
            create("people", id=number, name="Tom"),
            create("emails", person_id=number, address=unique()),
            create("profiles", person_id=number, bio="short"),
            delete("people", number),
        ]
    )
    assert codes(replies) == ["ok", "ok", "ok", "conflict"]
    profile, email = replies[2].data["id"], replies[1].data["id"]
    replies = peer.burst([delete("profiles", profile), delete("emails", email), delete("people", number)])
    assert codes(replies) == ["ok", "ok", "ok"]


def test_one_that_fails_does_not_fail_its_neighbours(peer: Peer) -> None:
    taken, tag = unique(), unique()
    peer.created("groups", name=taken)
    bad = [create("groups", name=taken), create("people", name=7), create("people", name=tag, age="x")]
    commands: list[Command] = []
    for number in range(60):
        commands += [create("people", name=tag, age=number), bad[number % 3]]
    replies = peer.burst(commands)
    ok = [reply.data["age"] for reply in replies if reply.status == "ok"]
    assert sorted(ok) == list(range(60))
    assert len(peer.ask(find("people", where={"name": tag}, limit=100)).data) == 60
    assert sum(event.type == "people.created" for event in peer.events()) == 60


def test_values_may_change_hands_within_a_burst(peer: Peer) -> None:
    name = unique()
    group = peer.created("groups", name=name)
    two = peer.created("groups", name=unique())
    replies = peer.burst(
        [
            update("groups", group["id"], {"name": unique()}),
            update("groups", two["id"], {"name": name}),
            delete("groups", two["id"]),
            create("groups", name=name),
            update("groups", group["id"], {"name": name}),
        ]
    )
    assert codes(replies) == ["ok", "ok", "ok", "ok", "conflict"]


class Model:
    """Rows in memory: says what each command must come to."""

    def __init__(self) -> None:
        self.event_kinds: dict[str, list[str]] = defaultdict(list)
        self._rows: dict[str, dict[str, Any]] = {}

    def create(self, subject: str, row: dict[str, Any]) -> tuple[str, Any]:
        if subject in self._rows:
            return "conflict", None
        self._rows[subject] = row
        return self._record(subject, "created")

    def get(self, subject: str) -> tuple[str, Any]:
        row = self._rows.get(subject)
        return ("not_found", None) if row is None else ("ok", dict(row))

    def update(self, subject: str, values: dict[str, Any]) -> tuple[str, Any]:
        row = self._rows.get(subject)
        if row is None:
            return "not_found", None
        row |= values
        if "version" in row:
            row["version"] += 1
        return self._record(subject, "updated")

    def delete(self, subject: str) -> tuple[str, Any]:
        if subject not in self._rows:
            return "not_found", None
        outcome = self._record(subject, "deleted")
        del self._rows[subject]
        return outcome

    def _record(self, subject: str, event_kind: str) -> tuple[str, Any]:
        self.event_kinds[subject].append(event_kind)
        return "ok", dict(self._rows[subject])


@pytest.mark.parametrize("seed", range(3))
def test_many_resources_mixed_in_one_burst_keep_their_order(peer: Peer, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - alike in every run
    numbered = [9_000_000 + next(numbers) for _ in range(8)]
    model = Model()
    commands: list[Command] = []
    expected: list[tuple[str, Any]] = []
    for _ in range(400):
        number, value = random.choice(numbered), unique()
        user = {"id": number, "email": EMAIL}
        resource, key, subject, values, row = random.choice(
            [
                ("users", user, f"users/{number}/tom%40example.org", {"login": value}, {**user, "login": value}),
                ("people", number, f"people/{number}", {"name": value}, {"id": number, "name": value, "age": None}),
            ]
        )
        match random.choice(["create", "get", "update", "update", "delete"]):
            case "create":
                commands.append(create(resource, **row))
                expected.append(model.create(subject, row if resource == "users" else {**row, "version": 1}))
            case "get":
                commands.append(get(resource, key))
                expected.append(model.get(subject))
            case "update":
                commands.append(update(resource, key, values))
                expected.append(model.update(subject, values))
            case _:
                commands.append(delete(resource, key))
                expected.append(model.delete(subject))
    replies = peer.burst(commands)
    assert [outcome_of(reply) for reply in replies] == expected
    events: dict[str, list[str]] = defaultdict(list)
    for event in peer.events():
        if "subject" in event.content:
            events[event.content["subject"]].append(event.type.rpartition(".")[2])
    assert events == model.event_kinds


def test_lists_among_writes_see_what_came_before_them(peer: Peer) -> None:
    name = unique()
    for number in range(30):
        peer.publish(create("people", name=name, age=number), reply_to=None)
        peer.publish(find("people", where={"name": name}, limit=100), correlation_id=str(number))
    for reply in peer.replies(30):
        assert len(reply.data) > int(str(reply.properties.correlation_id))


def test_large_commands_share_a_burst_with_small_ones(peer: Peer) -> None:
    name = unique()
    large = create_all("people", [{"name": name, "age": number} for number in range(1_000)])
    replies = peer.burst([large, create("people", name=name), large, get("people", 1)])
    assert [len(replies[0].data), len(replies[2].data)] == [1_000, 1_000]
    assert len(peer.events()) == 2_001
