"""Rows by their keys, as SQL."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from service.resources.resource import Key, Resource
from service.storage.padding import padded


def one_of(columns: Sequence[ColumnElement[Any]], values: Collection[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Say that columns have one of some combinations of values. There must be one at least."""
    if len(columns) == 1:
        return columns[0].in_(padded([one[0] for one in values]))
    return tuple_(*columns).in_(padded(values))


def has_key(resource: Resource, keys: Collection[Key]) -> ColumnElement[bool]:
    """Say that a row has one of some keys."""
    return one_of([field.column for field in resource.key], keys)


def in_key_order(resource: Resource) -> Select[Any]:
    """Select rows in the order of their keys: who locks them all in one order cannot lock each other out."""
    return select(*resource.columns).order_by(*(field.column for field in resource.key))
