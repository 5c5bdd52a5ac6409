"""The service's own tables. Times are seconds since 1970 by the database's clock, the only one that all share."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

_LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_DIGEST = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


class now(FunctionElement[int]):  # noqa: N801 - reads as the SQL function that it is
    """Whole seconds since 1970 by the database's clock."""

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


# What the database's default is may not hold every character.
_CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}

metadata = MetaData()

inbox = Table(
    "crudmq_inbox",
    metadata,
    # Digests, not texts: any message_id fits, whatever the collation, and the index stays small.
    Column("id", _DIGEST, primary_key=True, comment="digest of the message_id"),
    Column("body", _DIGEST, nullable=False, comment="digest of the body"),
    Column("result", _LONG_TEXT, nullable=False, comment="the bytes that every repeat is answered with"),
    Column("outbox_id", BigInteger, comment="where its messages wait until they are known to be published"),
    Column("stored_at", BigInteger, nullable=False, default=now(), index=True),
    **_CHARSET,
)

outbox = Table(
    "crudmq_outbox",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("messages", _LONG_TEXT, nullable=False, comment="all messages of a group, in order, as JSON"),
    Column("leased_until", BigInteger, nullable=False, comment="till then its writer is trusted to publish it"),
    # The inbox goes on naming rows that are gone: no new one may get an old one's id.
    sqlite_autoincrement=True,
    **_CHARSET,
)

strikes = Table(
    "crudmq_strikes",
    metadata,
    Column("id", _DIGEST, primary_key=True, comment="digest of the message_id"),
    Column("number", Integer, nullable=False, comment="how often the process ended while it ran the command"),
    Column("noted_at", BigInteger, nullable=False, default=now()),
    **_CHARSET,
)
