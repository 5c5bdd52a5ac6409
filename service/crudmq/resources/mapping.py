"""Read the columns, keys and versions of a model from its SQLAlchemy mapping."""

from typing import Any

from sqlalchemy import Column, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, QueryableAttribute

from crudmq.resources.resource import Field
from crudmq.resources.types.columns import value_type_of


class ExposureError(Exception):
    """A model or a statement cannot be exposed with the given options; the message gives the reason."""


def mapped(model: type[Any] | Table) -> tuple[dict[str, Column[Any]], str | None]:
    """Return the columns of a model by field name, and the name of its version field.

    :raises ExposureError: the model cannot be exposed
    """
    if isinstance(model, Table):
        table, version = model, None
        columns = {column.key: column for column in model.columns}
    else:
        mapper = mapper_of(model)
        table = mapper.local_table  # type: ignore[assignment]
        columns = {
            attribute.key: attribute.columns[0]
            for attribute in mapper.column_attrs
            if isinstance(attribute.columns[0], Column)
        }
        version_column = mapper.version_id_col
        version = None if version_column is None else mapper.get_property_by_column(version_column).key
    if not table.primary_key:
        raise ExposureError(f"{table.name} cannot be exposed: it has no primary key")
    return columns, version


def relationship_names(model: type[Any] | Table) -> set[str]:
    """Return the names that may be relationships of a model, without configuring the mappers."""
    # From the class: the mapper may not be configured yet.
    if isinstance(model, Table):
        return set()
    return {name for name, value in vars(model).items() if isinstance(value, QueryableAttribute)}


def mapper_of(model: type[Any]) -> Mapper[Any]:
    """Return the mapper of a class.

    :raises ExposureError: the class is not mapped, or not to a table of its own
    """
    try:
        mapper: Mapper[Any] = inspect(model)
    except NoInspectionAvailable:
        raise ExposureError(f"{model!r} is neither a mapped class nor a table") from None
    if not isinstance(mapper.local_table, Table) or mapper.inherits is not None:
        raise ExposureError(f"{model.__name__} is not mapped to a table of its own; expose the table instead")
    return mapper


def field_of(column: Column[Any], name: str, options: dict[str, set[str]], *, is_version: bool) -> Field:
    """Return the field of a column.

    :raises ExposureError: the type of the column is not supported
    """
    try:
        value_type = value_type_of(column.type)
    except TypeError as exc:
        raise ExposureError(f"{column.table.name}.{name}: {exc}") from exc
    read_only = is_version or column.computed is not None or name in options["read_only"]
    return Field(
        name,
        column,
        value_type,
        required=not (read_only or column.nullable or _has_default(column)),
        read_only=read_only,
        write_once=name in options["write_once"],
        hidden=name in options["hidden"],
    )


def _has_default(column: Column[Any]) -> bool:
    generated = column.default is not None or column.server_default is not None or column.identity is not None
    return generated or column is column.table.autoincrement_column
