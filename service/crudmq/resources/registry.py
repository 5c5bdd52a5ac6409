"""The registry of exposed resources and statements."""

import importlib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.orm import Mapper

from crudmq.contract.command import ACTIONS
from crudmq.contract.errors import MAX_NAME
from crudmq.resources.mapping import ExposureError, field_of, mapped, mapper_of, relationship_names
from crudmq.resources.relations import Relation, find_relations
from crudmq.resources.resource import Resource
from crudmq.resources.statements import Returns, Statement, make_statement

_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}")


class Registry:
    """The resources and statements of a service, by name."""

    def __init__(self) -> None:
        """Create an empty registry."""
        self._resources: dict[str, Resource] = {}
        self._statements: dict[str, Statement] = {}

    def expose(  # noqa: PLR0913 - keyword options of a declaration
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
        """Expose a declarative class or a Core table as a resource; fields, keys and types come from its mapping.

        :param name: the name in commands; the table's name by default
        :param actions: the actions that the resource offers: `create`, `get`, `list`, `count`, `update`, `upsert`,
            `delete`; all by default. They do not restrict access through relationships of other resources: hide those
        :param read_only: fields that commands cannot write
        :param write_once: fields that only `create` can write
        :param hidden: fields that commands can write but never read, and relationships that are not offered;
            not fields of the primary key or the version, which are part of events, errors and cursors
        :param version: the integer field that counts updates; the mapper's `version_id_col` by default
        :return: the resource
        :raises ExposureError: the model cannot be exposed, an option has an unknown name, or the name is taken
        """
        columns, mapped_version = mapped(model)
        table = next(iter(columns.values())).table
        assert isinstance(table, Table)  # noqa: S101 - for the type checker; mapped() returns columns of tables
        options = {"read_only": set(read_only), "write_once": set(write_once), "hidden": set(hidden)}
        version = version or mapped_version
        offered = frozenset(actions)
        fields = {*options["read_only"], *options["write_once"], *([] if version is None else [version])}
        _check_names(table.name, "field", fields, columns)
        _check_names(table.name, "field or relationship", options["hidden"], {*columns, *relationship_names(model)})
        _check_names(table.name, "action", offered, ACTIONS)
        _check_hidden(table.name, options["hidden"], columns, version)
        resource = Resource(
            table.name if name is None else name,
            table,
            [field_of(column, key, options, is_version=key == version) for key, column in columns.items()],
            offered,
            lambda: self._relations(model, options["hidden"]),
        )
        resource.version = None if version is None else resource.fields[version]
        self._add(resource)
        return resource

    def register_statement(
        self,
        name: str,
        sql: str,
        /,
        *,
        returns: Returns = "rows",
        writes: bool = False,
        event: str | None = None,
        **parameters: type,
    ) -> Statement:
        """Register a statement for `call`: `register_statement("adults", "SELECT … WHERE age > :age", age=int)`.

        :param name: the name in commands
        :param sql: SQL text; `:age` is the parameter `age`
        :param returns: `rows` for a query, `rowcount` for a statement that changes rows
        :param writes: whether the statement changes data; it then runs in the transaction of its command
        :param event: the type of an event to publish after the statement ran, such as `prices.raised`
        :param parameters: the type of each parameter: int, str, float, bool, bytes, Decimal, datetime, date, time or
            UUID. A parameter can have any name but `returns`, `writes` and `event`
        :return: the statement
        :raises ExposureError: the parameters do not match the SQL text, an option or a type is not supported, or the
            name is taken
        """
        if name in self._statements:
            raise ExposureError(f"statement {name} is already registered; choose another name")
        try:
            statement = make_statement(name, sql, parameters, returns=returns, writes=writes, event=event)
        except TypeError as exc:
            raise ExposureError(str(exc)) from exc
        self._statements[name] = statement
        return statement

    def statement(self, name: str) -> Statement | None:
        """Return the registered statement with this name, or None."""
        return self._statements.get(name)

    @property
    def statements(self) -> list[Statement]:
        """The registered statements in the order of their registration."""
        return list(self._statements.values())

    def get(self, name: str) -> Resource | None:
        """Return the resource with this name, or None."""
        return self._resources.get(name)

    @property
    def tables(self) -> list[Table]:
        """The tables of the resources, and those between them."""
        relations = [relation for resource in self for relation in resource.relations.values()]
        between = [relation.between for relation in relations if relation.between is not None]
        return list(dict.fromkeys([*(resource.table for resource in self), *between]))

    def __iter__(self) -> Iterator[Resource]:
        """Iterate over the resources in the order of their registration."""
        return iter(self._resources.values())

    def __len__(self) -> int:
        """Return the number of resources."""
        return len(self._resources)

    def _relations(self, model: type[Any] | Table, hidden: set[str]) -> dict[str, Relation]:
        if isinstance(model, Table):
            return {}
        relations = find_relations(mapper_of(model), self._resource_of)
        return {name: relation for name, relation in relations.items() if name not in hidden}

    def _resource_of(self, mapper: Mapper[Any]) -> Resource | None:
        return next((resource for resource in self if resource.table is mapper.local_table), None)

    def _add(self, resource: Resource) -> None:
        if not _NAME.fullmatch(resource.name):
            rule = f"at most {MAX_NAME} letters, digits, '_' and '-', starting with a letter or '_'"
            raise ExposureError(f"invalid resource name {resource.name!r}: a name has {rule}")
        if resource.name in self._resources:
            raise ExposureError(f"resource {resource.name} is already exposed; choose another name")
        self._resources[resource.name] = resource


def _check_names(table: str, what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Check that the names in an option are known.

    :raises ExposureError: a name is unknown
    """
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ExposureError(f"{table}: unknown {what} {', '.join(unknown)}")


def _check_hidden(table: str, hidden: set[str], columns: Mapping[str, Column[Any]], version: str | None) -> None:
    """Check that neither the key nor the version is hidden: events, errors and cursors contain them.

    :raises ExposureError: one of them is hidden
    """
    shown = {name for name, column in columns.items() if column.primary_key or name == version}
    if shown & hidden:
        names = ", ".join(sorted(shown & hidden))
        raise ExposureError(f"{table}: the primary key and the version cannot be hidden: {names}")


_default_registry = Registry()
expose = _default_registry.expose
register_statement = _default_registry.register_statement

_FOREIGN_CODE = ("<frozen", str(Path(__file__).parents[1]), str(Path(importlib.__file__).parents[1]))
"""What the file names of crudmq and of the standard library begin with."""


def load(module: str) -> Registry:
    """Import the module that `CRUDMQ_MODELS` names, and return the registry that it filled.

    :raises ExposureError: the module is not found, fails, exposes no resource, or exposes a model that is not supported
    """
    if not all(part.isidentifier() for part in module.split(".")):
        raise ExposureError(f"CRUDMQ_MODELS must be the name of a module, such as myapp.models, not {module!r}")
    if "" not in sys.path:
        # Modules in the working directory can be imported, but do not take the place of installed ones.
        sys.path.append("")
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as exc:
        raise ExposureError(f"cannot import CRUDMQ_MODELS={module}: no module named {exc.name}{_place(exc)}") from exc
    except ExposureError:
        raise
    except Exception as exc:
        raise ExposureError(f"cannot import CRUDMQ_MODELS={module}: {type(exc).__name__}: {exc}{_place(exc)}") from exc
    if not len(_default_registry):
        raise ExposureError(f"module {module} exposes no resource: call crudmq.expose(Model) in it")
    return _default_registry


def _place(error: Exception) -> str:
    """Return the line of the operator's code that an import failed in, if it is known."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_FOREIGN_CODE) and "site-packages" not in frame.filename
    ]
    return f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
