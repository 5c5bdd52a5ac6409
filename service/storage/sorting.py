"""Where nulls stand when rows are ordered: as PostgreSQL puts them, in the words of each database."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal


class sorted_by(ColumnElement[Any]):  # noqa: N801 - reads as the SQL that it is
    """Order by a column: nulls last when it ascends, first when it descends."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own way
        ("column", InternalTraversal.dp_clauseelement),
        ("descending", InternalTraversal.dp_boolean),
    ]

    def __init__(self, column: ColumnElement[Any], *, descending: bool) -> None:
        """Take the column."""
        self.column = column
        self.descending = descending


@compiles(sorted_by)
def _sorted(element: sorted_by, compiler: Any, **rest: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    column = compiler.process(element.column, **rest)
    return f"{column} DESC NULLS FIRST" if element.descending else f"{column} ASC NULLS LAST"


@compiles(sorted_by, "mysql", "mariadb")
def _sorted_mysql(element: sorted_by, compiler: Any, **rest: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    column = compiler.process(element.column, **rest)
    return f"{column} IS NULL DESC, {column} DESC" if element.descending else f"{column} IS NULL, {column}"
