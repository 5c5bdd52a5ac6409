"""The limits that depend on rows: what reaches one passes, one more does not."""

from typing import Any

import pytest

from crudmq.contract.command import Limits
from crudmq.examples.models import Person
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import Registry
from tests.integration.conftest import Bench

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
