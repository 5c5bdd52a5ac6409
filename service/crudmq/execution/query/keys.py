"""SQL for keys: rows selected by their keys, and related rows joined by theirs."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, select, tuple_
from sqlalchemy.orm import RelationshipDirection

from crudmq.resources.relations import Relation
from crudmq.resources.resource import Key, Resource
from crudmq.storage.dialects.constructs import pad_to_power_of_two


def one_of(columns: Sequence[ColumnElement[Any]], values: Collection[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return the condition that the columns have one of these combinations of values, which must not be empty."""
    if len(columns) == 1:
        return columns[0].in_(pad_to_power_of_two([value for (value,) in values]))
    return tuple_(*columns).in_(pad_to_power_of_two(values))


def has_key(resource: Resource, keys: Collection[Key]) -> ColumnElement[bool]:
    """Return the condition that a row has one of these keys, which must not be empty."""
    return one_of([field.column for field in resource.key], keys)


def in_key_order(resource: Resource) -> Select[Any]:
    """Select rows in key order: transactions that lock rows in the same order cannot deadlock."""
    return select(*resource.columns).order_by(*(field.column for field in resource.key))


def join_target(relation: Relation, target: FromClause) -> tuple[FromClause, FromClause]:
    """Return the source of the related rows, and the part of it that has the foreign keys to their owners.

    Both are the target itself, unless there is an association table.
    """
    if relation.direction is not RelationshipDirection.MANYTOMANY:
        return target, target
    assert relation.between is not None  # noqa: S101 - many to many has a table between
    between = relation.between.alias()
    on = and_(*(target.c[theirs.key] == between.c[link.key] for theirs, link in relation.far_pairs))
    return target.join(between, on), between


def owner_columns(relation: Relation, link: FromClause) -> list[ColumnElement[Any]]:
    """Return the columns that identify the owner of a related row, in the order of the relation's pairs."""
    return [link.c[theirs.key] for _, theirs in relation.pairs]


def is_related(relation: Relation, rows: FromClause, link: FromClause) -> ColumnElement[bool]:
    """Return the condition that a related row belongs to a row of `rows`."""
    return and_(*(rows.c[ours.key] == link.c[theirs.key] for ours, theirs in relation.pairs))
