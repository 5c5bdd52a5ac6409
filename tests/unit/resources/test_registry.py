"""Exposing models."""

from typing import Any

import pytest
from sqlalchemy import Column, Computed, Enum, ForeignKey, Integer, MetaData, String, Table, func
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.resources.mapping import ExposureError
from service.resources.registry import Registry, load


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


def test_everything_is_taken_from_the_mapping(registry: Registry) -> None:
    thing = registry.expose(Thing)
    assert thing.name == "things"
    assert {name: (field.kind.name, field.required) for name, field in thing.fields.items()} == {
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


def test_rows_are_written_under_the_names_of_the_mapping(registry: Registry) -> None:
    thing = registry.expose(Thing, hidden=["secret"])
    row = thing.row([1, "x", "a", "now", 2, "hush", 5])
    assert thing.dump(row) == {"id": 1, "label": "x", "kind": "a", "made": "now", "double": 2, "revision": 5}
    assert thing.version_of(row) == 5


def test_a_core_table_is_as_good_as_a_class(registry: Registry) -> None:
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
def test_an_option_that_makes_no_sense_is_refused(registry: Registry, options: dict[str, Any]) -> None:
    with pytest.raises(ExposureError):
        registry.expose(Thing, **options)


@pytest.mark.parametrize(
    "model",
    [
        Special,
        dict,
        Table("no_key", MetaData(), Column("a", Integer)),
        Table("odd", MetaData(), Column("a", Integer, primary_key=True), Column("b", TSVECTOR)),
    ],
)
def test_what_cannot_be_exposed_is_refused(registry: Registry, model: Any) -> None:  # noqa: ANN401 - as an operator may
    with pytest.raises(ExposureError):
        registry.expose(model)


def test_the_same_name_twice_is_refused(registry: Registry) -> None:
    registry.expose(Thing)
    with pytest.raises(ExposureError, match="twice"):
        registry.expose(Thing)


def test_a_module_that_there_is_not_is_refused() -> None:
    with pytest.raises(ExposureError, match="nowhere"):
        load("nowhere")


def test_the_example_exposes_its_resources() -> None:
    resources = {resource.name: resource for resource in load("service.examples.models")}
    assert set(resources) >= {"people", "profiles", "emails", "groups", "users"}
    assert resources["people"].version is resources["people"].fields["version"]
    assert [field.name for field in resources["users"].key] == ["id", "email"]
    assert "password_hash" not in {field.name for field in resources["users"].visible}
