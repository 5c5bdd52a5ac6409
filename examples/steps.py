"""The commands of the demo, with their expected results and events."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """A command with its expected result and events."""

    title: str
    command: dict[str, Any] | bytes
    expect: str = "ok"
    """`ok`, or the code of the error."""
    data: Any = None
    """The expected data of the result; None if not compared."""
    id: str | None = None
    replayed: bool = False
    events: list[str] = field(default_factory=list)


def _people(action: str, **rest: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any value
    return {"resource": "people", "action": action, **rest}


TOM = {"id": 1, "name": "Tom", "age": 38, "version": 1}
CREATED, UPDATED, DELETED, FAILED = "people.created", "people.updated", "people.deleted", "people.failed"

STEPS = [
    Step(
        "create a person", _people("create", data={"name": "Tom", "age": 38}), data=TOM, id="demo-1", events=[CREATED]
    ),
    Step(
        "the same message again: it takes effect once",
        _people("create", data={"name": "Tom", "age": 38}),
        data=TOM,
        id="demo-1",
        replayed=True,
    ),
    Step(
        "its id with another body",
        _people("create", data={"name": "Tim"}),
        expect="id_reused",
        id="demo-1",
        events=[FAILED],
    ),
    Step(
        "create three at once, all or nothing",
        _people("create", data=[{"name": "Ann", "age": 41}, {"name": "Bob", "age": 17}, {"name": "Cleo"}]),
        events=[CREATED] * 3,
    ),
    Step("read one", _people("get", key=1), data=TOM),
    Step(
        "list the adults, oldest first",
        _people("list", where={"age": {"gte": 18}}, order=["-age"], limit=10),
        data=[{"id": 2, "name": "Ann", "age": 41, "version": 1}, TOM],
    ),
    Step(
        "change one at a known version",
        _people("update", key=1, data={"age": 39}, if_version=1),
        data={**TOM, "age": 39, "version": 2},
        events=[UPDATED],
    ),
    Step(
        "change it at an outdated version",
        _people("update", key=1, data={"age": 40}, if_version=1),
        expect="version_mismatch",
        events=[FAILED],
    ),
    Step(
        "change nothing: no event, the version stays",
        _people("update", key=1, data={"age": 39}),
        data={**TOM, "age": 39, "version": 2},
    ),
    Step("an unknown field", _people("create", data={"nmae": "Dan"}), expect="invalid", events=[FAILED]),
    Step(
        "a string instead of a number",
        _people("create", data={"name": "Dan", "age": "7"}),
        expect="invalid",
        events=[FAILED],
    ),
    Step("a missing row", _people("update", key=99, data={"age": 1}), expect="not_found", events=[FAILED]),
    Step(
        "an email for Tom",
        {"resource": "emails", "action": "create", "data": {"person_id": 1, "address": "tom@example.org"}},
        events=["emails.created"],
    ),
    Step(
        "a duplicate of a unique address",
        {"resource": "emails", "action": "create", "data": {"person_id": 2, "address": "tom@example.org"}},
        expect="conflict",
        events=["emails.failed"],
    ),
    Step(
        "an account with a composite key and a hidden password",
        {
            "resource": "users",
            "action": "create",
            "data": {"id": 1, "email": "tom@example.org", "login": "tom", "password_hash": "secret"},
        },
        data={"id": 1, "email": "tom@example.org", "login": "tom"},
        events=["users.created"],
    ),
    Step(
        "read it by its key",
        {"resource": "users", "action": "get", "key": {"id": 1, "email": "tom@example.org"}},
        data={"id": 1, "email": "tom@example.org", "login": "tom"},
    ),
    Step("delete a person", _people("delete", key=3), events=[DELETED]),
    Step("read a deleted row", _people("get", key=3), expect="not_found"),
    Step("an unknown resource", {"resource": "cars", "action": "list"}, expect="unknown_resource"),
    Step("an unknown action", _people("fly"), expect="unknown_action"),
    Step("invalid JSON", b"{name: Tom}", expect="malformed"),
    Step(
        "the next valid command succeeds",
        _people("create", data={"name": "Eve", "age": 22}),
        data={"id": 5, "name": "Eve", "age": 22, "version": 1},
        events=[CREATED],
    ),
]
