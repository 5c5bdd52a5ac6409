"""Triggers with which every write of a table fails, in a way that no service expects."""

from collections.abc import Iterator

_EVENTS = ("INSERT", "UPDATE", "DELETE")
_SQLITE = "CREATE TRIGGER broken_{event} BEFORE {event} ON {table} BEGIN SELECT abs(1, 2); END"
_MARIADB = (
    "CREATE TRIGGER broken_{event} BEFORE {event} ON {table} FOR EACH ROW "
    "SET @broken = extractvalue('<a/>', CONCAT(0x7e, 'b'))"
)
_POSTGRES = (
    "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELEC'; END$$",
    "CREATE TRIGGER broken BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION broken()",
)


def breaking(kind: str, table: str) -> Iterator[str]:
    """Give the statements that break a table."""
    if kind == "postgresql":
        yield from (statement.format(table=table) for statement in _POSTGRES)
        return
    trigger = _SQLITE if kind == "sqlite" else _MARIADB
    yield from (trigger.format(event=event, table=table) for event in _EVENTS)


def mending(kind: str) -> Iterator[str]:
    """Give the statements that undo it."""
    if kind == "postgresql":
        yield "DROP FUNCTION broken CASCADE"
        return
    yield from (f"DROP TRIGGER broken_{event}" for event in _EVENTS)
