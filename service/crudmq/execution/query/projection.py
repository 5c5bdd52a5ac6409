"""Projections: the fields that a read returns, and its related rows, loaded with one statement per relationship."""

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


class _Budget:
    """The number of related rows that one answer may still load, and the number that it may have."""

    def __init__(self, rows: int) -> None:
        self.max_rows = self.left = rows

    def spend(self, loaded: int) -> None:
        self.left -= loaded
        self.check(self.max_rows - self.left)

    def check(self, rows: int) -> None:
        if rows > self.max_rows:
            raise LimitExceeded(f"an answer includes at most {self.max_rows} related rows")


@dataclass(frozen=True, slots=True)
class Included:
    """A relationship to load, validated."""

    relation: Relation
    where: filters.And
    order_by: list[order.OrderBy]
    limit: int
    fields: tuple[Field, ...]
    includes: "list[Included]"

    async def load(self, uow: UnitOfWork, rows: Sequence[Row], budget: _Budget) -> list[tuple[Any, int]]:
        """Return the related rows of each row, in the order of the rows, and how many rows they are with their own.

        :raises LimitExceeded: more rows than one statement has parameters for, or more related rows than the budget
        """
        owners = [tuple(row[column.key] for column, _ in self.relation.pairs) for row in rows]
        wanted = {owner for owner in owners if None not in owner}
        max_owners = chunk_size(len(self.relation.pairs))
        if len(wanted) > max_owners:
            raise LimitExceeded(f"an include supports at most {max_owners} parent rows")
        related = await self._load(uow, wanted, budget) if wanted and self.limit else {}
        if self.relation.many:
            return [related.get(owner, ([], 0)) for owner in owners]
        found = (related.get(owner, ([], 0)) for owner in owners)
        return [(next(iter(rows), None), count) for rows, count in found]

    async def _load(
        self, uow: UnitOfWork, owners: set[Owner], budget: _Budget
    ) -> dict[Owner, tuple[list[dict[str, Any]], int]]:
        width = len(self.relation.pairs)
        loaded = (await uow.execute(self._statement(owners).limit(budget.left + 1))).all()
        budget.spend(len(loaded))
        rows = [self.relation.target.row(values[width:]) for values in loaded]
        dumped, counts = await _dump(uow, self.fields, self.includes, rows, budget)
        related: dict[Owner, tuple[list[dict[str, Any]], int]] = {}
        for values, row, count in zip(loaded, dumped, counts, strict=True):
            siblings, before = related.get(owner := tuple(values[:width]), ([], 0))
            siblings.append(row)
            related[owner] = siblings, before + count
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


@dataclass(frozen=True, slots=True)
class Projection:
    """What a read returns of each row."""

    fields: tuple[Field, ...]
    includes: list[Included]
    max_related: int
    """The maximum number of related rows in one answer."""

    async def dump(self, uow: UnitOfWork, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return rows as JSON, each with its related rows.

        :raises LimitExceeded: more parent rows than an include supports, or too many related rows
        """
        budget = _Budget(self.max_related)
        dumped, counts = await _dump(uow, self.fields, self.includes, rows, budget)
        budget.check(sum(counts) - len(rows))
        return dumped


async def _dump(
    uow: UnitOfWork, selected: Sequence[Field], includes: Sequence[Included], rows: Sequence[Row], budget: _Budget
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return rows as JSON, and how many rows each is with its related ones: those of equal keys are loaded once."""
    dumped = [{field.name: field.dump(row[field.column.key]) for field in selected} for row in rows]
    counts = [1] * len(rows)
    for included in includes:
        for index, (related, count) in enumerate(await included.load(uow, rows, budget)):
            dumped[index][included.relation.name] = related
            counts[index] += count
    return dumped, counts


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
