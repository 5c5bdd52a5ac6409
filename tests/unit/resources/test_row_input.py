"""Rows and keys in commands."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from crudmq.contract.errors import Invalid
from crudmq.resources.registry import Registry
from crudmq.resources.resource import Resource
from crudmq.resources.row_input import changes, new_row

TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(5), nullable=False),
    Column("size", Integer),
    Column("state", String, nullable=False, default="new"),
    Column("code", String, nullable=False, server_default="x"),
    Column("secret", Integer),
    Column("born", String),
    Column("version", Integer, nullable=False),
)


@pytest.fixture
def things() -> Resource:
    return Registry().expose(TABLE, read_only=["state"], write_once=["born"], hidden=["secret"], version="version")


def messages(error: Invalid) -> dict[str, str]:
    return {detail.path: detail.message for detail in error.details}


def test_a_new_row_has_nulls_for_missing_fields_and_version_one(things: Resource) -> None:
    assert new_row(things, {"name": "a"}, "data").row == {
        "name": "a",
        "size": None,
        "secret": None,
        "born": None,
        "version": 1,
    }


def test_every_fault_of_a_row_is_reported(things: Resource) -> None:
    with pytest.raises(Invalid) as caught:
        new_row(things, {"size": "1", "state": "old", "version": 7, "colour": "red", "code": None}, "data.3")
    assert messages(caught.value) == {
        "data.3.size": "is not an integer",
        "data.3.state": "is read-only",
        "data.3.version": "is read-only",
        "data.3.colour": "is not a field of things",
        "data.3.code": "must not be null",
        "data.3.name": "is required",
    }


def test_a_fault_of_a_hidden_field_does_not_name_it(things: Resource) -> None:
    with pytest.raises(Invalid) as caught:
        new_row(things, {"name": "a", "secret": "x"}, "data")
    assert list(messages(caught.value)) == ["data"]
    assert "secret" not in str(caught.value.as_json())


def test_a_change_may_leave_out_any_field(things: Resource) -> None:
    assert changes(things, {"size": 3, "secret": 4}, "data").row == {"size": 3, "secret": 4}
    assert changes(things, {}, "data").row == {}


@pytest.mark.parametrize("name", ["id", "born"])
def test_a_key_and_a_write_once_field_are_written_by_create_only(things: Resource, name: str) -> None:
    value = {"id": 1, "born": "y"}[name]
    assert new_row(things, {"name": "a", name: value}, "data").row[name] == value
    with pytest.raises(Invalid) as caught:
        changes(things, {name: value}, "data")
    assert messages(caught.value) == {f"data.{name}": "can only be written when the row is created"}


@pytest.mark.parametrize("data", [None, 1, "a", []])
def test_data_must_be_an_object(things: Resource, data: object) -> None:
    with pytest.raises(Invalid):
        new_row(things, data, "data")


@pytest.mark.parametrize("value", [None, "1", True, {"id": 1}, 2**31])
def test_a_key_is_as_strict_as_its_column(things: Resource, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        things.load_key(value)
    assert list(messages(caught.value)) == ["key"]


def test_a_key_of_several_columns_is_an_object_of_all_of_them() -> None:
    table = Table("pairs", MetaData(), Column("a", Integer, primary_key=True), Column("b", String, primary_key=True))
    pairs = Registry().expose(table)
    assert pairs.load_key({"b": "x", "a": 1}) == (1, "x")
    for value in (1, [1, "x"], {"a": 1}, {"a": 1, "b": "x", "c": 1}, {"a": "1", "b": "x"}):
        with pytest.raises(Invalid):
            pairs.load_key(value)
