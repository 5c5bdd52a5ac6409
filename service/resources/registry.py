"""Exposing: one line makes a resource of a mapped class or a table."""

import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Mapper

from service.contract.command import ACTIONS
from service.contract.path import MAX_NAME
from service.resources.mapping import ExposureError, check_names, field_of, mapped, mapper_of, relationship_names
from service.resources.relations import Relation, relations
from service.resources.resource import Resource
from service.resources.statements import Returns, Statement, statement

_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}")


class Registry:
    """The resources of a service, by name."""

    def __init__(self) -> None:
        """Begin with none."""
        self._resources: dict[str, Resource] = {}
        self._statements: dict[str, Statement] = {}

    def expose(  # noqa: PLR0913 - one line for the operator, each option a word
        self,
        model: type[Any] | Table,
        *,
        name: str | None = None,
        actions: Iterable[str] = ACTIONS,
        read_only: Iterable[str] = (),
        write_once: Iterable[str] = (),
        hidden: Iterable[str] = (),
        version: str | None = None,
    ) -> Resource:
        """Make a resource of a declarative class or a Core table; all the rest is taken from its mapping.

        :param name: what commands call it; the table's name by default
        :param actions: which actions it offers; all by default. What others reach through a relationship is up to
            theirs: hide the relationship
        :param read_only: fields that commands cannot write
        :param write_once: fields that only `create` writes
        :param hidden: fields that are written, but never shown; and relationships that are not offered
        :param version: the integer field that counts changes; the mapper's `version_id_col` by default
        :raises ExposureError: the model cannot be exposed, or an option names what it does not have
        """
        columns, versioned_by = mapped(model)
        table = next(iter(columns.values())).table
        assert isinstance(table, Table)  # noqa: S101 - for the type checker; mapped saw to it
        options = {"read_only": set(read_only), "write_once": set(write_once), "hidden": set(hidden)}
        version = version or versioned_by
        wanted = frozenset(actions)
        check_names(table.name, columns, {*options["read_only"], *options["write_once"]})
        check_names(table.name, {*columns, *relationship_names(model)}, options["hidden"])
        check_names(table.name, columns, set() if version is None else {version})
        check_names("the actions", ACTIONS, wanted)
        fields = [field_of(column, name, options, is_version=name == version) for name, column in columns.items()]
        hides = options["hidden"]
        resource = Resource(
            table.name if name is None else name, table, fields, wanted, lambda: self._relations(model, hides)
        )
        resource.version = None if version is None else resource.fields[version]
        self._add(resource)
        return resource

    def named(
        self,
        name: str,
        sql: str,
        *,
        returns: Returns = "rows",
        writes: bool = False,
        event: str | None = None,
        **parameters: type,
    ) -> Statement:
        """Register a statement that commands may `call`: `named("adults", "select … where age > :age", age=int)`.

        :param sql: SQL text; `:age` stands for the parameter `age`
        :param returns: the rows that it gives, or only how many it changed
        :param writes: whether it changes something; it then runs in the command's transaction
        :param event: the type of an event that tells that it ran, such as `prices.raised`
        :param parameters: the type of each: int, str, float, bool, bytes, Decimal, datetime, date, time or UUID
        :raises ExposureError: the SQL and the parameters do not go together, or the name is taken
        """
        if name in self._statements:
            raise ExposureError(f"the statement {name} is registered twice: give one of them another name")
        try:
            found = statement(name, sql, parameters, returns=returns, writes=writes, event=event)
        except TypeError as exc:
            raise ExposureError(str(exc)) from exc
        self._statements[name] = found
        return found

    def statement(self, name: str) -> Statement | None:
        """Find a named statement."""
        return self._statements.get(name)

    @property
    def statements(self) -> list[Statement]:
        """Give the named statements in the order of their registration."""
        return list(self._statements.values())

    def _relations(self, model: type[Any] | Table, hidden: set[str]) -> dict[str, Relation]:
        if isinstance(model, Table):
            return {}
        found = relations(mapper_of(model), self._of)
        return {name: relation for name, relation in found.items() if name not in hidden}

    def _of(self, mapper: Mapper[Any]) -> Resource | None:
        return next((one for one in self if one.table is mapper.local_table), None)

    def _add(self, resource: Resource) -> None:
        if not _NAME.fullmatch(resource.name):
            raise ExposureError(f"{resource.name!r} cannot be part of a routing key: give it another name")
        if resource.name in self._resources:
            raise ExposureError(f"{resource.name} is exposed twice: give one of them another name")
        self._resources[resource.name] = resource

    def get(self, name: str) -> Resource | None:
        """Find a resource."""
        return self._resources.get(name)

    def __iter__(self) -> Iterator[Resource]:
        """Go through the resources in the order of their exposure."""
        return iter(self._resources.values())

    def __len__(self) -> int:
        """Count the resources."""
        return len(self._resources)


_exposed = Registry()
expose = _exposed.expose
named = _exposed.named


def load(module: str) -> Registry:
    """Import the operator's module and give what it exposed.

    :raises ExposureError: there is no such module, it exposes nothing, or something that cannot be exposed
    """
    if "" not in sys.path:
        # The operator's module lies where the operator is, as it would for `python -m service`.
        sys.path.insert(0, "")
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as exc:
        raise ExposureError(f"there is no module {exc.name}, which CRUDMQ_MODELS={module} needs") from exc
    if not len(_exposed):
        raise ExposureError(f"the module {module} exposes no resource: call service.resources.expose(Model) in it")
    return _exposed
