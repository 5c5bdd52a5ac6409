"""Cases that read."""

from tests.cases.case import Case, Said, case, created, on, people

TOM, ANN, BOB, CLEO = (
    {"id": 1, "name": "Tom", "age": 38},
    {"id": 2, "name": "Ann", "age": 41},
    {"id": 3, "name": "Bob_%", "age": None},
    {"id": 4, "name": "cleo\\", "age": 17},
)
EVERYBODY = created("people", TOM, ANN, BOB, CLEO)
MAILS = created(
    "emails",
    {"id": 1, "person_id": 1, "address": "tom@example.org"},
    {"id": 2, "person_id": 1, "address": "tom@example.com"},
    {"id": 3, "person_id": 2, "address": "ann@example.org"},
)


def finds(where: object, *ids: int) -> Said:
    return Said(people("list", where=where, fields=["id"]), [{"id": key} for key in ids])


def refused(where: object, *paths: str) -> Said:
    return Said(people("list", where=where), error="invalid", paths=paths)


FILTERS = [
    finds({}, 1, 2, 3, 4),
    finds({"age": 38}, 1),
    finds({"age": {"eq": 38}}, 1),
    finds({"age": {"neq": 38}}, 2, 4),
    finds({"age": {"gt": 38}}, 2),
    finds({"age": {"gte": 38}}, 1, 2),
    finds({"age": {"lt": 38}}, 4),
    finds({"age": {"lte": 38}}, 1, 4),
    finds({"age": {"gte": 17, "lt": 41}}, 1, 4),
    finds({"age": {"between": [17, 38]}}, 1, 4),
    finds({"age": {"between": [38, 17]}}),
    finds({"age": {"in": [38, 41, 38]}}, 1, 2),
    finds({"age": {"in": []}}),
    finds({"age": {"not_in": [38]}}, 2, 4),
    finds({"age": {"not_in": []}}, 1, 2, 3, 4),
    finds({"age": None}, 3),
    finds({"age": {"eq": None}}, 3),
    finds({"age": {"neq": None}}, 1, 2, 4),
    finds({"age": {"is_null": True}}, 3),
    finds({"age": {"is_null": False}}, 1, 2, 4),
    finds({"not": {"age": 38}}, 2, 4),
    finds({"not": {"age": None}}, 1, 2, 4),
    finds({"and": [{"age": {"gt": 1}}, {"name": "Tom"}]}, 1),
    finds({"or": [{"age": 17}, {"name": "Tom"}, {"age": None}]}, 1, 3, 4),
    finds({"name": "Ann", "or": [{"age": 17}, {"age": 41}]}, 2),
    finds({"not": {"or": [{"name": "Tom"}, {"not": {"name": {"like": "%n%"}}}]}}, 2),
    finds({"name": {"like": "T%"}}, 1),
    finds({"name": {"like": "t%"}}),
    finds({"name": {"like": "_nn"}}, 2),
    finds({"name": {"like": "%\\_\\%"}}, 3),
    finds({"name": {"like": "%\\\\"}}, 4),
    finds({"name": {"ilike": "T%"}}, 1),
    finds({"name": {"ilike": "CLEO%"}}, 4),
    finds({"name": {"starts_with": "Bob_"}}, 3),
    finds({"name": {"starts_with": "B%"}}),
    finds({"name": {"ends_with": "_%"}}, 3),
    finds({"name": {"ends_with": "\\"}}, 4),
    finds({"name": {"contains": "o"}}, 1, 3, 4),
    finds({"name": {"contains": "_"}}, 3),
    finds({"name": {"in": ["Tom", "tom", "Ann "]}}, 1),
    finds({"name": {"gt": "Tom"}}, 4),
]
THROUGH = [
    finds({"emails": {"any": {}}}, 1, 2),
    finds({"emails": {"none": {}}}, 3, 4),
    finds({"emails": {"any": {"address": {"like": "%.com"}}}}, 1),
    finds({"emails": {"none": {"address": {"like": "%.com"}}}}, 2, 3, 4),
    finds({"emails": {"every": {"address": {"like": "%.org"}}}}, 2, 3, 4),
    finds({"emails": {"every": {"not": {"address": {"starts_with": "nobody"}}}}}, 1, 2, 3, 4),
    finds({"emails": {"any": {"person": {"any": {"name": "Ann"}}}}}, 2),
    finds({"not": {"emails": {"any": {}}}, "age": 17}, 4),
]
FAULTS = [
    refused([], "where"),
    refused({"nothing": 1}, "where.nothing"),
    refused({"age": {}}, "where.age"),
    refused({"age": {"like": "3%"}}, "where.age.like"),
    refused({"age": {"gt": "1"}}, "where.age.gt"),
    refused({"age": {"gt": None}}, "where.age.gt"),
    refused({"age": {"in": 1}}, "where.age.in"),
    refused({"age": {"in": [None]}}, "where.age.in"),
    refused({"age": {"between": [1]}}, "where.age.between"),
    refused({"age": {"is_null": 1}}, "where.age.is_null"),
    refused({"age": {"is": 1}}, "where.age.is"),
    refused({"age": 2**40}, "where.age"),
    refused({"name": {"like": "a\\"}}, "where.name.like"),
    refused({"name": {"contains": "\0"}}, "where.name.contains"),
    refused({"or": []}, "where.or"),
    refused({"and": {}}, "where.and"),
    refused({"not": []}, "where.not"),
    refused(
        {"age": "x", "or": [{"name": 1}, {"name": {"gt": 2}}]}, "where.age", "where.or.0.name", "where.or.1.name.gt"
    ),
    refused({"emails": 1}, "where.emails"),
    refused({"emails": {"any": {"nothing": 1}}}, "where.emails.any.nothing"),
    refused({"friends": {"any": {}}}, "where.friends.any"),
]


def ordered(order: list[str], *ids: int, **rest: object) -> Said:
    return Said(people("list", order=order, fields=["id"], **rest), [{"id": key} for key in ids])


CASES: list[Case] = [
    case("filters", EVERYBODY, *FILTERS),
    case("filters through relationships", EVERYBODY, MAILS, *THROUGH),
    case("faults of filters, each with its path", EVERYBODY, *FAULTS),
    case(
        "orders: nulls are the largest, the key is the last word",
        EVERYBODY,
        created("people", {"id": 5, "name": "Tom", "age": 17}),
        ordered([], 1, 2, 3, 4, 5),
        ordered(["-id"], 5, 4, 3, 2, 1),
        ordered(["age"], 4, 5, 1, 2, 3),
        ordered(["-age"], 3, 2, 1, 4, 5),
        ordered(["age", "-id"], 5, 4, 1, 2, 3),
        ordered(["age", "-id", "-age", "id"], 5, 4, 1, 2, 3),
        ordered(["-name", "age"], 4, 5, 1, 3, 2),
        ordered(["age"], 5, 1, limit=2, offset=1),
        ordered(["age"], limit=0),
        ordered(["age"], offset=100),
        Said(people("list", order=["nothing", "-age", ""]), error="invalid", paths=("order.0", "order.2")),
        Said(people("list", limit=1001), error="limit_exceeded", paths=("limit",)),
        Said(people("list", limit=-1), error="invalid", paths=("limit",)),
        Said(people("list", after="x", offset=1), error="invalid", paths=("offset", "after")),
        Said(people("list", after="bm9uc2Vuc2U="), error="invalid", paths=("after",)),
    ),
    case(
        "fields, and counts beside pages",
        EVERYBODY,
        Said(people("list", fields=["name"], where={"id": 1}, count=True), [{"name": "Tom"}]),
        Said(people("list", where={"age": {"gt": 1}}, limit=2, count=True, fields=["id"]), [{"id": 1}, {"id": 2}]),
        Said(people("get", key=1, fields=["age", "id"]), {"age": 38, "id": 1}),
        Said(people("get", key=1, fields=["nothing", "id"]), error="invalid", paths=("fields.0",)),
        Said(on("users", "list", fields=["password_hash"]), error="invalid", paths=("fields.0",)),
        Said(on("users", "list", where={"password_hash": "x"}), error="invalid", paths=("where.password_hash",)),
        Said(on("users", "list", order=["password_hash"]), error="invalid", paths=("order.0",)),
    ),
    case(
        "get by what matches",
        EVERYBODY,
        Said(people("get", where={"name": "Tom"}), {**TOM, "version": 1}),
        Said(people("get", where={"name": "Tim"}), error="not_found"),
        Said(people("get", where={"age": {"gt": 1}}), error="multiple_found"),
        Said(people("get", where={}, key=1), error="invalid", paths=("where",)),
        Said(people("get"), error="invalid", paths=("key",)),
    ),
    case(
        "count, all or by groups",
        EVERYBODY,
        created("people", {"id": 5, "name": "Tom", "age": 17}),
        Said(people("count"), 5),
        Said(people("count", where={"age": {"gt": 17}}), 2),
        Said(
            people("count", by=["age"]),
            [
                {"age": 17, "count": 2},
                {"age": 38, "count": 1},
                {"age": 41, "count": 1},
                {"age": None, "count": 1},
            ],
        ),
        Said(
            people("count", by=["name", "age"], where={"name": "Tom"}),
            [{"name": "Tom", "age": 17, "count": 1}, {"name": "Tom", "age": 38, "count": 1}],
        ),
        Said(people("count", by=["nothing"]), error="invalid", paths=("by.0",)),
        Said(people("count", by=[]), error="invalid", paths=("by",)),
    ),
    case(
        "includes",
        EVERYBODY,
        MAILS,
        created("profiles", {"id": 1, "person_id": 2, "bio": "hello"}),
        Said(
            people("list", fields=["id"], include=["emails", "profile"], where={"id": {"lte": 3}}),
            [
                {
                    "id": 1,
                    "emails": [
                        {"id": 1, "person_id": 1, "address": "tom@example.org"},
                        {"id": 2, "person_id": 1, "address": "tom@example.com"},
                    ],
                    "profile": None,
                },
                {
                    "id": 2,
                    "emails": [{"id": 3, "person_id": 2, "address": "ann@example.org"}],
                    "profile": {"id": 1, "person_id": 2, "bio": "hello"},
                },
                {"id": 3, "emails": [], "profile": None},
            ],
        ),
        Said(
            people("get", key=1, fields=["id"], include={"emails": {"fields": ["id"], "order": ["-id"], "limit": 1}}),
            {"id": 1, "emails": [{"id": 2}]},
        ),
        Said(
            people(
                "get",
                key=1,
                fields=["id"],
                include={"emails": {"where": {"address": {"like": "%.org"}}, "fields": ["id"]}},
            ),
            {"id": 1, "emails": [{"id": 1}]},
        ),
        Said(
            on(
                "emails",
                "list",
                fields=["id"],
                include={"person": {"fields": ["name"], "include": ["profile"]}},
                where={"id": 3},
            ),
            [{"id": 3, "person": {"name": "Ann", "profile": {"id": 1, "person_id": 2, "bio": "hello"}}}],
        ),
        Said(
            on("profiles", "get", key=1, fields=["id"], include=["person.emails", "person"]),
            {
                "id": 1,
                "person": {**ANN, "version": 1, "emails": [{"id": 3, "person_id": 2, "address": "ann@example.org"}]},
            },
        ),
        Said(people("list", include=["friends"]), error="invalid", paths=("include.friends",)),
        Said(
            people("list", include={"emails": {"fields": ["x"]}}), error="invalid", paths=("include.emails.fields.0",)
        ),
        Said(people("list", include={"emails": {"sort": 1}}), error="invalid", paths=("include.emails.sort",)),
        Said(
            people("list", include={"emails": {"limit": 1001}}), error="limit_exceeded", paths=("include.emails.limit",)
        ),
        Said(people("list", include=["emails.person.emails.person"]), error="limit_exceeded"),
    ),
]
