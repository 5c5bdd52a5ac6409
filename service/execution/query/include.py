"""Includes: related rows beside each row, with one statement for each relationship, however many rows there are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.contract import filters, include
from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.limits import Limits
from service.contract.path import at
from service.execution.keys import one_of
from service.execution.query import fields, order
from service.execution.query.join import joined, links
from service.execution.query.where import condition
from service.resources.relations import Relation
from service.resources.resource import Field, Resource, Row
from service.storage.padding import room_for

Links = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """A relationship to load, checked."""

    relation: Relation
    where: filters.All
    terms: list[order.Term]
    limit: int
    fields: tuple[Field, ...]
    inner: "list[Included]"

    async def beside(self, session: AsyncSession, rows: Sequence[Row]) -> list[Any]:
        """Load what is related to each of the rows, with one statement; give it in the order of the rows.

        :raises LimitExceeded: too many rows: what they are linked by are parameters of the statement
        """
        ours = [tuple(row[column.key] for column, _ in self.relation.pairs) for row in rows]
        wanted = {links for links in ours if None not in links}
        most = room_for(len(self.relation.pairs))
        if len(wanted) > most:
            raise LimitExceeded(f"at most {most} rows can have an include")
        found = await self._load(session, wanted) if wanted and self.limit else {}
        if self.relation.many:
            return [found.get(links, []) for links in ours]
        return [next(iter(found.get(links, [])), None) for links in ours]

    async def _load(self, session: AsyncSession, wanted: set[Links]) -> dict[Links, list[dict[str, Any]]]:
        width = len(self.relation.pairs)
        loaded = (await session.execute(self._statement(wanted))).all()
        rows = [self.relation.target.row(one[width:]) for one in loaded]
        shown = await dump(session, self.fields, self.inner, rows)
        found: dict[Links, list[dict[str, Any]]] = defaultdict(list)
        for one, row in zip(loaded, shown, strict=True):
            found[tuple(one[:width])].append(row)
        return found

    def _statement(self, wanted: set[Links]) -> Any:  # noqa: ANN401 - SQLAlchemy's name of it is longer than this
        target = self.relation.target.table.alias()
        source, link = joined(self.relation, target)
        whose = [column.label(f"link_{index}") for index, column in enumerate(links(self.relation, link))]
        columns = [target.c[column.key] for column in self.relation.target.columns]
        sorting = order.sorting(self.terms, target)
        matching = (
            select(*whose, *columns)
            .select_from(source)
            .where(one_of(links(self.relation, link), wanted), condition(self.relation.target, self.where, target))
        )
        if not self.relation.many:
            return matching
        place = func.row_number().over(partition_by=links(self.relation, link), order_by=sorting)
        numbered = matching.add_columns(place.label("place")).subquery()
        shown = [column for column in numbered.c if column is not numbered.c.place]
        return select(*shown).where(numbered.c.place <= self.limit).order_by(numbered.c.place)


async def dump(
    session: AsyncSession, shown: Sequence[Field], includes: Sequence[Included], rows: Sequence[Row]
) -> list[dict[str, Any]]:
    """Write rows as JSON, each with what is related to it."""
    found = [fields.dump(shown, row) for row in rows]
    for one in includes:
        for row, related in zip(found, await one.beside(session, rows), strict=True):
            row[one.relation.name] = related
    return found


def plan(resource: Resource, wanted: Mapping[str, include.Include], limits: Limits) -> list[Included]:
    """Check what is to be included.

    :raises Invalid: no such relationship, or a fault in what is asked of it
    :raises LimitExceeded: more rows for each than a page may have
    """
    return [_plan(resource, name, one, limits) for name, one in wanted.items()]


def _plan(resource: Resource, name: str, one: include.Include, limits: Limits) -> Included:
    relation = resource.relations.get(name)
    if relation is None:
        raise Invalid("include is not valid", [Detail(one.path, f"is not a relationship of {resource.name}")])
    options, target = one.options, relation.target
    limit = limits.default_page if options.limit is None else options.limit
    if limit > limits.max_page:
        raise LimitExceeded("include is over a limit", [Detail(at(one.path, "limit"), f"is over {limits.max_page}")])
    where = filters.parse({} if options.where is None else options.where, limits, at(one.path, "where"))
    condition(target, where)
    return Included(
        relation,
        where,
        order.parse(target, options.order, at(one.path, "order")),
        limit,
        fields.chosen(target, options.fields, at(one.path, "fields")),
        plan(target, one.include, limits),
    )
