"""Named statements: SQL that the operator registers, and clients call by name with typed parameters."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import TextClause, bindparam, text, types

from service.contract.errors import Detail, Invalid
from service.contract.path import at
from service.resources import values
from service.resources.values import Kind

Returns = Literal["rows", "rowcount"]

_PARAMETERS: dict[type, tuple[Kind, types.TypeEngine[Any]]] = {
    bool: (values.BOOLEAN, types.Boolean()),
    int: (values.integer(64), types.BigInteger()),
    float: (values.NUMBER, types.Double()),
    str: (values.text(), types.Text()),
    bytes: (values.BYTES, types.LargeBinary()),
    Decimal: (values.decimal(None, None), types.Numeric()),
    datetime: (values.MOMENT, types.DateTime(timezone=True)),
    date: (values.DATE, types.Date()),
    time: (values.TIME, types.Time()),
    uuid.UUID: (values.UUID, types.Uuid()),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and what it takes."""

    name: str
    sql: TextClause
    kinds: Mapping[str, Kind]
    returns: Returns
    writes: bool
    event: str | None

    def load(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Read the parameters of a call.

        :raises Invalid: with every fault
        """
        found, faults = {}, []
        for name in {**self.kinds, **given}:
            try:
                found[name] = self._load(name, given)
            except ValueError as exc:
                faults.append(Detail(at("params", name), str(exc)))
        if faults:
            raise Invalid("the parameters are not valid", faults)
        return found

    def _load(self, name: str, given: Mapping[str, object]) -> Any:  # noqa: ANN401 - as the parameter takes it
        kind = self.kinds.get(name)
        if kind is None:
            raise ValueError(f"is not a parameter of {self.name}")
        if name not in given:
            raise ValueError("is required")
        if given[name] is None:
            raise ValueError("may not be null")
        return kind.load(given[name])


def statement(  # noqa: PLR0913 - what an operator can say of one
    name: str, sql: str, parameters: Mapping[str, type], *, returns: Returns, writes: bool, event: str | None
) -> Statement:
    """Make a statement of SQL text with `:name` parameters.

    :raises TypeError: a parameter's type is none that there is, or the SQL and the parameters do not go together
    """
    kinds, bound = {}, []
    for parameter, kind in parameters.items():
        if kind not in _PARAMETERS:
            raise TypeError(f"{name}: parameters of type {kind!r} cannot be passed")
        kinds[parameter], column_type = _PARAMETERS[kind]
        bound.append(bindparam(parameter, type_=column_type))
    clause = text(sql)
    missing = sorted(set(clause._bindparams) ^ set(kinds))  # noqa: SLF001 - SQLAlchemy tells it nowhere else
    if missing:
        raise TypeError(f"{name}: the SQL and its parameters differ in {', '.join(missing)}")
    return Statement(name, clause.bindparams(*bound), kinds, returns, writes, event)


def dump(value: Any) -> Any:  # noqa: ANN401 - any value of a column
    """Write a value of which only Python's type is known."""
    kind = next((kind for known, (kind, _) in _PARAMETERS.items() if type(value) is known), None)
    return value if kind is None or kind.dump is None else kind.dump(value)
