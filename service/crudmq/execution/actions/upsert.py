"""`upsert`: update the rows whose unique key exists, insert the others."""

from dataclasses import dataclass
from typing import Any

from crudmq.contract import command
from crudmq.contract.command import Limits
from crudmq.contract.errors import Conflict, Detail, Faults, Invalid, at
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.changes import Change, Result, Returns, changed_rows
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Field, Resource, Row
from crudmq.resources.row_input import new_row, new_rows

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Upsert(Plan):
    """Validated rows to insert or update."""

    resource: Resource
    rows: list[Row]
    given: list[set[str]]
    """For each row, the columns given in the command."""
    on: tuple[Field, ...]
    many: bool
    returns: Returns
    action = "upsert"
    savepoint = Savepoint.ON_FAILURE
    retry_on_conflict = True

    async def run(self, uow: UnitOfWork) -> Result:
        """Insert or update the rows, in the order of the command.

        :raises Conflict: an existing row has another primary key than the command's row
        """
        wanted = {values for row in self.rows if (values := self._values(row)) is not None}
        present: dict[Any, Change | Row] = {}
        for row in await uow.get_by_unique(self.resource, self.on, wanted):
            present[self._identity(row)] = row
        changes: list[Change] = []
        for row, given in zip(self.rows, self.given, strict=True):
            if changes and changes[-1].before is not None:
                # A new row may take unique values that the changed row had, so the order of the writes matters.
                await uow.flush()
            change = await self._upsert_row(uow, row, given, present)
            if self._values(row) is not None:
                present[self._identity(row)] = change
            changes.append(change)
        created = sum(change.before is None for change in changes)
        return changed_rows(changes, self.returns, many=self.many, created=created)

    async def _upsert_row(self, uow: UnitOfWork, row: Row, given: set[str], present: dict[Any, Change | Row]) -> Change:
        existing = None if self._values(row) is None else present.get(self._identity(row))
        if existing is None:
            return await uow.insert(self.resource, row)
        if isinstance(existing, Change):
            # The command contains this row a second time.
            await uow.flush()
            existing = existing.row
        self._check_key(existing, row, given)
        fixed = {field.column.key for field in (*self.resource.key, *self.on)}
        fixed |= {field.column.key for field in self.resource.fields.values() if field.write_once}
        return await uow.update(self.resource, existing, {name: row[name] for name in given - fixed})

    def _check_key(self, existing: Row, row: Row, given: set[str]) -> None:
        for field in self.resource.key:
            name = field.column.key
            if name in given and field.dump(existing[name]) != field.dump(row[name]):
                message = f"the existing row has a different {field.name}"
                raise Conflict(message, [Detail("data", message, {"kind": "unique", "fields": [field.name]})])

    def _values(self, row: Row) -> Values | None:
        """Return the values of the unique key; None if one of them is null, which equals nothing."""
        values = tuple(row.get(field.column.key) for field in self.on)
        return None if None in values else values

    def _identity(self, row: Row) -> Values:
        return tuple(field.dump(row[field.column.key]) for field in self.on)


def plan(request: command.Upsert, resource: Resource, limits: Limits) -> Upsert:
    """Validate a command.

    :raises Invalid: the details list all errors
    :raises LimitExceeded: too many rows
    """
    many = isinstance(request.data, list)
    data = request.data if many else [request.data]
    limits.check_rows(len(data), "data")
    if not data:
        raise Invalid("the data is not valid", [Detail("data", "is empty")])
    faults = Faults()
    with faults.gathered():
        on = resource.key if request.on is None else _unique_key(resource, request.on)
    with faults.gathered():
        rows = new_rows(resource, data, "data") if many else [new_row(resource, request.data, "data")]
    faults.check()
    paths = [at("data", index) if many else "data" for index in range(len(rows))]
    Faults(
        Detail(at(path, name), "is not supported by upsert")
        for path, row in zip(paths, rows, strict=True)
        for name in (*row.children, *row.links)
    ).check()
    given = [{resource.fields[name].column.key for name in row} for row in data]
    return Upsert(resource, [row.row for row in rows], given, on, many, request.returns)


def _unique_key(resource: Resource, names: list[str]) -> tuple[Field, ...]:
    fields = tuple(field for name in names if (field := resource.readable(name)) is not None)
    columns = frozenset(field.column.key for field in fields)
    if len(fields) != len(names) or columns not in resource.unique_keys:
        raise Invalid("`on` is not valid", [Detail("on", f"is not a unique key of {resource.name}")])
    return fields
