"""What a table's definition says of the way its rows may be written."""

from sqlalchemy import Table
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


def refers_to_itself(table: Table) -> bool:
    """Tell whether rows of the table may refer to each other."""
    return any(constraint.referred_table is table for constraint in table.foreign_key_constraints)


def cascades(table: Table) -> bool:
    """Tell whether deleting a row may change rows elsewhere."""
    return any(
        constraint.ondelete is not None and constraint.referred_table is table
        for other in table.metadata.tables.values()
        for constraint in other.foreign_key_constraints
    )
