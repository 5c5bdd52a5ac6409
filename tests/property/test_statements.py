"""No statement has anything of a message in its text: values are bound, names come from the mapping."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from service.contract.limits import Limits
from service.execution.intake import Intake
from tests.property.conftest import Place, registry
from tests.property.effort import trying
from tests.property.messages import Sent
from tests.property.reference.kinds import TEXT
from tests.property.reference.schema import RESOURCES
from tests.property.strategies.hostile import MARKS, NUMBERS, commands
from tests.property.strategies.values import good


@contextmanager
def statements(place: Place) -> Iterator[list[str]]:
    """Collect the texts of the statements that run meanwhile."""
    found: list[str] = []
    engine = place.bench.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def empty(place: Place) -> Place:
    """Give a service with the limits that services have, and one row."""
    bench = replace(place.bench, intake=Intake(registry(), Limits()))
    place.run(bench.clear())
    place.run(bench.run([Sent("seed", {"resource": "things", "action": "create", "data": {"id": 1, "name": "tom"}})]))
    return replace(place, bench=bench)


@trying(300)
@given(messages=st.lists(st.sampled_from(sorted(RESOURCES)).flatmap(commands), min_size=1, max_size=4))
def test_no_statement_holds_anything_of_a_message(empty: Place, messages: list[dict[str, Any]]) -> None:
    with statements(empty) as found:
        replies = empty.run(empty.bench.run([Sent(uuid4().hex, one) for one in messages]))
    for text in found:
        assert not [mark for mark in (*MARKS, *NUMBERS) if mark.lower() in text.lower()], text
    codes = [reply.result["error"]["code"] for reply in replies if reply.result and "error" in reply.result]
    assert not {"internal", "unavailable", "malformed"}.intersection(codes)


PAIRS = [
    (resource, name, word)
    for resource, found in RESOURCES.items()
    for name in found.visible
    for word in sorted(found.fields[name].kind.operators - {"in", "not_in", "between"} | {"is_null"})
    if not found.fields[name].read_only
]


@trying(300)
@given(pair=st.sampled_from(PAIRS), pick=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_a_statement_reads_the_same_whatever_the_value(
    empty: Place, pair: tuple[str, str, str], pick: tuple[int, int]
) -> None:
    resource, name, word = pair
    known = [True] if word == "is_null" else ["a", "b"] if word in TEXT else good(name)
    texts = []
    for index in pick:
        where = {name: {word: known[index % len(known)]}}
        command = {"resource": resource, "action": "list", "where": where, "order": [f"-{name}"]}
        with statements(empty) as found:
            empty.run(empty.bench.run([Sent(uuid4().hex, command)]))
        texts.append(found)
    assert texts[0] == texts[1]
