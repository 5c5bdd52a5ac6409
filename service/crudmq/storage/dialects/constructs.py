"""SQL constructs and column types with database-specific syntax, and value lists that fit all databases.

Lists for `IN` are padded to few distinct lengths (each length is a cached statement) and limited in size.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

T = TypeVar("T")

LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
DIGEST = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte, as the broker compares the names of queues.
PREFIX = String(50).with_variant(mysql.VARCHAR(50, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

# The default character set of a MySQL database may not hold every character.
CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}

MAX_PARAMETERS = 1 << 14
"""How many parameters a list may take of the 32,766 or more that drivers and databases allow per statement."""


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


def pad_to_power_of_two(values: Collection[T]) -> list[T]:
    """Repeat the last value until the list has 1, 2, 4, 8, … elements. `values` must not be empty."""
    items = list(values)
    return items + items[-1:] * (padded_length(len(items)) - len(items))


def padded_length(number: int) -> int:
    """Return the length to which a list of `number` values is padded."""
    return 1 << (number - 1).bit_length()


def chunks(values: Collection[T], width: int) -> Iterator[Sequence[T]]:
    """Split values, each of `width` parameters, into lists that fit a statement after padding."""
    remaining = iter(values)
    while chunk := list(islice(remaining, chunk_size(width))):
        yield chunk


def chunk_size(width: int) -> int:
    """Return how many values of `width` parameters each a list may have."""
    return padded_length(MAX_PARAMETERS // width + 1) // 2
