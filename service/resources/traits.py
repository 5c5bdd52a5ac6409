"""What a table's definition says of the way its rows may be written."""

from collections.abc import Iterator

from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.types import TypeDecorator


def changes_itself(table: Table) -> bool:
    """Tell whether an update may leave other values than it was given."""
    return any(
        column.onupdate is not None
        or column.server_onupdate is not None
        or column.computed is not None
        or (isinstance(column.type, TypeDecorator) and type(column.type).__module__ != "sqlalchemy.sql.sqltypes")
        for column in table.columns
    )


def unique_keys(table: Table) -> frozenset[frozenset[str]]:
    """Find the sets of columns that no two rows have in common: the primary key, constraints and plain indexes."""
    found = {frozenset(column.key for column in table.primary_key)}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            found.add(frozenset(column.key for column in constraint.columns))
    for index in table.indexes:
        # A partial index, or one over expressions, keeps only some rows apart.
        is_partial = any(index.dialect_options[name].get("where") is not None for name in ("postgresql", "sqlite"))
        if index.unique and not is_partial and len(index.columns) == len(index.expressions):
            found.add(frozenset(column.key for column in index.columns))
    return frozenset(found)


def refers_to_itself(table: Table) -> bool:
    """Tell whether rows of the table may refer to each other."""
    return any(constraint.referred_table is table for constraint in table.foreign_key_constraints)


def deletes_cascade(table: Table) -> bool:
    """Tell whether deleting a row may change rows elsewhere."""
    return any(constraint.ondelete is not None for constraint in _referring(table))


def updates_cascade(table: Table) -> bool:
    """Tell whether changing a row may change rows elsewhere."""
    return any(constraint.onupdate is not None for constraint in _referring(table))


def _referring(table: Table) -> Iterator[ForeignKeyConstraint]:
    for other in table.metadata.tables.values():
        yield from (one for one in other.foreign_key_constraints if one.referred_table is table)
