"""Which fields a read shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.contract.errors import Detail, Invalid
from service.contract.path import at
from service.resources.resource import Field, Resource


def chosen(resource: Resource, names: Sequence[str] | None, path: str = "fields") -> tuple[Field, ...]:
    """Find the named fields, each once; all that may be seen by default.

    :raises Invalid: with every name that is not one
    """
    if names is None:
        return resource.visible
    found = [resource.readable(name) for name in names]
    faults = [
        Detail(at(path, index), f"is not a field of {resource.name}")
        for index, field in enumerate(found)
        if field is None
    ]
    if faults:
        raise Invalid("the fields are not valid", faults)
    return tuple({field.name: field for field in found if field is not None}.values())


def dump(fields: Sequence[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """Write the fields of a row as JSON."""
    return {field.name: field.dump(row[field.column.key]) for field in fields}
