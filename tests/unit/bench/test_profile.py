"""The steps of the profile."""

import pytest

from bench.profile import LIBRARIES, REST, STEPS, step
from bench.versions import ROOT


@pytest.mark.parametrize(
    "file", [file for files in (STEPS | LIBRARIES).values() for file in files if file.startswith("crudmq/")]
)
def test_every_step_names_files_of_the_service(file: str) -> None:
    assert (ROOT / "service" / file).exists()


def test_the_innermost_step_counts() -> None:
    stack = "run (crudmq/execution/executor.py:10);take (crudmq/processing/decoder.py:20);loads (json/decoder.py:30)"
    assert step(stack) == "validating commands: JSON, fields, types"


def test_a_library_counts_outside_all_steps() -> None:
    assert step("run (asyncio/runners.py:1);execute (sqlalchemy/engine/base.py:2)").startswith("SQLAlchemy")
    assert step("run (asyncio/runners.py:1)") == REST
