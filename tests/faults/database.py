"""What the database holds at the end, read with plain SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from tests.support import sql


@dataclass(frozen=True)
class Table:
    """A table that the load writes: its key, its fields, and the column that counts its changes."""

    key: tuple[str, ...]
    fields: tuple[str, ...]
    version: str | None = None


TABLES: Mapping[str, Table] = {
    "people": Table(("id",), ("id", "name", "age"), "version"),
    "users": Table(("id", "email"), ("id", "email", "login")),
    "emails": Table(("id",), ("id", "person_id", "address")),
    "groups": Table(("id",), ("id", "name")),
}

Row = dict[str, object]
Key = tuple[object, ...]

_LONG_TRANSACTIONS: Mapping[str, str] = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND xact_start < clock_timestamp() - interval '5 s' AND pid <> pg_backend_pid()",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_started < now() - interval 5 second",
}


def digest(text: str) -> bytes:
    """Return the digest by which the inbox identifies a command."""
    return blake2b(text.encode(), digest_size=16).digest()


def rows(url: str) -> dict[str, dict[Key, Row]]:
    """Return every row of every table, by its key."""
    return {name: _rows(url, name, table) for name, table in TABLES.items()}


def links(url: str) -> set[tuple[int, int]]:
    """Return which people are in which groups."""
    return {(person, group) for person, group in sql.select(url, "SELECT person_id, group_id FROM memberships")}


def inbox(url: str) -> dict[bytes, bytes]:
    """Return the results in the inbox, by the digests of their commands."""
    entries = sql.select(url, "SELECT id, result FROM crudmq_inbox")
    return {bytes(identifier): str(result).encode() for identifier, result in entries}


def outbox_size(url: str) -> int:
    """Return the number of rows in the outbox."""
    return int(sql.select(url, "SELECT count(*) FROM crudmq_outbox")[0][0])


def open_transactions(url: str) -> int:
    """Return the number of transactions that have been open for long; always 0 for SQLite, which cannot tell."""
    query = _LONG_TRANSACTIONS.get(url.partition("+")[0])
    return 0 if query is None else int(sql.select(url, query)[0][0])


def _rows(url: str, name: str, table: Table) -> dict[Key, Row]:
    columns = [*table.fields, *([table.version] if table.version else [])]
    if name == "groups":
        name = "`groups`" if url.startswith("mysql") else '"groups"'
    values = sql.select(url, f"SELECT {', '.join(columns)} FROM {name}")  # noqa: S608 - constants
    table_rows = [dict(zip(columns, row, strict=True)) for row in values]
    return {tuple(row[column] for column in table.key): row for row in table_rows}
