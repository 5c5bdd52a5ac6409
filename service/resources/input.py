"""The `data` of a command, checked against the fields of its resource; every fault is told at once."""

from collections.abc import Iterable

from service.contract.errors import Detail, Invalid
from service.contract.path import at
from service.resources.resource import Field, Resource, Row


def new_row(resource: Resource, data: object, path: str) -> Row:
    """Read a row to insert; nullable fields that it leaves out are null.

    :raises Invalid: with every fault
    """
    given = _object(data, path)
    row, faults = _load(resource, given, path)
    for field in resource.fields.values():
        if field.name in given:
            continue
        if field.required:
            faults.append(_fault(field, path, "is required"))
        elif field.column.default is None and field.column.server_default is None and field.column.nullable:
            # Saying null where it would be null anyway lets rows share one statement.
            row[field.column.key] = None
    _raise(faults)
    if resource.version is not None:
        row[resource.version.column.key] = 1
    return row


def changes(resource: Resource, data: object, path: str) -> Row:
    """Read what to change in a row.

    :raises Invalid: with every fault
    """
    given = _object(data, path)
    row, faults = _load(resource, given, path)
    keys = {field.name for field in resource.key}
    faults += [
        _fault(field, path, "can only be written when the row is created")
        for field in resource.fields.values()
        if field.name in given and (field.write_once or field.name in keys)
    ]
    _raise(faults)
    return row


def _object(data: object, path: str) -> dict[str, object]:
    if not isinstance(data, dict):
        raise Invalid("the data is not valid", [Detail(path, "is not an object")])
    return data


def _load(resource: Resource, given: dict[str, object], path: str) -> tuple[Row, list[Detail]]:
    row: Row = {}
    faults: list[Detail] = []
    for name, value in given.items():
        field = resource.fields.get(name)
        if field is None:
            faults.append(Detail(at(path, name), f"is not a field of {resource.name}"))
        elif field.read_only:
            faults.append(_fault(field, path, "is read-only"))
        else:
            try:
                row[field.column.key] = field.load(value)
            except ValueError as exc:
                faults.append(_fault(field, path, str(exc)))
    return row, faults


def _fault(field: Field, path: str, message: str) -> Detail:
    if field.hidden:
        # A hidden field is named nowhere, not even in what is wrong with it.
        return Detail(path, "has a field that is not acceptable")
    return Detail(at(path, field.name), message)


def _raise(faults: Iterable[Detail]) -> None:
    found = tuple(faults)
    if found:
        raise Invalid("the data is not valid", found)
