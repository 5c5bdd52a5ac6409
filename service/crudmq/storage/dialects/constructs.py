"""SQL constructs and column types with database-specific syntax."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
DIGEST = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte, as the broker compares the names of queues.
PREFIX = String(50).with_variant(mysql.VARCHAR(50, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

# The default character set of a MySQL database may not hold every character.
CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


class now(FunctionElement[int]):  # noqa: N801 - named like the SQL function
    """Whole seconds since 1970 by the clock of the database."""

    type = BigInteger()
    inherit_cache = True


@compiles(now)
def _now(_element: now, _compiler: Any, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: Any, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    return "CAST(strftime('%s', 'now') AS INTEGER)"


@compiles(now, "mysql", "mariadb")
def _now_mysql(_element: now, _compiler: Any, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    return "UNIX_TIMESTAMP()"


class sorted_by(ColumnElement[Any]):  # noqa: N801 - named like an SQL function
    """Order by a column: nulls last in ascending order, first in descending order, which is PostgreSQL's default."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - the declaration that SQLAlchemy expects
        ("column", InternalTraversal.dp_clauseelement),
        ("descending", InternalTraversal.dp_boolean),
    ]

    def __init__(self, column: ColumnElement[Any], *, descending: bool) -> None:
        """Set the column and the direction."""
        self.column = column
        self.descending = descending


@compiles(sorted_by)
def _sorted(element: sorted_by, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    column = compiler.process(element.column, **options)
    return f"{column} DESC NULLS FIRST" if element.descending else f"{column} ASC NULLS LAST"


@compiles(sorted_by, "mysql", "mariadb")
def _sorted_mysql(element: sorted_by, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    column = compiler.process(element.column, **options)
    return f"{column} IS NULL DESC, {column} DESC" if element.descending else f"{column} IS NULL, {column}"
