"""What the demo says to the service, and what should come back."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """A command, the answer that should come, and the events that should follow."""

    title: str
    command: dict[str, Any] | bytes
    expect: str = "ok"
    """`ok`, or the code of the error."""
    data: Any = None
    """What the result's data should be, where that is worth a check."""
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
        "the same message again: nothing happens twice",
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
        "change one, if nobody did before",
        _people("update", key=1, data={"age": 39}, if_version=1),
        data={**TOM, "age": 39, "version": 2},
        events=[UPDATED],
    ),
    Step(
        "change it from the old version",
        _people("update", key=1, data={"age": 40}, if_version=1),
        expect="version_mismatch",
        events=[FAILED],
    ),
    Step(
        "change nothing: no event, the version stays",
        _people("update", key=1, data={"age": 39}),
        data={**TOM, "age": 39, "version": 2},
    ),
    Step("a field that there is not", _people("create", data={"nmae": "Dan"}), expect="invalid", events=[FAILED]),
    Step("text for a number", _people("create", data={"name": "Dan", "age": "7"}), expect="invalid", events=[FAILED]),
    Step("a row that there is not", _people("update", key=99, data={"age": 1}), expect="not_found", events=[FAILED]),
    Step(
        "an email for Tom",
        {"resource": "emails", "action": "create", "data": {"person_id": 1, "address": "tom@example.org"}},
        events=["emails.created"],
    ),
    Step(
        "the address again: it is unique",
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
    Step("read what is gone", _people("get", key=3), expect="not_found"),
    Step("a resource that there is not", {"resource": "cars", "action": "list"}, expect="unknown_resource"),
    Step("an action that there is not", _people("fly"), expect="unknown_action"),
    Step("not JSON at all", b"{name: Tom}", expect="malformed"),
    Step(
        "and the next good command works",
        _people("create", data={"name": "Eve", "age": 22}),
        data={"id": 5, "name": "Eve", "age": 22, "version": 1},
        events=[CREATED],
    ),
]
