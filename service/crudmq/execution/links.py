"""Many-to-many relationships: the rows of the association table between two resources."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, and_, delete, insert, select

from crudmq.execution.changes import Links
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.relations import Relation
from crudmq.resources.resource import Key, Resource, Row
from crudmq.resources.row_input import LinkChange
from crudmq.storage.dialects import dialect_of


async def change_links(uow: UnitOfWork, resource: Resource, row: Row, wanted: Mapping[str, LinkChange]) -> Links:
    """Change the links of a row. Return the links before and after, for each changed relationship."""
    changed: Links = {}
    for name, change in wanted.items():
        relation = resource.relations[name]
        before = await _linked(uow, relation, row)
        after = (before - change.remove) | change.add if change.only is None else change.only
        await _remove(uow, relation, row, before - after)
        await _add(uow, relation, row, after - before)
        if before != after:
            # The association table may be a resource as well.
            uow.expire_all()
            changed[name] = (_dump(relation, before), _dump(relation, after))
    return changed


async def _linked(uow: UnitOfWork, relation: Relation, row: Row) -> frozenset[Key]:
    association = _association(relation)
    target = {target.key: column for target, column in relation.far_pairs}
    columns = [target[field.column.key] for field in relation.target.key]
    is_linked = [column == row[source.key] for source, column in relation.pairs]
    keys = await uow.execute(select(*columns).select_from(association).where(*is_linked))
    return frozenset(tuple(key) for key in keys)


async def _add(uow: UnitOfWork, relation: Relation, row: Row, keys: frozenset[Key]) -> None:
    if keys:
        association = _association(relation)
        values = [_values(relation, row, key) for key in sorted(keys)]
        async with dialect_of(uow.session).explaining_foreign_key_violation(uow.session, association, values):
            await uow.execute(insert(association), values)


async def _remove(uow: UnitOfWork, relation: Relation, row: Row, keys: frozenset[Key]) -> None:
    association = _association(relation)
    for key in sorted(keys):
        is_link = [association.c[name] == value for name, value in _values(relation, row, key).items()]
        await uow.execute(delete(association).where(and_(*is_link)))


def _values(relation: Relation, row: Row, key: Key) -> dict[str, Any]:
    source = {column.key: row[source.key] for source, column in relation.pairs}
    by_column = dict(zip((field.column.key for field in relation.target.key), key, strict=True))
    return source | {column.key: by_column[target.key] for target, column in relation.far_pairs}


def _association(relation: Relation) -> Table:
    assert relation.between is not None  # noqa: S101 - many-to-many relationships have one
    return relation.between


def _dump(relation: Relation, keys: frozenset[Key]) -> list[dict[str, Any]]:
    return [relation.target.dump_key(key) for key in sorted(keys)]
