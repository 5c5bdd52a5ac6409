"""SQL text contains nothing of a message: values are bound, names come from the mapping."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from crudmq.contract.command import Limits
from crudmq.processing.decoder import Decoder
from tests.property.conftest import ServiceRunner, registry
from tests.property.effort import examples
from tests.property.messages import Sent
from tests.property.reference.schema import RESOURCES
from tests.property.reference.value_types import TEXT
from tests.property.strategies.hostile import MARKS, NUMBERS, commands
from tests.property.strategies.values import good


@contextmanager
def statements(service: ServiceRunner) -> Iterator[list[str]]:
    """Collect the texts of the statements that the block executes."""
    texts: list[str] = []
    engine = service.bench.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        texts.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield texts
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def empty(service: ServiceRunner) -> ServiceRunner:
    """Return a service with default limits and one row."""
    bench = replace(service.bench, decoder=Decoder(registry(), Limits()))
    service.run(bench.clear())
    service.run(bench.run([Sent("seed", {"resource": "things", "action": "create", "data": {"id": 1, "name": "tom"}})]))
    return replace(service, bench=bench)


@examples(300)
@given(messages=st.lists(st.sampled_from(sorted(RESOURCES)).flatmap(commands), min_size=1, max_size=4))
def test_no_statement_contains_anything_of_a_message(empty: ServiceRunner, messages: list[dict[str, Any]]) -> None:
    with statements(empty) as texts:
        outcomes = empty.run(empty.bench.run([Sent(uuid4().hex, message) for message in messages]))
    for text in texts:
        assert not [mark for mark in (*MARKS, *NUMBERS) if mark.lower() in text.lower()], text
    codes = [outcome.result["error"]["code"] for outcome in outcomes if outcome.result and "error" in outcome.result]
    assert not {"internal", "unavailable", "malformed"}.intersection(codes)


PAIRS = [
    (resource, name, operator)
    for resource, schema in RESOURCES.items()
    for name in schema.visible
    for operator in sorted(schema.fields[name].value_type.operators - {"in", "not_in", "between"} | {"is_null"})
    if not schema.fields[name].read_only
]


@examples(300)
@given(pair=st.sampled_from(PAIRS), pick=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_the_text_of_a_statement_does_not_depend_on_the_value(
    empty: ServiceRunner, pair: tuple[str, str, str], pick: tuple[int, int]
) -> None:
    resource, name, operator = pair
    known = [True] if operator == "is_null" else ["a", "b"] if operator in TEXT else good(name)
    texts = []
    for index in pick:
        where = {name: {operator: known[index % len(known)]}}
        command = {"resource": resource, "action": "list", "where": where, "order": [f"-{name}"]}
        with statements(empty) as executed:
            empty.run(empty.bench.run([Sent(uuid4().hex, command)]))
        texts.append(executed)
    assert texts[0] == texts[1]
