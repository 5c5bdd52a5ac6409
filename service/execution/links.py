"""Many to many: the rows of the table between two resources."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, and_, delete, insert, select

from service.execution.change import Links
from service.execution.rows import Rows
from service.resources.input import LinkChange
from service.resources.relations import Relation
from service.resources.resource import Key, Resource, Row
from service.storage.foreign_keys import found_out


async def change_links(rows: Rows, resource: Resource, row: Row, wanted: Mapping[str, LinkChange]) -> Links:
    """Link a row to others; give what really changed, by relationship."""
    await rows.flush()
    found: Links = {}
    for name, change in wanted.items():
        relation = resource.relations[name]
        before = await _linked(rows, relation, row)
        after = (before - change.remove) | change.add if change.only is None else change.only
        await _remove(rows, relation, row, before - after)
        await _add(rows, relation, row, after - before)
        if before != after:
            # The table between may be a resource, too.
            rows.forget()
            found[name] = (_shown(relation, before), _shown(relation, after))
    return found


async def _linked(rows: Rows, relation: Relation, row: Row) -> frozenset[Key]:
    between = _between(relation)
    far = {ours.key: theirs for ours, theirs in relation.far_pairs}
    columns = [far[field.column.key] for field in relation.target.key]
    near = [theirs == row[ours.key] for ours, theirs in relation.pairs]
    found = await rows.session.execute(select(*columns).select_from(between).where(*near))
    return frozenset(tuple(one) for one in found)


async def _add(rows: Rows, relation: Relation, row: Row, keys: frozenset[Key]) -> None:
    if keys:
        values = [_values(relation, row, key) for key in sorted(keys)]
        async with found_out(rows.session, _between(relation), values):
            await rows.session.execute(insert(_between(relation)), values)


async def _remove(rows: Rows, relation: Relation, row: Row, keys: frozenset[Key]) -> None:
    between = _between(relation)
    for key in sorted(keys):
        same = [between.c[name] == value for name, value in _values(relation, row, key).items()]
        await rows.session.execute(delete(between).where(and_(*same)))


def _values(relation: Relation, row: Row, key: Key) -> dict[str, Any]:
    ours = {theirs.key: row[column.key] for column, theirs in relation.pairs}
    target = dict(zip((field.column.key for field in relation.target.key), key, strict=True))
    return ours | {theirs.key: target[column.key] for column, theirs in relation.far_pairs}


def _between(relation: Relation) -> Table:
    assert relation.between is not None  # noqa: S101 - these relationships have one
    return relation.between


def _shown(relation: Relation, keys: frozenset[Key]) -> list[dict[str, Any]]:
    return [relation.target.dump_key(key) for key in sorted(keys)]
