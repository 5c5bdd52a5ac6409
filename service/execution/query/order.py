"""Orders, and places in them: every order is total, since the key is its last word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, literal, or_, tuple_

from service.contract.errors import Detail, Invalid
from service.contract.path import at
from service.resources.resource import Field, Resource
from service.storage.sorting import sorted_by


@dataclass(frozen=True, slots=True)
class Term:
    """A field to order by. Nulls are last when it ascends, first when it descends."""

    field: Field
    descending: bool = False

    def sorting(self, rows: FromClause) -> ColumnElement[Any]:
        """Give what to order by."""
        column = rows.c[self.field.column.key]
        if self.field.column.nullable:
            return sorted_by(column, descending=self.descending)
        return column.desc() if self.descending else column.asc()

    def at(self, rows: FromClause, value: object) -> ColumnElement[bool]:
        """Say that a row has this value."""
        column = rows.c[self.field.column.key]
        return column.is_(None) if value is None else column == literal(value, column.type)

    def beyond(self, rows: FromClause, value: object) -> ColumnElement[bool]:
        """Say that a row stands behind those that have this value."""
        column = rows.c[self.field.column.key]
        if self.descending:
            return column.is_not(None) if value is None else column < literal(value, column.type)
        if value is None:
            return false()
        behind = column > literal(value, column.type)
        return or_(behind, column.is_(None)) if self.field.column.nullable else behind


def parse(resource: Resource, names: Sequence[str], path: str = "order") -> list[Term]:
    """Read an order, and add the key to it. A field that comes again orders nothing more.

    :raises Invalid: with every fault
    """
    faults: list[Detail] = []
    terms: dict[str, Term] = {}
    for index, name in enumerate(names):
        field = resource.readable(name.removeprefix("-"))
        if field is None or not field.kind.comparable:
            faults.append(Detail(at(path, index), f"is not a field of {resource.name} to order by"))
        else:
            terms.setdefault(field.name, Term(field, descending=name.startswith("-")))
    if faults:
        raise Invalid("the order is not valid", faults)
    for field in resource.key:
        terms.setdefault(field.name, Term(field))
    return list(terms.values())


def sorting(terms: Sequence[Term], rows: FromClause) -> list[ColumnElement[Any]]:
    """Give what to order by."""
    return [term.sorting(rows) for term in terms]


def after(terms: Sequence[Term], values: Sequence[object], rows: FromClause) -> ColumnElement[bool]:
    """Say that a row stands behind the one that has these values."""
    if len(terms) == 1:
        return terms[0].beyond(rows, values[0])
    plain = not any(term.field.column.nullable for term in terms)
    if plain and len({term.descending for term in terms}) == 1:
        # One comparison of rows is what an index can be entered with.
        columns = [rows.c[term.field.column.key] for term in terms]
        left = tuple_(*columns)
        right = tuple_(*(literal(value, column.type) for column, value in zip(columns, values, strict=True)))
        return left < right if terms[0].descending else left > right
    steps = [
        and_(
            *(before.at(rows, value) for before, value in zip(terms[:index], values, strict=False)),
            term.beyond(rows, values[index]),
        )
        for index, term in enumerate(terms)
    ]
    first = or_(terms[0].at(rows, values[0]), terms[0].beyond(rows, values[0]))
    # What follows from the rest, said again so that an index can be entered with it.
    return and_(first, or_(*steps))
