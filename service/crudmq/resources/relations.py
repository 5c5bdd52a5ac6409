"""Relations between resources: the mapping's relationships over plain foreign keys."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from crudmq.resources.resource import Resource

Pairs = tuple[tuple[Column[Any], Column[Any]], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship from a resource to another one."""

    name: str
    target: "Resource"
    direction: RelationshipDirection
    many: bool
    pairs: Pairs
    """Columns of the resource, each with the equal column of the target or of the association table."""
    between: Table | None = None
    far_pairs: Pairs = ()
    """Columns of the target, each with the equal column of the association table."""


def find_relations(mapper: Mapper[Any], find: Callable[[Mapper[Any]], "Resource | None"]) -> dict[str, Relation]:
    """Return the relations of a class whose target `find` returns; other relationships are omitted."""
    relations = {}
    for relationship in mapper.relationships:
        target = find(relationship.mapper)
        if target is not None and not relationship.viewonly and _is_plain(relationship):
            relations[relationship.key] = _relation(relationship, target)
    return relations


def _relation(relationship: RelationshipProperty[Any], target: "Resource") -> Relation:
    direction, many = relationship.direction, bool(relationship.uselist)
    if direction is not RelationshipDirection.MANYTOMANY:
        return Relation(relationship.key, target, direction, many, _columns(relationship.local_remote_pairs or ()))
    between = relationship.secondary
    assert isinstance(between, Table)  # noqa: S101 - _is_plain checks it
    pairs = _columns(relationship.synchronize_pairs)
    far_pairs = _columns(relationship.secondary_synchronize_pairs or ())
    return Relation(relationship.key, target, direction, many, pairs, between, far_pairs)


def _columns(pairs: Sequence[tuple[Any, Any]]) -> Pairs:
    return tuple((column, equal) for column, equal in pairs)


def _is_plain(relationship: RelationshipProperty[Any]) -> bool:
    """Return whether the join condition consists of equal columns only."""
    if relationship.secondary is not None and not isinstance(relationship.secondary, Table):
        return False
    joins = [join for join in (relationship.primaryjoin, relationship.secondaryjoin) if join is not None]
    comparisons = [node for join in joins for node in visitors.iterate(join) if node.__visit_name__ == "binary"]
    are_equal = all(getattr(comparison, "operator", None) is operator.eq for comparison in comparisons)
    pairs = len(relationship.synchronize_pairs) + len(relationship.secondary_synchronize_pairs or ())
    return are_equal and len(comparisons) == pairs
