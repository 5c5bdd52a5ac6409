"""Parse and check the data of commands: keys, new rows, changes, links, lists of fields."""

from collections.abc import Iterable
from typing import Any

from tests.property.reference.faults import Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.schema import REQUIRED, RESOURCES, Field, Resource, Row
from tests.property.reference.state import Key
from tests.property.reference.value_types import WrongError

Links = dict[str, dict[str, list[Key]]]


def load(field: Field, value: Json) -> Json:
    if value is None:
        if not field.null:
            raise WrongError
        return None
    return field.value_type.load(value)


def dump(resource: Resource, row: Row, names: Iterable[str] | None = None) -> dict[str, Any]:
    wanted = resource.visible if names is None else names
    return {name: None if row[name] is None else resource.fields[name].value_type.dump(row[name]) for name in wanted}


def read_key(resource: Resource, value: Json, path: str = "key") -> Key:
    if len(resource.key) == 1:
        paths, given = [path], {resource.key[0]: value}
    else:
        if not isinstance(value, dict):
            raise invalid(path)
        paths, given = [f"{path}.{name}" for name in resource.key], value
    faults = [f"{path}.{name}" for name in given if name not in resource.key]
    key = []
    for name, location in zip(resource.key, paths, strict=True):
        try:
            key.append(load(resource.fields[name], given.get(name)))
        except WrongError:
            faults.append(location)
    check(faults)
    return tuple(key)


def new_row(resource: Resource, data: Json, path: str, *, given: frozenset[str] = frozenset()) -> Row:
    """Return a row to insert, without its links and inline rows.

    :param given: fields that the caller fills in
    """
    if not isinstance(data, dict):
        raise invalid(path)
    row, faults = _values(resource, data, path)
    for name, field in resource.fields.items():
        if name in data or name in given:
            continue
        if field.default is REQUIRED:
            faults.append(f"{path}.{name}")
        row[name] = field.default
    check(faults)
    return row


def changes(resource: Resource, data: Json, path: str) -> Row:
    """Return the changes of a row, without its links."""
    if not isinstance(data, dict):
        raise invalid(path)
    row, faults = _values(resource, data, path)
    faults += [f"{path}.{name}" for name in data if name in resource.key]
    faults += [f"{path}.{name}" for name, field in resource.fields.items() if name in data and field.write_once]
    check(faults)
    return row


def _values(resource: Resource, data: dict[str, Json], path: str) -> tuple[Row, list[str]]:
    row: Row = {}
    faults = []
    for name, value in data.items():
        if name in resource.relationships:
            continue
        field = resource.fields.get(name)
        # Names of hidden fields appear nowhere, not even in faults.
        location = path if field is not None and field.hidden else f"{path}.{name}"
        if field is None or field.read_only:
            faults.append(location)
            continue
        try:
            row[name] = load(field, value)
        except WrongError:
            faults.append(location)
    return row, faults


def names(resource: Resource, value: Json, path: str) -> list[str]:
    """Return a list of visible fields."""
    if not isinstance(value, list):
        raise invalid(path)
    check([f"{path}.{index}" for index, name in enumerate(value) if name not in resource.visible])
    return list(value)


def read_links(resource: Resource, data: dict[str, Json], path: str) -> Links:
    """Return the links to add, to remove, or to set."""
    links: Links = {}
    for name, relationship in resource.relationships.items():
        if name not in data or not relationship.linked:
            continue
        location, value = f"{path}.{name}", data[name]
        if not isinstance(value, dict) or not value or (len(value) > 1 and "set" in value):
            raise invalid(location)
        check([f"{location}.{change}" for change in value if change not in ("add", "remove", "set")])
        target = RESOURCES[relationship.target]
        links[name] = {change: _keys(target, keys, f"{location}.{change}") for change, keys in value.items()}
    return links


def check_links(given: list[Links]) -> None:
    """Reject too many links in one command."""
    if sum(len({*keys}) for links in given for change in links.values() for keys in change.values()) > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("data",))


def _keys(target: Resource, keys: Json, path: str) -> list[Key]:
    if not isinstance(keys, list):
        raise invalid(path)
    loaded: list[Key] = []
    faults: list[str] = []
    for index, key in enumerate(keys):
        try:
            loaded.append(read_key(target, key, f"{path}.{index}"))
        except RefusedError as error:
            faults += error.paths
    check(faults)
    return loaded
