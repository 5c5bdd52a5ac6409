"""How resources belong together, as far as the mapping's relationships say it by plain foreign keys."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from service.resources.resource import Resource

Pairs = tuple[tuple[Column[Any], Column[Any]], ...]


class Side(Enum):
    """Where the foreign key of a relationship is."""

    HERE = "here"
    """Many to one: in our row."""
    THERE = "there"
    """One to many, one to one: in the related rows."""
    BETWEEN = "between"
    """Many to many: in rows of a table between."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a resource to another one."""

    name: str
    target: "Resource"
    side: Side
    many: bool
    pairs: Pairs
    """Columns of ours with those that are equal to them: of the target, or of the table between."""
    between: Table | None = None
    far_pairs: Pairs = ()
    """Columns of the target with those of the table between that are equal to them."""


def relations(mapper: Mapper[Any], find: Callable[[Mapper[Any]], "Resource | None"]) -> dict[str, Relation]:
    """Find the relationships of a class to those that are exposed too; others are as good as none."""
    found = {}
    for one in mapper.relationships:
        target = find(one.mapper)
        if target is not None and not one.viewonly and _is_plain(one):
            found[one.key] = _relation(one, target)
    return found


def _relation(found: RelationshipProperty[Any], target: "Resource") -> Relation:
    many = bool(found.uselist)
    if found.direction is RelationshipDirection.MANYTOMANY:
        between = found.secondary
        assert isinstance(between, Table)  # noqa: S101 - _is_plain saw to it
        far = _columns(found.secondary_synchronize_pairs or ())
        return Relation(found.key, target, Side.BETWEEN, many, _columns(found.synchronize_pairs), between, far)
    side = Side.HERE if found.direction is RelationshipDirection.MANYTOONE else Side.THERE
    return Relation(found.key, target, side, many, _columns(found.local_remote_pairs or ()))


def _columns(pairs: Sequence[tuple[Any, Any]]) -> Pairs:
    return tuple((one, other) for one, other in pairs)


def _is_plain(found: RelationshipProperty[Any]) -> bool:
    """Tell whether rows are related by equal columns and by nothing else."""
    if found.secondary is not None and not isinstance(found.secondary, Table):
        return False
    joins = [found.primaryjoin, *([found.secondaryjoin] if found.secondaryjoin is not None else [])]
    compared = [part for join in joins for part in visitors.iterate(join) if part.__visit_name__ == "binary"]
    equal = all(getattr(part, "operator", None) is operator.eq for part in compared)
    wanted = len(found.synchronize_pairs) + len(found.secondary_synchronize_pairs or ())
    return equal and len(compared) == wanted
