"""Executes a group of creates and updates with a few statements over arrays, including inbox and outbox."""

import os
from asyncio import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson
from aiormq.abc import DeliveredMessage

if TYPE_CHECKING:
    import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CREATE = """
    INSERT INTO people (name, age, version)
    SELECT name, age, 1 FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS new (name, age, position)
    ORDER BY position
    RETURNING id
"""
_LOCK = "SELECT id, name, age, version FROM people WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE"
_UPDATE = """
    UPDATE people SET age = new.age, version = new.version
    FROM unnest($1::int[], $2::int[], $3::int[]) AS new (id, age, version) WHERE people.id = new.id
"""
_STORE = """
    WITH deleted AS (DELETE FROM crudmq_outbox WHERE id = ANY($1::bigint[])),
    now AS (SELECT extract(epoch FROM clock_timestamp())::bigint AS seconds),
    stored AS (INSERT INTO crudmq_outbox (messages, leased_until) SELECT $2::text, seconds + 60 FROM now RETURNING id),
    recorded AS (
        INSERT INTO crudmq_inbox (id, body, result, outbox_id, stored_at)
        SELECT new.id, new.body, new.result, stored.id, seconds
        FROM unnest($3::bytea[], $4::bytea[], $5::text[]) AS new (id, body, result), stored, now ORDER BY new.id
    )
    SELECT id FROM stored
"""


class Event(NamedTuple):
    """An encoded event."""

    command: str
    id: str
    type: str
    body: bytes


@dataclass(slots=True)
class Pending:
    """A committed group that is not yet acknowledged."""

    events: list[Event]
    outbox_id: int | None
    group: list[DeliveredMessage]
    confirmed: list[Future[object]] = field(default_factory=list)


async def write(connection: Connection, group: list[DeliveredMessage], published: list[int]) -> Pending:
    """Execute a group in one transaction.

    :raises asyncpg.UniqueViolationError: a command is in the inbox already; the transaction was rolled back
    """
    commands = [orjson.loads(message.body) for message in group]
    async with connection.transaction():
        changes = await _run(connection, commands)
        events = [_event(message, *change) for message, change in zip(group, changes, strict=True)]
        outbox_id = await _store(connection, group, commands, changes, events, published)
    return Pending(events, outbox_id, group)


Change = tuple[dict[str, Any] | None, dict[str, Any]]
"""A row before and after."""


async def _run(connection: Connection, commands: list[dict[str, Any]]) -> list[Change]:
    updates = [command for command in commands if command["action"] == "update"]
    creates = [command["data"] for command in commands if command["action"] == "create"]
    created = iter(await _create(connection, creates) if creates else ())
    updated = iter(await _update(connection, updates) if updates else ())
    return [next(updated if command["action"] == "update" else created) for command in commands]


async def _create(connection: Connection, data: list[dict[str, Any]]) -> list[Change]:
    rows = await connection.fetch(_CREATE, [values["name"] for values in data], [values["age"] for values in data])
    return [(None, {"id": row[0], **values, "version": 1}) for row, values in zip(rows, data, strict=True)]


async def _update(connection: Connection, commands: list[dict[str, Any]]) -> list[Change]:
    locked = await connection.fetch(_LOCK, [command["key"] for command in commands])
    rows: dict[int, dict[str, Any]] = {row["id"]: dict(row) for row in locked}
    changes: list[Change] = []
    for command in commands:
        before = rows[command["key"]]
        after = before | command["data"]
        after["version"] += 1
        rows[command["key"]] = after
        changes.append((before, after))
    columns = zip(*((row["id"], row["age"], row["version"]) for row in rows.values()), strict=True)
    await connection.execute(_UPDATE, *columns)
    return changes


async def _store(  # noqa: PLR0913, PLR0917 - the parts of a group
    connection: Connection,
    group: list[DeliveredMessage],
    commands: list[dict[str, Any]],
    changes: list[Change],
    events: list[Event],
    published: list[int],
) -> int:
    messages = [
        {"command": event.command, "body": event.body.decode(), "event_type": event.type, "event_id": event.id}
        for event in events
    ]
    ids = [_digest((message.header.properties.message_id or "").encode()) for message in group]
    bodies = [_digest(message.body) for message in group]
    results = [
        orjson.dumps(
            {
                "id": event.command,
                "status": "ok",
                "resource": "people",
                "action": command["action"],
                "data": after,
            }
        ).decode()
        for event, command, (_, after) in zip(events, commands, changes, strict=True)
    ]
    outbox_id = await connection.fetchval(_STORE, published, orjson.dumps(messages).decode(), ids, bodies, results)
    return int(outbox_id)


def _event(message: DeliveredMessage, before: dict[str, Any] | None, after: dict[str, Any]) -> Event:
    command = message.header.properties.message_id or ""
    type_ = "people.created" if before is None else "people.updated"
    changed = None if before is None else [name for name in ("name", "age") if before[name] != after[name]]
    key, id_ = after["id"], os.urandom(16).hex()
    body = {
        "specversion": "1.0",
        "id": id_,
        "source": "/crudmq",
        "type": type_,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "datacontenttype": "application/json",
        "commandid": command,
        "correlationid": command,
        "subject": f"people/{key}",
        "partitionkey": f"people/{key}",
        "sequence": str(after["version"]),
        "data": {
            "key": {"id": key},
            "version": after["version"],
            "before": None if changed is None or before is None else {name: before[name] for name in changed},
            "after": after,
            "changed": changed,
        },
    }
    return Event(command, id_, type_, orjson.dumps(body))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
