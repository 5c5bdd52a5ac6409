"""Projections: the fields that a read returns, and its related rows, loaded with one statement per relationship."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from crudmq.contract import filters, include
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Invalid, LimitExceeded, at
from crudmq.execution.query import order
from crudmq.execution.query.keys import join_target, one_of, owner_columns
from crudmq.execution.query.where import condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.relations import Relation
from crudmq.resources.resource import Field, Resource, Row
from crudmq.storage.dialects.constructs import chunk_size


def select_fields(resource: Resource, names: Sequence[str] | None, path: str = "fields") -> tuple[Field, ...]:
    """Return the named fields without duplicates; all visible fields by default.

    :raises Invalid: a name does not denote a visible field
    """
    if names is None:
        return resource.visible
    fields = [resource.readable(name) for name in names]
    faults = [
        Detail(at(path, index), f"is not a field of {resource.name}")
        for index, field in enumerate(fields)
        if field is None
    ]
    if faults:
        raise Invalid("the fields are not valid", faults)
    return tuple({field.name: field for field in fields if field is not None}.values())


Owner = tuple[Any, ...]
"""The values that identify the owner of related rows."""


@dataclass(frozen=True, slots=True)
class Included:
    """A relationship to load, validated."""

    relation: Relation
    where: filters.And
    order_by: list[order.OrderBy]
    limit: int
    fields: tuple[Field, ...]
    includes: "list[Included]"

    async def load(self, uow: UnitOfWork, rows: Sequence[Row]) -> list[Any]:
        """Return the related rows of each row, in the order of the rows.

        :raises LimitExceeded: more rows than one statement has parameters for
        """
        owners = [tuple(row[column.key] for column, _ in self.relation.pairs) for row in rows]
        wanted = {owner for owner in owners if None not in owner}
        max_owners = chunk_size(len(self.relation.pairs))
        if len(wanted) > max_owners:
            raise LimitExceeded(f"an include supports at most {max_owners} parent rows")
        related = await self._load(uow, wanted) if wanted and self.limit else {}
        if self.relation.many:
            return [related.get(owner, []) for owner in owners]
        return [next(iter(related.get(owner, [])), None) for owner in owners]

    async def _load(self, uow: UnitOfWork, owners: set[Owner]) -> dict[Owner, list[dict[str, Any]]]:
        width = len(self.relation.pairs)
        loaded = (await uow.execute(self._statement(owners))).all()
        rows = [self.relation.target.row(values[width:]) for values in loaded]
        dumped = await dump(uow, self.fields, self.includes, rows)
        related: dict[Owner, list[dict[str, Any]]] = defaultdict(list)
        for values, row in zip(loaded, dumped, strict=True):
            related[tuple(values[:width])].append(row)
        return related

    def _statement(self, owners: set[Owner]) -> Any:  # noqa: ANN401 - SQLAlchemy's name of it is longer than this
        target = self.relation.target.table.alias()
        source, link = join_target(self.relation, target)
        owner = owner_columns(self.relation, link)
        labels = [column.label(f"link_{index}") for index, column in enumerate(owner)]
        columns = [target.c[column.key] for column in self.relation.target.columns]
        sorting = order.clauses(self.order_by, target)
        selected = (
            select(*labels, *columns)
            .select_from(source)
            .where(one_of(owner, owners), condition(self.relation.target, self.where, target))
        )
        if not self.relation.many:
            return selected
        rank = func.row_number().over(partition_by=owner, order_by=sorting)
        ranked = selected.add_columns(rank.label("crudmq_rank")).subquery()
        shown = [column for column in ranked.c if column is not ranked.c.crudmq_rank]
        return select(*shown).where(ranked.c.crudmq_rank <= self.limit).order_by(ranked.c.crudmq_rank)


async def dump(
    uow: UnitOfWork, selected: Sequence[Field], includes: Sequence[Included], rows: Sequence[Row]
) -> list[dict[str, Any]]:
    """Return rows as JSON, each with its related rows.

    :raises LimitExceeded: more parent rows than an include supports
    """
    dumped = [{field.name: field.dump(row[field.column.key]) for field in selected} for row in rows]
    for included in includes:
        for row, related in zip(dumped, await included.load(uow, rows), strict=True):
            row[included.relation.name] = related
    return dumped


def plan(resource: Resource, wanted: Mapping[str, include.Include], limits: Limits) -> list[Included]:
    """Validate the includes of a command.

    :raises Invalid: a relationship does not exist, or its options are not valid
    :raises LimitExceeded: more related rows for each row than the page limit
    """
    return [_plan(resource, name, options, limits) for name, options in wanted.items()]


def _plan(resource: Resource, name: str, wanted: include.Include, limits: Limits) -> Included:
    relation = resource.relations.get(name)
    if relation is None:
        raise Invalid("`include` is not valid", [Detail(wanted.path, f"is not a relationship of {resource.name}")])
    options, target = wanted.options, relation.target
    limit = limits.default_page if options.limit is None else options.limit
    if limit > limits.max_page:
        fault = Detail(at(wanted.path, "limit"), f"exceeds the limit of {limits.max_page}")
        raise LimitExceeded("`include` exceeds a limit", [fault])
    where = filters.parse({} if options.where is None else options.where, limits, at(wanted.path, "where"))
    condition(target, where)
    return Included(
        relation,
        where,
        order.parse(target, options.order, at(wanted.path, "order")),
        limit,
        select_fields(target, options.fields, at(wanted.path, "fields")),
        plan(target, wanted.include, limits),
    )
