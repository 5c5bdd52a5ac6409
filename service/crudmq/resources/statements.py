"""Registered statements: SQL that clients call by name with typed parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import TextClause, bindparam, text

from crudmq.contract.errors import Detail, Invalid, at
from crudmq.resources.types import ValueType
from crudmq.resources.types.columns import OF_PYTHON_TYPES

Returns = Literal["rows", "rowcount"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A registered statement."""

    name: str
    sql: TextClause
    parameters: Mapping[str, ValueType]
    returns: Returns
    writes: bool
    event: str | None

    def load(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Return the values to bind for the parameters of a call.

        :raises Invalid: the parameters are not valid; the details list all errors
        """
        values, faults = {}, []
        for name in {**self.parameters, **params}:
            try:
                values[name] = self._load(name, params)
            except ValueError as exc:
                faults.append(Detail(at("params", name), str(exc)))
        if faults:
            raise Invalid("the parameters are not valid", faults)
        return values

    def _load(self, name: str, params: Mapping[str, object]) -> Any:  # noqa: ANN401 - as the parameter takes it
        value_type = self.parameters.get(name)
        if value_type is None:
            raise ValueError(f"is not a parameter of {self.name}")
        if name not in params:
            raise ValueError("is required")
        if params[name] is None:
            raise ValueError("must not be null")
        return value_type.load(params[name])


def make_statement(  # noqa: PLR0913 - the options of register_statement
    name: str, sql: str, parameters: Mapping[str, type], *, returns: Returns, writes: bool, event: str | None
) -> Statement:
    """Return a statement of SQL text with `:name` parameters.

    :raises TypeError: an option or the type of a parameter is not supported, or the parameters do not match the SQL
        text
    """
    _check_options(name, returns, writes, event)
    parameter_types, bound = {}, []
    for parameter, python_type in parameters.items():
        if python_type not in OF_PYTHON_TYPES:
            raise TypeError(f"{name}: parameters of type {python_type!r} are not supported")
        parameter_types[parameter], column_type = OF_PYTHON_TYPES[python_type]
        bound.append(bindparam(parameter, type_=column_type))
    clause = text(sql)
    differing = sorted(set(clause._bindparams) ^ set(parameters))  # noqa: SLF001 - SQLAlchemy has no public name
    if differing:
        raise TypeError(f"{name}: the parameters do not match the SQL text: {', '.join(differing)}")
    return Statement(name, clause.bindparams(*bound), parameter_types, returns, writes, event)


def _check_options(name: str, returns: object, writes: object, event: object) -> None:
    valid = {
        "returns": returns in get_args(Returns),
        "writes": isinstance(writes, bool),
        "event": event is None or isinstance(event, str),
    }
    for option in (option for option in valid if not valid[option]):
        raise TypeError(f"{name}: `{option}` has an invalid value; it is a reserved name, not a parameter's")
