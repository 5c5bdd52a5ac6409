"""Exposing models."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Computed, Enum, ForeignKey, Integer, MetaData, String, Table, func
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crudmq.resources.mapping import ExposureError
from crudmq.resources.registry import Registry, load


class Base(DeclarativeBase):
    """Models of an operator."""


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column("label_text", String(10))
    kind: Mapped[str] = mapped_column(Enum("a", "b", name="kind"), default="a")
    made: Mapped[str] = mapped_column(server_default=func.now())
    double: Mapped[int] = mapped_column(Computed("id * 2"))
    secret: Mapped[str | None]
    revision: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - SQLAlchemy's own way


class Special(Thing):
    __tablename__ = "specials"
    id: Mapped[int] = mapped_column(ForeignKey("things.id"), primary_key=True)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_fields_keys_and_versions_come_from_the_mapping(registry: Registry) -> None:
    thing = registry.expose(Thing)
    assert thing.name == "things"
    assert {name: (field.value_type.name, field.required) for name, field in thing.fields.items()} == {
        "id": ("integer(32)", False),
        "label": ("text(10)", True),
        "kind": ("one of a, b", False),
        "made": ("text", False),
        "double": ("integer(32)", False),
        "secret": ("text", False),
        "revision": ("integer(32)", False),
    }
    assert [field.name for field in thing.key] == ["id"]
    assert thing.version is thing.fields["revision"]
    assert {name for name, field in thing.fields.items() if field.read_only} == {"double", "revision"}


def test_rows_are_dumped_under_the_names_of_the_mapping(registry: Registry) -> None:
    thing = registry.expose(Thing, hidden=["secret"])
    row = thing.row([1, "x", "a", "now", 2, "hush", 5])
    assert thing.dump(row) == {"id": 1, "label": "x", "kind": "a", "made": "now", "double": 2, "revision": 5}
    assert thing.version_of(row) == 5


def test_a_core_table_can_be_exposed(registry: Registry) -> None:
    table = Table("pairs", MetaData(), Column("a", Integer, primary_key=True), Column("b", String, primary_key=True))
    pairs = registry.expose(table)
    assert [field.name for field in pairs.key] == ["a", "b"]
    assert pairs.fields["a"].required
    assert pairs.version is None


def test_a_resource_may_have_another_name(registry: Registry) -> None:
    assert registry.expose(Thing, name="objects") is registry.get("objects")
    assert registry.get("things") is None


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": ["nothing"]},
        {"read_only": ["nothing"]},
        {"write_once": ["nothing"]},
        {"version": "nothing"},
        {"actions": ["fly"]},
        {"name": "no routing.key"},
        {"name": ""},
    ],
)
def test_an_option_with_an_unknown_name_is_rejected(registry: Registry, options: dict[str, Any]) -> None:
    with pytest.raises(ExposureError):
        registry.expose(Thing, **options)


@pytest.mark.parametrize("hidden", [["id"], ["revision"], ["secret", "id"]], ids=",".join)
def test_a_key_or_a_version_cannot_be_hidden(registry: Registry, hidden: list[str]) -> None:
    with pytest.raises(ExposureError, match=f"cannot be hidden: {hidden[-1]}"):
        registry.expose(Thing, hidden=hidden)
    assert len(registry) == 0


def test_a_chosen_version_cannot_be_hidden(registry: Registry) -> None:
    table = Table("counted", MetaData(), Column("a", Integer, primary_key=True), Column("b", Integer))
    with pytest.raises(ExposureError, match="cannot be hidden: b"):
        registry.expose(table, version="b", hidden=["b"])
    registry.expose(table, hidden=["b"])


@pytest.mark.parametrize("parameter", ["name", "sql", "self", "parameters", "event_"])
def test_a_parameter_of_a_statement_may_have_any_name_but_those_of_options(registry: Registry, parameter: str) -> None:
    statement = registry.register_statement("x", f"SELECT :{parameter}", **{parameter: str})  # type: ignore[arg-type]
    assert statement.load({parameter: "a"}) == {parameter: "a"}


@pytest.mark.parametrize("option", ["returns", "writes", "event"])
@pytest.mark.parametrize("value", [int, str, bool, 5], ids=str)
def test_an_option_of_a_statement_cannot_be_a_parameter(registry: Registry, option: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises(ExposureError, match=f"x: .*`{option}`.*reserved"):
        registry.register_statement("x", f"SELECT :{option}", **{option: value})


@pytest.mark.parametrize(
    "model",
    [
        Special,
        dict,
        Table("no_key", MetaData(), Column("a", Integer)),
        Table("odd", MetaData(), Column("a", Integer, primary_key=True), Column("b", TSVECTOR)),
    ],
)
def test_an_unsupported_model_is_rejected(registry: Registry, model: Any) -> None:  # noqa: ANN401 - as an operator may
    with pytest.raises(ExposureError):
        registry.expose(model)


def test_a_name_that_is_taken_is_rejected(registry: Registry) -> None:
    registry.expose(Thing)
    with pytest.raises(ExposureError, match="already exposed"):
        registry.expose(Thing)


def test_a_missing_module_is_rejected() -> None:
    with pytest.raises(ExposureError, match="nowhere"):
        load("nowhere")


def test_a_module_of_the_working_directory_takes_the_place_of_no_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "colorsys.py").write_text("mine = True")
    (tmp_path / "colours_of_mine.py").write_text("import colorsys\n\nare_mine = hasattr(colorsys, 'mine')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with suppress(ExposureError):
        load("colours_of_mine")
    assert sys.modules["colours_of_mine"].are_mine is False


def test_the_example_exposes_its_resources() -> None:
    resources = {resource.name: resource for resource in load("crudmq.examples.models")}
    assert set(resources) >= {"people", "profiles", "emails", "groups", "users"}
    assert resources["people"].version is resources["people"].fields["version"]
    assert [field.name for field in resources["users"].key] == ["id", "email"]
    assert "password_hash" not in {field.name for field in resources["users"].visible}
