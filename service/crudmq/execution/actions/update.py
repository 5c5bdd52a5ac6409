"""`update`: change the row with a key, several rows with different changes, or the rows that match a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crudmq.contract import command, filters
from crudmq.contract.command import Limits
from crudmq.contract.errors import CommandError, Detail, Faults, Invalid, at
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.actions.targeting import (
    check_target,
    check_version,
    check_versioned,
    get_or_raise,
    load_key,
)
from crudmq.execution.changes import Change, Result, Returns, changed_rows
from crudmq.execution.links import change_links
from crudmq.execution.query.where import Clause, condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource, Row
from crudmq.resources.row_input import RowInput, changes, check_size


@dataclass(frozen=True)
class _KeyedUpdate:
    """Validated changes of one row."""

    key: Key
    values: RowInput
    if_version: int | None
    path: str = ""

    async def run(self, uow: UnitOfWork, resource: Resource) -> Change:
        try:
            row = await get_or_raise(uow, resource, self.key)
        except CommandError as error:
            raise error.within(self.path) if self.path else error from None
        check_version(resource, row, self.if_version, at(self.path, "if_version"))
        links = await change_links(uow, resource, row, self.values.links) if self.values.links else {}
        return await uow.update(resource, row, self.values.row, links)


@dataclass(frozen=True)
class Update(Plan):
    """Validated changes of rows by their keys."""

    resource: Resource
    updates: list[_KeyedUpdate]
    many: bool
    returns: Returns
    action = "update"

    @property
    def savepoint(self) -> Savepoint:  # type: ignore[override]
        """Return `ON_FAILURE` if it can fail midway: it changes several rows, or links."""
        can_fail_midway = len(self.updates) > 1 or any(update.values.links for update in self.updates)
        return Savepoint.ON_FAILURE if can_fail_midway else Savepoint.NEVER

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Return the keys of the rows."""
        return [(self.resource, update.key) for update in self.updates]

    @property
    def written(self) -> Sequence[Row]:
        """Return the changed values of each row."""
        return [update.values.row for update in self.updates]

    async def run(self, uow: UnitOfWork) -> Result:
        """Change the rows in the order of the command.

        :raises NotFound: a row does not exist
        :raises VersionMismatch: the version of a row differs from its `if_version`
        """
        return changed_rows(
            [await update.run(uow, self.resource) for update in self.updates], self.returns, many=self.many
        )


@dataclass(frozen=True)
class UpdateWhere(Plan):
    """Validated changes of the rows that match a filter."""

    resource: Resource
    where: Clause
    values: Row
    max_rows: int
    returns: Returns
    action = "update"

    async def run(self, uow: UnitOfWork) -> Result:
        """Change the rows, in key order.

        :raises LimitExceeded: more rows match than `max_rows`
        """
        matched = await uow.select_for_update(self.resource, self.where, self.max_rows)
        return changed_rows(
            [await uow.update(self.resource, row, self.values) for row in matched], self.returns, many=True
        )


def plan(request: command.Update, resource: Resource, limits: Limits) -> Update | UpdateWhere:
    """Validate a command.

    :raises Invalid: the details list all errors
    :raises LimitExceeded: too many rows
    """
    if isinstance(request.data, list):
        return _plan_array(request, resource, limits)
    faults = Faults()
    with faults.gathered():
        check_target(request, resource, limits)
    with faults.gathered():
        values = changes(resource, request.data, "data")
    if request.where is command.ABSENT:
        with faults.gathered():
            key = load_key(resource, request.key)
        faults.check()
        check_size([values], limits)
        return Update(resource, [_KeyedUpdate(key, values, request.if_version)], many=False, returns=request.returns)
    with faults.gathered():
        where = condition(resource, filters.parse(request.where, limits))
    faults.check()
    if values.links:
        links = [Detail(at("data", name), "can only be changed in an update by `key`") for name in values.links]
        raise Invalid("the data is not valid", links)
    return UpdateWhere(resource, where, values.row, request.max_rows or 0, request.returns)


def _plan_array(request: command.Update, resource: Resource, limits: Limits) -> Update:
    limits.check_rows(len(request.data), "data")
    given = {
        "key": request.key is not command.ABSENT,
        "where": request.where is not command.ABSENT,
        "if_version": request.if_version is not None,
        "max_rows": request.max_rows is not None,
    }
    faults = [Detail(name, "cannot be combined with an array of changes") for name in given if given[name]]
    faults += [] if request.data else [Detail("data", "is empty")]
    updates: list[_KeyedUpdate] = []
    for index, item in enumerate(request.data):
        try:
            updates.append(_plan_keyed(item, resource, at("data", index)))
        except CommandError as error:
            faults += error.details
    if faults:
        raise Invalid("the data is not valid", faults)
    check_size((change.values for change in updates), limits)
    return Update(resource, updates, many=True, returns=request.returns)


def _plan_keyed(item: Any, resource: Resource, path: str) -> _KeyedUpdate:  # noqa: ANN401 - JSON is any value
    if not isinstance(item, dict):
        raise Invalid("the data is not valid", [Detail(path, "is not an object with `key` and `data`")])
    known = ("key", "data", "if_version")
    faults = [
        Detail(at(path, name), "is not one of `key`, `data` and `if_version`") for name in item if name not in known
    ]
    faults += [Detail(at(path, name), "is required") for name in ("key", "data") if name not in item]
    version = item.get("if_version")
    if version is not None and type(version) is not int:
        faults.append(Detail(at(path, "if_version"), "is not an integer"))
    if faults:
        raise Invalid("the data is not valid", faults)
    check_versioned(resource, version, at(path, "if_version"))
    key = resource.load_key(item["key"], at(path, "key"))
    return _KeyedUpdate(key, changes(resource, item["data"], at(path, "data")), version, path)
