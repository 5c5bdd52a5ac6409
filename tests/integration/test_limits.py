"""The limits that depend on rows: what reaches one passes, one more does not."""

from typing import Any

import pytest

from crudmq.contract.command import Limits
from crudmq.examples.models import Person
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import Registry, load
from crudmq.storage.database import Database
from tests.integration.conftest import Bench
from tests.support.execution import Execution

PAGE = 3
COMMANDS: dict[str, dict[str, Any]] = {
    "groups of a count": {"resource": "people", "action": "count", "by": ["name"]},
    "rows of a call": {"action": "call", "name": "everybody"},
    "rows of an update": {
        "resource": "people",
        "action": "update",
        "where": {},
        "data": {"age": 1},
        "max_rows": PAGE,
    },
    "rows of a delete": {"resource": "people", "action": "delete", "where": {}, "max_rows": PAGE},
}


@pytest.fixture
def limited(bench: Bench) -> Bench:
    registry = Registry()
    registry.expose(Person)
    registry.register_statement("everybody", "SELECT id FROM people ORDER BY id")
    bench.decoder = Decoder(registry, Limits(max_page=PAGE))
    return bench


async def create(bench: Bench, count: int) -> None:
    rows = [{"name": str(number)} for number in range(count)]
    assert (await bench.ask({"resource": "people", "action": "create", "data": rows}))["status"] == "ok"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_as_many_rows_as_the_limit_pass(limited: Bench, command: dict[str, Any]) -> None:
    await create(limited, PAGE)
    result = await limited.ask(command)
    assert len(result["data"]) == PAGE


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_one_row_more_than_the_limit_exceeds_it(limited: Bench, command: dict[str, Any]) -> None:
    await create(limited, PAGE + 1)
    result = await limited.ask(command)
    assert result["error"]["code"] == "limit_exceeded"
    assert (await limited.ask({"resource": "people", "action": "count", "where": {"age": None}}))["data"] == PAGE + 1


MAX_RESULT_BYTES = 2000
LONG = "é" * 100


@pytest.fixture
def terse(database: Database) -> Bench:
    execution = Execution.on(database, max_result_bytes=MAX_RESULT_BYTES)
    return Bench(database, execution, Decoder(load("crudmq.examples.models"), Limits()))


def person(count: int, name: str = LONG) -> dict[str, Any]:
    return {"resource": "people", "action": "create", "data": [{"name": name}] * count}


async def people(bench: Bench) -> int:
    counted = await bench.ask({"resource": "people", "action": "count"})
    return int(counted["data"])


async def test_a_write_whose_result_is_too_large_has_no_effect_and_its_neighbours_have(terse: Bench) -> None:
    jobs = [terse.job(command) for command in (person(1), person(10), person(2), person(20))]
    results = await terse.run(*jobs)
    assert [result.get("error", {}).get("code") for result in results] == [None, "limit_exceeded"] * 2
    assert await people(terse) == 3
    assert len([event for event in terse.events if event["type"] == "people.created"]) == 3


async def test_the_error_of_a_write_whose_result_is_too_large_is_the_answer_to_a_repeat(terse: Bench) -> None:
    assert await terse.ask(person(10), "one") == await terse.ask(person(10), "one")
    assert await people(terse) == 0


async def test_an_update_whose_event_is_too_large_has_no_effect(terse: Bench) -> None:
    bio = "a" * 900
    await terse.ask(person(1))
    create_profile = {"resource": "profiles", "action": "create", "return": "key", "data": {"person_id": 1, "bio": bio}}
    assert (await terse.ask(create_profile))["status"] == "ok"
    update: dict[str, Any] = {"resource": "profiles", "action": "update", "key": 1, "data": {"bio": "b" * 900}}
    assert (await terse.ask({**update, "return": "none"}))["error"]["code"] == "limit_exceeded"
    shown = await terse.ask({"resource": "profiles", "action": "get", "key": 1})
    assert shown["data"]["bio"] == bio


@pytest.mark.parametrize("action", [{"action": "list"}, {"action": "get", "key": 1, "include": ["emails"]}])
async def test_a_read_whose_result_is_too_large_exceeds_the_limit(terse: Bench, action: dict[str, Any]) -> None:
    for _ in range(5):
        await terse.ask(person(2))
    emails = [{"person_id": 1, "address": f"{number}@{'x' * 100}"} for number in range(16)]
    for email in emails:
        await terse.ask({"resource": "emails", "action": "create", "data": email})
    result = await terse.ask({"resource": "people", **action})
    assert result["error"]["code"] == "limit_exceeded"


async def test_a_dry_run_whose_result_is_too_large_exceeds_the_limit(terse: Bench) -> None:
    results = await terse.run(terse.job({**person(10), "dry_run": True}), terse.job(person(1)))
    assert [result["status"] for result in results] == ["error", "ok"]


async def test_includes_load_no_more_rows_than_the_limit_in_all(bench: Bench) -> None:
    groups, members = 10, 10
    rows = [{"id": number, "name": str(number)} for number in range(1, groups + 1)]
    assert (await bench.ask({"resource": "groups", "action": "create", "data": rows}))["status"] == "ok"
    links = {"groups": {"add": list(range(1, groups + 1))}}
    people = [{"name": str(number), **links} for number in range(members)]
    assert (await bench.ask({"resource": "people", "action": "create", "data": people}))["status"] == "ok"
    # 10 groups, each with 10 people, each of them with 10 groups: 1,100 related rows, of which 200 are loaded.
    multiplying = {"resource": "groups", "action": "list", "limit": groups, "include": ["people.groups"]}
    assert (await bench.ask(multiplying))["status"] == "ok"
    bench.decoder = Decoder(load("crudmq.examples.models"), Limits(max_page=groups))
    for include, code in ({"include": ["people"]}, None), (multiplying, "limit_exceeded"):
        result = await bench.ask({**multiplying, **include})
        assert result.get("error", {}).get("code") == code
