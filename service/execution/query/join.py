"""Related rows as SQL: the same for filters that go through a relationship and for includes."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_

from service.resources.relations import Relation, Side


def joined(relation: Relation, target: FromClause) -> tuple[FromClause, FromClause]:
    """Give what holds the related rows, and what in it says whose they are: the target, or the table between."""
    if relation.side is not Side.BETWEEN:
        return target, target
    assert relation.between is not None  # noqa: S101 - so it is said to be
    between = relation.between.alias()
    on = and_(*(target.c[theirs.key] == between.c[link.key] for theirs, link in relation.far_pairs))
    return target.join(between, on), between


def links(relation: Relation, link: FromClause) -> list[ColumnElement[Any]]:
    """Give the columns that say whose a related row is, in the order of the relation's pairs."""
    return [link.c[theirs.key] for _, theirs in relation.pairs]


def related(relation: Relation, rows: FromClause, link: FromClause) -> ColumnElement[bool]:
    """Say that a related row belongs to a row of `rows`."""
    return and_(*(rows.c[ours.key] == link.c[theirs.key] for ours, theirs in relation.pairs))
