"""Cases that write."""

from tests.cases.case import Case, Said, case, created, on, people
from tests.cases.reading import ANN, BOB, CLEO, EVERYBODY, TOM


def names(*expected: str) -> Said:
    return Said(people("list", fields=["name"]), [{"name": name} for name in expected])


def group(action: str, **rest: object) -> dict[str, object]:
    return on("groups", action, **rest)


GROUPS = created("groups", {"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"})


def with_groups(person: int, *ids: int) -> Said:
    shown = {"id": person, "groups": [{"id": key} for key in ids]}
    return Said(people("get", key=person, fields=["id"], include={"groups": {"fields": ["id"]}}), shown)


CASES: list[Case] = [
    case(
        "what a write returns",
        Said(people("create", data={"id": 1, "name": "Tom"}, **{"return": "key"}), {"id": 1}),
        Said(
            people("create", data=[{"id": 2, "name": "Ann"}, {"id": 3, "name": "Bob"}], **{"return": "key"}),
            [{"id": 2}, {"id": 3}],
        ),
        Said(people("update", key=1, data={"age": 1}, **{"return": "none"}), events=("people.updated people/1",)),
        Said(people("delete", where={"id": 2}, max_rows=1, **{"return": "key"}), [{"id": 2}]),
        Said(people("create", data={"name": "x"}, **{"return": "all"}), error="invalid", paths=("return",)),
    ),
    case(
        "a dry run does everything and leaves nothing",
        EVERYBODY,
        Said(
            people("create", data={"id": 9, "name": "Eve"}, dry_run=True),
            {"id": 9, "name": "Eve", "age": None, "version": 1},
            extra={"dry_run": True},
            events=(),
        ),
        Said(people("delete", key=1, dry_run=True), {**TOM, "version": 1}, extra={"dry_run": True}, events=()),
        Said(people("update", key=1, data={"age": 1}, dry_run=True), {**TOM, "age": 1, "version": 2}, events=()),
        Said(
            people("update", key=99, data={"age": 1}, dry_run=True),
            error="not_found",
            extra={"dry_run": True},
            events=(),
        ),
        Said(people("get", key=1), {**TOM, "version": 1}),
        Said(people("count"), 4),
    ),
    case(
        "update of the rows that match",
        EVERYBODY,
        Said(
            people("update", where={"age": {"gte": 38}}, data={"age": 41}, max_rows=2),
            [{**TOM, "age": 41, "version": 2}, {**ANN, "version": 1}],
            events=("people.updated people/1",),
        ),
        Said(people("update", where={"age": 5}, data={"age": 6}, max_rows=0), [], events=()),
        Said(
            people("update", where={}, data={"age": 6}, max_rows=3),
            error="limit_exceeded",
            paths=("max_rows",),
            events=("people.failed None",),
        ),
        Said(people("count", where={"age": 6}), 0),
        Said(people("update", where={}, data={"age": 6}), error="invalid", paths=("max_rows",)),
        Said(
            people("update", where={}, data={"age": 6}, max_rows=5, if_version=1),
            error="invalid",
            paths=("if_version",),
        ),
        Said(people("update", where={}, data={"age": 6}, max_rows=1001), error="limit_exceeded", paths=("max_rows",)),
        Said(people("update", key=1, data={"age": 6}, max_rows=5), error="invalid", paths=("max_rows",)),
        Said(people("update", data={"age": 6}), error="invalid", paths=("key",)),
    ),
    case(
        "delete of the rows that match",
        EVERYBODY,
        Said(people("delete", where={"age": {"lt": 40}}, max_rows=1), error="limit_exceeded"),
        Said(
            people("delete", where={"age": {"lt": 40}}, max_rows=2),
            [{**TOM, "version": 1}, {**CLEO, "version": 1}],
            events=("people.deleted people/1", "people.deleted people/4"),
        ),
        names("Ann", "Bob_%"),
    ),
    case(
        "update of several rows, each in its own way, all or nothing",
        EVERYBODY,
        Said(
            people(
                "update", data=[{"key": 1, "data": {"age": 1}}, {"key": 2, "data": {"name": "Anna"}, "if_version": 1}]
            ),
            [{**TOM, "age": 1, "version": 2}, {**ANN, "name": "Anna", "version": 2}],
            events=("people.updated people/1", "people.updated people/2"),
        ),
        Said(
            people("update", data=[{"key": 3, "data": {"age": 1}}, {"key": 2, "data": {"age": 2}, "if_version": 1}]),
            error="version_mismatch",
            paths=("data.1.if_version",),
        ),
        Said(
            people("update", data=[{"key": 3, "data": {"age": 1}}, {"key": 9, "data": {}}]),
            error="not_found",
            paths=("data.1",),
        ),
        Said(people("get", key=3), {**BOB, "version": 1}),
        Said(
            people("update", data=[{"key": 3, "data": {"age": 1}}, {"key": 3, "data": {"age": 2}, "if_version": 2}]),
            [{**BOB, "age": 1, "version": 2}, {**BOB, "age": 2, "version": 3}],
        ),
        Said(
            people("update", data=[{"key": "x", "data": {"age": "y"}}, {"data": {}}, 5]),
            error="invalid",
            paths=("data.0.key", "data.1.key", "data.2"),
        ),
        Said(people("update", data=[]), error="invalid", paths=("data",)),
        Said(people("update", data=[], key=1), error="invalid"),
        Said(
            group("update", data=[{"key": 1, "data": {}, "if_version": 1}]),
            error="invalid",
            paths=("data.0.if_version",),
        ),
    ),
    case(
        "upsert by the primary key",
        EVERYBODY,
        Said(
            people(
                "upsert", data=[{"id": 1, "name": "Tom", "age": 39}, {"id": 9, "name": "Eve"}, {"id": 2, "name": "Ann"}]
            ),
            [
                {**TOM, "age": 39, "version": 2},
                {"id": 9, "name": "Eve", "age": None, "version": 1},
                {**ANN, "version": 1},
            ],
            extra={"created": 1},
            events=("people.updated people/1", "people.created people/9"),
        ),
        Said(
            people("upsert", data={"id": 1, "name": "Tom"}),
            {**TOM, "age": 39, "version": 2},
            extra={"created": 0},
            events=(),
        ),
        Said(
            people("upsert", data=[{"id": 7, "name": "A"}, {"id": 7, "name": "B"}]),
            [{"id": 7, "name": "A", "age": None, "version": 1}, {"id": 7, "name": "B", "age": None, "version": 2}],
            extra={"created": 1},
        ),
        Said(people("upsert", data={"id": 1, "age": 1}), error="invalid", paths=("data.name",)),
    ),
    case(
        "upsert by another unique key",
        GROUPS,
        Said(
            group("upsert", data=[{"name": "b"}, {"name": "d", "id": 4}], on=["name"]),
            [{"id": 2, "name": "b"}, {"id": 4, "name": "d"}],
            extra={"created": 1},
            events=("groups.created groups/4",),
        ),
        Said(group("upsert", data={"name": "b", "id": 5}, on=["name"]), error="conflict"),
        Said(group("upsert", data={"name": "b"}, on=["id", "name"]), error="invalid", paths=("on",)),
        Said(people("upsert", data={"name": "b"}, on=["name"]), error="invalid", paths=("on",)),
        Said(
            on("users", "upsert", data={"id": 1, "email": "e", "login": "l"}, on=["email", "id"]),
            {"id": 1, "email": "e", "login": "l"},
            extra={"created": 1},
        ),
    ),
    case(
        "rows inline",
        GROUPS,
        Said(
            people(
                "create",
                data={
                    "id": 1,
                    "name": "Tom",
                    "emails": [{"id": 1, "address": "a"}, {"id": 2, "address": "b"}],
                    "profile": {"id": 1, "bio": "x"},
                    "groups": {"add": [1, 3]},
                },
            ),
            {
                "id": 1,
                "name": "Tom",
                "age": None,
                "version": 1,
                "emails": [{"id": 1, "person_id": 1, "address": "a"}, {"id": 2, "person_id": 1, "address": "b"}],
                "profile": {"id": 1, "person_id": 1, "bio": "x"},
                "groups": [{"id": 1}, {"id": 3}],
            },
            events=(
                "people.created people/1",
                "emails.created emails/1",
                "emails.created emails/2",
                "profiles.created profiles/1",
            ),
        ),
        with_groups(1, 1, 3),
        Said(
            people("create", data={"id": 2, "name": "Tim", "emails": [{"address": "c"}, {"address": "a"}]}),
            error="conflict",
            events=("people.failed None",),
        ),
        Said(people("count"), 1),
        Said(on("emails", "count"), 2),
        Said(
            people("create", data={"name": "x", "emails": [{"address": 1, "person_id": 1}, {}]}),
            error="invalid",
            paths=("data.emails.0.address", "data.emails.0.person_id", "data.emails.1.address"),
        ),
        Said(people("create", data={"name": "x", "emails": {}}), error="invalid", paths=("data.emails",)),
        Said(people("create", data={"name": "x", "profile": []}), error="invalid", paths=("data.profile",)),
        Said(
            on("emails", "create", data={"address": "x", "person": {}}),
            error="invalid",
            paths=("data.person", "data.person_id"),
        ),
        Said(people("update", key=1, data={"emails": []}), error="invalid", paths=("data.emails",)),
    ),
    case(
        "many to many",
        GROUPS,
        created("people", {"id": 1, "name": "Tom"}),
        Said(
            people("update", key=1, data={"groups": {"add": [2, 1, 2]}}),
            {"id": 1, "name": "Tom", "age": None, "version": 2},
            events=("people.updated people/1",),
        ),
        with_groups(1, 1, 2),
        Said(people("update", key=1, data={"groups": {"add": [2], "remove": [3]}}), events=()),
        Said(
            people("update", key=1, data={"groups": {"set": [3, 2]}}, if_version=2),
            {"id": 1, "name": "Tom", "age": None, "version": 3},
            events=("people.updated people/1",),
        ),
        with_groups(1, 2, 3),
        Said(
            group("update", key=3, data={"people": {"remove": [1]}}),
            {"id": 3, "name": "c"},
            events=("groups.updated groups/3",),
        ),
        with_groups(1, 2),
        Said(people("update", key=1, data={"age": 5, "groups": {"add": [99]}}), error="conflict"),
        Said(people("get", key=1), {"id": 1, "name": "Tom", "age": None, "version": 3}),
        Said(
            people("update", key=1, data={"groups": {"set": [], "add": [1]}}),
            error="invalid",
            paths=("data.groups.set",),
        ),
        Said(
            people("update", key=1, data={"groups": {"add": ["x"], "drop": 1}}), error="invalid", paths=("data.groups",)
        ),
        Said(people("update", key=1, data={"groups": {"add": ["x"]}}), error="invalid", paths=("data.groups.add.0",)),
    ),
    case(
        "a transaction is all or nothing",
        Said(
            {
                "action": "transaction",
                "commands": [
                    people("create", data={"id": 1, "name": "Tom"}) | {"as": "tom"},
                    on("emails", "create", data={"id": 1, "person_id": {"$ref": "tom.id"}, "address": "a"}),
                    people("update", key={"$ref": "tom.id"}, data={"age": 7}, if_version={"$ref": "tom.version"}),
                    people("list", fields=["id", "age"]),
                ],
            },
            [
                {
                    "status": "ok",
                    "resource": "people",
                    "action": "create",
                    "data": {"id": 1, "name": "Tom", "age": None, "version": 1},
                },
                {
                    "status": "ok",
                    "resource": "emails",
                    "action": "create",
                    "data": {"id": 1, "person_id": 1, "address": "a"},
                },
                {
                    "status": "ok",
                    "resource": "people",
                    "action": "update",
                    "data": {"id": 1, "name": "Tom", "age": 7, "version": 2},
                },
                {
                    "status": "ok",
                    "resource": "people",
                    "action": "list",
                    "data": [{"id": 1, "age": 7}],
                    "page": {"limit": 100, "next": None},
                },
            ],
            events=("people.created people/1", "emails.created emails/1", "people.updated people/1"),
        ),
        Said(
            {
                "action": "transaction",
                "commands": [
                    people("create", data={"id": 2, "name": "Ann"}),
                    on("emails", "create", data={"person_id": 2, "address": "a"}),
                ],
            },
            error="conflict",
            paths=("commands.1.data",),
            events=("transaction.failed None",),
        ),
        Said(
            {
                "action": "transaction",
                "commands": [people("create", data={"id": 2, "name": "Ann"}), people("update", key=9, data={})],
            },
            error="not_found",
            paths=("commands.1",),
        ),
        Said(people("count"), 1),
        Said(
            {
                "action": "transaction",
                "commands": [people("create", data={"name": "x"}), people("create", data={"name": 1})],
            },
            error="invalid",
            paths=("commands.1.data.name",),
        ),
        Said(
            {"action": "transaction", "commands": [people("get", key={"$ref": "tom.id"})]},
            error="invalid",
            paths=("commands.0.key",),
        ),
        Said(
            {
                "action": "transaction",
                "commands": [
                    people("create", data={"id": 5, "name": "x"}) | {"as": "x"},
                    people("get", key={"$ref": "x.nothing"}),
                ],
            },
            error="invalid",
            paths=("commands.1.key",),
        ),
        Said({"action": "transaction", "commands": []}, error="invalid", paths=("commands",)),
        Said(
            {"action": "transaction", "commands": [people("count")] * 101}, error="limit_exceeded", paths=("commands",)
        ),
        Said(
            {"action": "transaction", "commands": [{"action": "transaction", "commands": []}]},
            error="invalid",
            paths=("commands.0.action",),
        ),
        Said(
            {"action": "transaction", "commands": [people("delete", key=1, dry_run=True)]},
            error="invalid",
            paths=("commands.0.dry_run",),
        ),
        Said({"action": "transaction", "commands": [people("fly")]}, error="unknown_action", paths=("commands.0",)),
        Said(
            {"action": "transaction", "commands": [people("update", key=1, data={"age": 8})], "dry_run": True},
            extra={"dry_run": True},
            events=(),
        ),
        Said(people("get", key=1, fields=["age"]), {"age": 7}),
    ),
    case(
        "limits, before any SQL",
        Said(people("create", data=[{"name": "x"}] * 1001), error="limit_exceeded", paths=("data",)),
        Said(people("list", where={"age": {"in": [1] * 1001}}), error="limit_exceeded", paths=("where.age.in",)),
        Said(people("list", where={"or": [{"age": 1}] * 101}), error="limit_exceeded"),
        Said(
            people("list", where={"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}}}}),
            error="limit_exceeded",
        ),
    ),
    case(
        "a conflict names the constraint and the fields",
        created("people", {"id": 1, "name": "Tom"}),
        created("emails", {"id": 1, "person_id": 1, "address": "a"}),
        Said(on("emails", "create", data={"person_id": 1, "address": "a"}), error="conflict", paths=("data",)),
        Said(on("emails", "create", data={"id": 1, "person_id": 1, "address": "b"}), error="conflict", paths=("data",)),
        Said(people("delete", key=1), error="conflict"),
    ),
]
