"""Named statements."""

from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from crudmq.contract.command import Limits
from crudmq.processing.decoder import Decoder
from crudmq.resources.mapping import ExposureError
from crudmq.resources.registry import Registry
from tests.integration.conftest import Bench


@pytest.fixture
def calling(bench: Bench) -> Bench:
    registry = Registry()
    registry.register_statement("adults", "SELECT id, name FROM people WHERE age >= :age ORDER BY id", age=int)
    registry.register_statement(
        "birthday",
        "UPDATE people SET age = age + :years WHERE id = :id",
        id=int,
        years=int,
        returns="rowcount",
        writes=True,
        event="people.aged",
    )
    registry.register_statement(
        "broken", "INSERT INTO emails (person_id, address) VALUES (:id, 'a')", id=int, returns="rowcount", writes=True
    )
    bench.decoder = Decoder(registry, Limits())
    return bench


def call(name: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any value
    return {"action": "call", "name": name, "params": params}


async def people(bench: Bench) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(
            text("INSERT INTO people (id, name, age, version) VALUES (1, 'Tom', 38, 1), (2, 'Ann', 7, 1)")
        )


async def test_a_read_gives_its_rows(calling: Bench) -> None:
    await people(calling)
    assert (await calling.ask(call("adults", age=18)))["data"] == [{"id": 1, "name": "Tom"}]
    assert (await calling.ask(call("adults", age=99)))["data"] == []
    assert calling.events == []


async def test_a_write_returns_its_row_count_and_publishes_its_event(calling: Bench) -> None:
    await people(calling)
    result = await calling.ask(call("birthday", id=2, years=1), "once")
    assert result["data"] == {"rowcount": 1}
    assert await calling.ask(call("birthday", id=2, years=1), "once") == result
    assert (await calling.ask(call("adults", age=8)))["data"] == [{"id": 1, "name": "Tom"}, {"id": 2, "name": "Ann"}]
    (event,) = calling.events
    assert (event["type"], event["data"]) == ("people.aged", {"call": "birthday", "rowcount": 1})


async def test_what_the_database_refuses_is_a_conflict(calling: Bench) -> None:
    result = await calling.ask(call("broken", id=5))
    assert result["error"]["code"] == "conflict"
    assert [event["type"] for event in calling.events] == ["call.failed"]


async def test_a_write_without_end_is_a_timeout_and_leaves_its_neighbours_alone(calling: Bench) -> None:
    await people(calling)
    registry = Registry()
    registry.register_statement(
        "endless",
        "INSERT INTO people (name, age, version) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT 'n', i, 1 FROM n WHERE i < 0",
        writes=True,
        returns="rowcount",
    )
    registry.register_statement(
        "birthday", "UPDATE people SET age = age + 1 WHERE id = 2", writes=True, returns="rowcount"
    )
    calling.decoder = Decoder(registry, Limits())
    commands = (call("birthday"), call("endless"), call("birthday"))
    results = await calling.run(*(calling.job(command) for command in commands))
    assert [result.get("error", {}).get("code", "ok") for result in results] == ["ok", "timeout", "ok"]
    async with calling.database.reading() as session:
        assert await session.scalar(text("SELECT age FROM people WHERE id = 2")) == 9


@pytest.mark.parametrize(
    ("name", "params", "paths"),
    [
        ("nothing", {}, ["name"]),
        ("adults", {}, ["params.age"]),
        ("adults", {"age": "1"}, ["params.age"]),
        ("adults", {"age": None}, ["params.age"]),
        ("adults", {"age": 1, "limit": 1}, ["params.limit"]),
        ("birthday", {"id": True}, ["params.id", "params.years"]),
    ],
)
async def test_parameters_are_strict(calling: Bench, name: str, params: dict[str, Any], paths: list[str]) -> None:
    result = await calling.ask(call(name, **params))
    assert result["error"]["code"] == "invalid"
    assert [detail["path"] for detail in result["error"]["details"]] == paths


async def test_a_read_that_is_refused_is_a_read_nevertheless(calling: Bench) -> None:
    refused = call("adults", age="x")
    assert (await calling.ask(refused, "read"))["error"]["code"] == "invalid"
    assert calling.events == []
    assert (await calling.ask(call("adults", age=1), "read"))["status"] == "ok"


async def test_a_call_in_a_transaction_sees_and_is_seen(calling: Bench) -> None:
    await people(calling)
    commands = [call("birthday", id=2, years=20), call("adults", age=18), call("birthday", id="x", years=1)]
    result = await calling.ask({"action": "transaction", "commands": commands[:2]})
    assert [step["data"] for step in result["data"]] == [
        {"rowcount": 1},
        [{"id": 1, "name": "Tom"}, {"id": 2, "name": "Ann"}],
    ]
    result = await calling.ask({"action": "transaction", "commands": commands})
    assert [detail["path"] for detail in result["error"]["details"]] == ["commands.2.params.id"]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [("SELECT :a", {}), ("SELECT 1", {"a": int}), ("SELECT :a", {"a": list})],
)
def test_a_statement_and_its_parameters_must_fit(sql: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ExposureError):
        Registry().register_statement("x", sql, **parameters)


def test_a_statement_has_one_name() -> None:
    registry = Registry()
    registry.expose(Table("t", MetaData(), Column("id", Integer, primary_key=True)))
    registry.register_statement("x", "SELECT 1")
    with pytest.raises(ExposureError, match="already registered"):
        registry.register_statement("x", "SELECT 2")
