"""The examples of the language's page are run in their order and compared; its tables say what the code says."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from crudmq import register_statement
from crudmq.contract.command import READS, WRITES, Limits, field_names
from crudmq.contract.filters import COMPARISONS
from crudmq.contract.include import Options
from crudmq.resources.types.columns import value_type_of
from crudmq.settings import Settings, variable
from tests.acceptance.peer import Peer
from tests.acceptance.process import ROOT, Service
from tests.docs.examples import examples
from tests.docs.markdown import blocks, code, read, section, table

PAGE = "docs/commands.md"
ACTIONS = {*READS, *WRITES}
YES = {"yes": True, "no": False}


def test_the_examples_return_what_the_page_shows(tmp_path: Path, prefix: str) -> None:
    (models,) = [block.text for block in blocks(PAGE) if block.language == "python"]
    (tmp_path / "office.py").write_text(models)
    settings = {"CRUDMQ_MODELS": "office", "PYTHONPATH": f"{tmp_path}:{ROOT / 'service'}"}
    service = Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix, settings)
    service.migrate("--create-tables")
    with service, Peer(prefix) as peer:
        cursors: dict[str, str] = {}
        for example in examples(PAGE):
            example.follow(peer, cursors)


def test_every_action_is_shown_carried_out() -> None:
    done = {example.command["action"] for example in examples(PAGE) if "error" not in example.shown}
    assert done == ACTIONS


def test_every_example_shows_its_result() -> None:
    for example in examples(PAGE):
        assert len({"result", "data", "error"} & example.shown.keys()) == 1, example.command


def test_every_action_is_documented_with_its_fields() -> None:
    rows = table(read(PAGE), "action", "description", "type")
    kinds = {name.partition("]")[0].strip("["): kind for name, _, kind in rows}
    assert {action for action, kind in kinds.items() if kind == "read"} == READS
    assert kinds.keys() == ACTIONS
    for action in ACTIONS:
        head = ("field", "meaning", "default") if action == "list" else ("field", "meaning")
        documented = [name for row in table(section(PAGE, action), *head) for name in code(row[0])]
        assert {*documented} == field_names(action) - {"resource", "action"}, action


def test_every_operator_is_documented() -> None:
    rows = table(read(PAGE), "operator", "true if the field", "value")
    assert {name for row in rows for name in code(row[0])} == COMPARISONS


def test_every_type_has_the_operators_that_are_documented() -> None:
    sets = ("is_null",), ("eq", "neq", "in", "not_in"), ("gt", "gte", "lt", "lte", "between")
    sets += (("like", "ilike", "starts_with", "ends_with", "contains"),)  # type: ignore[assignment]
    head = ["column", *(" ".join(f"`{name}`" for name in names) for names in sets)]
    for columns, *has in table(read(PAGE), *head):
        wanted = {name for names, cell in zip(sets, has, strict=True) if YES[cell] for name in names}
        for column in code(columns):
            assert value_type_of(parse_type(column)).operators == wanted, column


def test_every_type_is_written_as_documented() -> None:
    rows = table(read(PAGE), "column", "accepted", "returned", "rejected, for example")
    for columns, accepted, returned, rejected in rows:
        for column in code(columns):
            kind = value_type_of(parse_type(column))
            loaded = [kind.load(value) for value in values(accepted)]
            dumped = [value if kind.dump is None else kind.dump(value) for value in loaded]
            assert dumped == list(values(returned)), column
            assert all(is_refused(kind.load, value) for value in values(rejected)), column


def test_every_limit_is_documented_with_its_default() -> None:
    rows = table(section(PAGE, "Limits"), "setting", "default", "applies to")
    documented = {code(setting)[0]: code(default)[0] for setting, default, _ in rows}
    limits = {limit.name: "max_message_bytes" if limit.name == "max_bytes" else limit.name for limit in fields(Limits)}
    assert documented == {variable(setting): str(Settings.model_fields[setting].default) for setting in limits.values()}


def test_every_option_of_an_include_is_documented() -> None:
    rows = table(section(PAGE, "fields and include"), "option", "meaning", "default")
    assert [code(name)[0] for name, *_ in rows] == list(Options.model_fields)


def test_every_option_of_a_named_statement_is_documented() -> None:
    rows = table(section(PAGE, "Named statements"), "option", "meaning", "default")
    options = {
        name: option.default
        for name, option in inspect.signature(register_statement).parameters.items()
        if option.kind is option.KEYWORD_ONLY
    }
    documented = {name: default for cell, _, default in rows for name in code(cell) if name in options}
    assert documented.keys() == options.keys()
    assert all(str(options[name]) in default for name, default in documented.items() if options[name] is not None)


def parse_type(column: str) -> TypeEngine[Any]:
    """Return the SQLAlchemy type for a column type as the page writes it."""
    known = {**vars(sqlalchemy), "JSONB": postgresql.JSONB}
    name, _, arguments = column.partition("(")
    column_type = known[name]
    if not arguments:
        return column_type()  # type: ignore[no-any-return]
    tokens = arguments.removesuffix(")").split(", ")
    plain = [known[token] if token in known else eval(token) for token in tokens if "=" not in token]  # noqa: S307 - our own page
    options = {token.partition("=")[0]: token.endswith("True") for token in tokens if "=" in token}
    return column_type(*plain, **options)  # type: ignore[no-any-return]


def values(cell: str) -> Iterator[Any]:
    return (json.loads(text) for text in code(cell))


def is_refused(load: Any, value: object) -> bool:  # noqa: ANN401 - takes any value
    try:
        load(value)
    except ValueError:
        return True
    return False
