"""What reading costs, and pages that stay right while rows come and go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event, insert

from crudmq.examples.models import Email, Person
from tests.integration.conftest import Bench

PAGE = 100


@dataclass(frozen=True)
class Statement:
    """What was sent to the database."""

    text: str
    parameters: Any


@contextmanager
def statements(bench: Bench) -> Iterator[list[Statement]]:
    """Listen to what is sent to the database, but for the inbox."""
    executed: list[Statement] = []

    def listen(_connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401 - a hook
        if text.startswith(("SELECT", "WITH")) and "crudmq_inbox" not in text:
            executed.append(Statement(text, parameters))

    engine = bench.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    yield executed
    event.remove(engine, "before_cursor_execute", listen)


async def put(bench: Bench, table: Any, rows: list[dict[str, Any]]) -> None:  # noqa: ANN401 - a mapped class
    async with bench.database.writing.begin() as session:
        for start in range(0, len(rows), 5000):
            await session.execute(insert(table), rows[start : start + 5000])


def person(number: int, age: int | None = None) -> dict[str, Any]:
    return {"id": number, "name": f"p{number}", "age": age, "version": 1}


async def test_includes_take_a_statement_for_each_relationship_however_many_rows_there_are(bench: Bench) -> None:
    await put(bench, Person, [person(number) for number in range(1, 301)])
    await put(bench, Email, [{"id": n, "person_id": n % 300 + 1, "address": f"a{n}"} for n in range(1, 901)])
    counts = []
    for limit in (1, 10, 300):
        with statements(bench) as executed:
            command = {
                "resource": "people",
                "action": "list",
                "limit": limit,
                "include": ["emails.person.profile", "groups", {"profile": {}}],
            }
            result = await bench.ask(command)
        assert len(result["data"]) == limit
        assert all(len(row["emails"]) == 3 for row in result["data"])
        counts.append(len(executed))
    assert counts == [6] * 3, "the page, emails, their person, that one's profile, groups, profile"


async def pages(bench: Bench, limit: int, **command: Any) -> list[list[int]]:  # noqa: ANN401 - JSON is any value
    ids: list[list[int]] = []
    after: dict[str, str] = {}
    while True:
        whole = {"resource": "people", "action": "list", "limit": limit, "fields": ["id"], **command, **after}
        result = await bench.ask(whole)
        ids.append([row["id"] for row in result["data"]])
        if result["page"]["next"] is None:
            return ids
        after = {"after": result["page"]["next"]}


ORDERS = [[], ["-id"], ["age"], ["-age"], ["age", "-id"], ["-age", "name"], ["name", "-age"], ["-name", "age", "-id"]]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(order) or "key")
async def test_pages_by_cursor_are_the_whole_list(bench: Bench, order: list[str]) -> None:
    ages = [3, None, 1, 1, 4, None, 3, 3, 2, None, 1, 2]
    await put(bench, Person, [{**person(n, age), "name": f"p{n % 5}"} for n, age in enumerate(ages, start=1)])
    whole = await bench.ask({"resource": "people", "action": "list", "order": order})
    for limit in range(1, len(ages) + 2):
        ids = await pages(bench, limit, order=order)
        assert [key for page in ids for key in page] == [row["id"] for row in whole["data"]]
        assert all(len(page) == limit for page in ids[:-1])


async def test_pages_skip_and_repeat_nothing_while_rows_come_and_go(bench: Bench) -> None:
    await put(bench, Person, [person(number, number % 3) for number in range(1, 31)])
    command = {"resource": "people", "action": "list", "order": ["age"], "limit": 5, "fields": ["id"]}
    seen: list[int] = []
    after: dict[str, str] = {}
    for number in range(100, 200):
        result = await bench.ask({**command, **after})
        seen += [row["id"] for row in result["data"]]
        if result["page"]["next"] is None:
            break
        after = {"after": result["page"]["next"]}
        # A row before the position, and the row at the position itself: neither moves the rows after it.
        await bench.ask({"resource": "people", "action": "create", "data": {"id": number, "name": "x", "age": -1}})
        await bench.ask({"resource": "people", "action": "delete", "key": seen[-1]})
    assert sorted(seen) == list(range(1, 31))


@pytest.mark.parametrize(
    "change", [{"order": ["-age"]}, {"where": {"age": 1}}, {"resource": "groups"}, {"after": "AAAA"}, {"after": "é"}]
)
async def test_a_cursor_fits_its_own_query_only(bench: Bench, change: dict[str, Any]) -> None:
    await put(bench, Person, [person(number) for number in range(1, 5)])
    command = {"resource": "people", "action": "list", "limit": 2}
    cursor = (await bench.ask(command))["page"]["next"]
    assert (await bench.ask({**command, "after": cursor, "limit": 1, "fields": ["name"]}))["status"] == "ok"
    result = await bench.ask({**command, "after": cursor, **change})
    assert result["error"]["code"] == "invalid"
    flipped = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    assert (await bench.ask({**command, "after": flipped}))["error"]["code"] == "invalid"


SOUGHT = {
    "sqlite": "rowid>?",
    "postgresql": "Index Cond: (id >",
    "mysql": "'range', 'PRIMARY'",
    "mariadb": "'range', 'PRIMARY'",
}
"""What each database says of a statement that enters the key's index where a page ended, whatever lies before."""


async def test_a_late_page_is_sought_by_its_key_and_not_counted_off(bench: Bench) -> None:
    many = 20_000
    await put(bench, Person, [person(number) for number in range(1, many + 1)])
    command = {"resource": "people", "action": "list", "limit": PAGE, "fields": ["id"]}
    cursor = (await bench.ask({**command, "offset": many - 2 * PAGE}))["page"]["next"]
    with statements(bench) as executed:
        last = await bench.ask({**command, "after": cursor})
    assert [row["id"] for row in last["data"]] == list(range(many - PAGE + 1, many + 1))
    (statement,) = executed
    dialect = bench.database.engine.dialect.name
    explain = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN"
    async with bench.database.engine.connect() as connection:
        plan = (await connection.exec_driver_sql(f"{explain} {statement.text}", statement.parameters)).all()
    assert SOUGHT[dialect] in str(plan)
