"""What SQLAlchemy's mapping says of a model: the one place that reads it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, QueryableAttribute

from service.resources.kinds import kind_of
from service.resources.resource import Field


class ExposureError(Exception):
    """A model cannot be exposed as it was asked for; says why, in the operator's words."""


def mapped(model: type[Any] | Table) -> tuple[dict[str, Column[Any]], str | None]:
    """Give the columns of a model by field name, and the name of its version.

    :raises ExposureError: it cannot be exposed
    """
    if isinstance(model, Table):
        found, version = {column.key: column for column in model.columns}, None
        table = model
    else:
        mapper = mapper_of(model)
        table = mapper.local_table  # type: ignore[assignment]
        found = {
            attribute.key: attribute.columns[0]
            for attribute in mapper.column_attrs
            if isinstance(attribute.columns[0], Column)
        }
        counted = mapper.version_id_col
        version = None if counted is None else mapper.get_property_by_column(counted).key
    if not table.primary_key:
        raise ExposureError(f"{table.name} has no primary key and cannot be exposed")
    return found, version


def relationship_names(model: type[Any] | Table) -> set[str]:
    """Name what may be a relationship of a model, before all models are mapped."""
    # Asked of the class: the mapper may not know the other side yet.
    if isinstance(model, Table):
        return set()
    return {name for name, value in vars(model).items() if isinstance(value, QueryableAttribute)}


def mapper_of(model: type[Any]) -> Mapper[Any]:
    """Find the mapper of a class.

    :raises ExposureError: it has none, or no table of its own
    """
    try:
        mapper: Mapper[Any] = inspect(model)
    except NoInspectionAvailable:
        raise ExposureError(f"{model!r} is neither a mapped class nor a table") from None
    if not isinstance(mapper.local_table, Table) or mapper.inherits is not None:
        raise ExposureError(f"{model.__name__} is not mapped to a table of its own: expose its table instead")
    return mapper


def field_of(column: Column[Any], name: str, options: dict[str, set[str]], *, is_version: bool) -> Field:
    """Make the field of a column.

    :raises ExposureError: there is no kind of value for its type
    """
    try:
        kind = kind_of(column.type)
    except TypeError as exc:
        raise ExposureError(f"{column.table.name}.{name}: {exc}") from exc
    read_only = is_version or column.computed is not None or name in options["read_only"]
    return Field(
        name,
        column,
        kind,
        required=not (read_only or column.nullable or _fills_itself(column)),
        read_only=read_only,
        write_once=name in options["write_once"],
        hidden=name in options["hidden"],
    )


def _fills_itself(column: Column[Any]) -> bool:
    generated = column.default is not None or column.server_default is not None or column.identity is not None
    return generated or column is column.table.autoincrement_column


def check_names(where: str, known: Iterable[str], named: Iterable[str]) -> None:
    """Check that there is what an option names.

    :raises ExposureError: it names what there is not
    """
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ExposureError(f"{where}: there is no {', '.join(unknown)}")
