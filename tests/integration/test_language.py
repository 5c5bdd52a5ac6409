"""The table of cases, through the executor: as over AMQP, and quicker to debug."""

import pytest

from tests.cases import CASES
from tests.cases.case import Case
from tests.cases.compare import compare
from tests.integration.conftest import Bench


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_each_case_is_answered_as_the_table_says(bench: Bench, case: Case) -> None:
    for said in case.said:
        bench.published.clear()
        compare(said, await bench.ask(said.command), bench.events)
