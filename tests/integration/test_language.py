"""The table of cases, through the executor."""

import pytest

from tests.cases import reading, writing
from tests.cases.case import Case, Said
from tests.integration.conftest import Bench

CASES = [*reading.CASES, *writing.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_each_case_is_answered_as_the_table_says(bench: Bench, case: Case) -> None:
    for said in case.said:
        bench.published.clear()
        result = await bench.ask(said.command)
        _compare(said, result, bench)


def _compare(said: Said, result: dict[str, object], bench: Bench) -> None:
    error = result.get("error")
    told = f"{said.command} → {result}"
    assert (error["code"] if isinstance(error, dict) else None) == said.error, told
    if said.data is not None:
        assert result["data"] == said.data, told
    if said.paths is not None:
        assert isinstance(error, dict)
        assert tuple(one["path"] for one in error.get("details", [])) == said.paths, told
    for name, value in said.beside.items():
        assert result.get(name) == value, told
    if said.events is not None:
        assert tuple(f"{one['type']} {one.get('subject')}" for one in bench.events) == said.events, told
