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

from service.contract.command import READS, WRITES, field_names
from service.contract.filters import COMPARISONS
from service.contract.include import Options
from service.contract.limits import Limits
from service.resources import named
from service.resources.kinds import kind_of
from service.settings import Settings, variable
from tests.acceptance.peer import Peer
from tests.acceptance.process import ROOT, Service
from tests.docs.messages import examples
from tests.docs.pages import blocks, code, read, section, table

PAGE = "docs/commands.md"
ACTIONS = {*READS, *WRITES}
YES = {"yes": True, "no": False}


def test_the_examples_are_what_comes(tmp_path: Path, prefix: str) -> None:
    (models,) = [block.text for block in blocks(PAGE) if block.language == "python"]
    (tmp_path / "office.py").write_text(models)
    settings = {"CRUDMQ_MODELS": "office", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    service = Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix, settings)
    service.migrate("--create-tables")
    with service, Peer(prefix) as peer:
        for example in examples(PAGE):
            example.follow(peer)


def test_every_action_is_shown_carried_out() -> None:
    done = {example.command["action"] for example in examples(PAGE) if "error" not in example.shown}
    assert done == ACTIONS


def test_every_example_shows_what_comes() -> None:
    for example in examples(PAGE):
        assert len({"result", "data", "error"} & example.shown.keys()) == 1, example.command


def test_every_action_is_documented_with_its_fields() -> None:
    rows = table(read(PAGE), "action", "what it does", "kind")
    kinds = {name.partition("]")[0].strip("["): kind for name, _, kind in rows}
    assert {action for action, kind in kinds.items() if kind == "read"} == READS
    assert kinds.keys() == ACTIONS
    for action in ACTIONS:
        head = ("field", "meaning", "default") if action == "list" else ("field", "meaning")
        documented = [name for row in table(section(PAGE, action), *head) for name in code(row[0])]
        assert {*documented} == field_names(action) - {"resource", "action"}, action


def test_every_operator_is_documented() -> None:
    rows = table(read(PAGE), "operator", "holds where the field", "value")
    assert {name for row in rows for name in code(row[0])} == COMPARISONS


def test_every_type_has_the_operators_that_are_documented() -> None:
    sets = ("is_null",), ("eq", "neq", "in", "not_in"), ("gt", "gte", "lt", "lte", "between")
    sets += (("like", "ilike", "starts_with", "ends_with", "contains"),)  # type: ignore[assignment]
    head = ["column", *(" ".join(f"`{name}`" for name in names) for names in sets)]
    for columns, *has in table(read(PAGE), *head):
        wanted = {name for names, one in zip(sets, has, strict=True) if YES[one] for name in names}
        for column in code(columns):
            assert kind_of(typed(column)).operators == wanted, column


def test_every_type_is_written_as_documented() -> None:
    rows = table(read(PAGE), "column", "accepted", "given back", "refused, for example")
    for columns, accepted, given_back, refused in rows:
        for column in code(columns):
            kind = kind_of(typed(column))
            loaded = [kind.load(value) for value in values(accepted)]
            assert [one if kind.dump is None else kind.dump(one) for one in loaded] == list(values(given_back)), column
            assert all(is_refused(kind.load, value) for value in values(refused)), column


def test_every_limit_is_documented_with_its_default() -> None:
    rows = table(section(PAGE, "Limits"), "setting", "default", "what it bounds")
    documented = {code(setting)[0]: code(default)[0] for setting, default, _ in rows}
    bounds = {one.name: "max_message_bytes" if one.name == "max_bytes" else one.name for one in fields(Limits)}
    assert documented == {variable(setting): str(Settings.model_fields[setting].default) for setting in bounds.values()}


def test_every_option_of_an_include_is_documented() -> None:
    rows = table(section(PAGE, "fields and include"), "option", "meaning", "default")
    assert [code(name)[0] for name, *_ in rows] == list(Options.model_fields)


def test_every_option_of_a_named_statement_is_documented() -> None:
    rows = table(section(PAGE, "Named statements"), "option", "meaning", "default")
    options = {
        name: found.default
        for name, found in inspect.signature(named).parameters.items()
        if found.kind is found.KEYWORD_ONLY
    }
    documented = {name: default for cell, _, default in rows for name in code(cell) if name in options}
    assert documented.keys() == options.keys()
    assert all(str(options[name]) in default for name, default in documented.items() if options[name] is not None)


def typed(column: str) -> TypeEngine[Any]:
    """Give the type that is written so, with SQLAlchemy's own names."""
    known = {**vars(sqlalchemy), "JSONB": postgresql.JSONB}
    name, _, arguments = column.partition("(")
    found = known[name]
    if not arguments:
        return found()  # type: ignore[no-any-return]
    words = arguments.removesuffix(")").split(", ")
    plain = [known[word] if word in known else eval(word) for word in words if "=" not in word]  # noqa: S307 - our own page
    options = {word.partition("=")[0]: word.endswith("True") for word in words if "=" in word}
    return found(*plain, **options)  # type: ignore[no-any-return]


def values(cell: str) -> Iterator[Any]:
    return (json.loads(one) for one in code(cell))


def is_refused(load: Any, value: object) -> bool:  # noqa: ANN401 - takes any value
    try:
        load(value)
    except ValueError:
        return True
    return False
