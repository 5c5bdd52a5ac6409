"""What the actions on one row share: finding it, and judging its version."""

from service.contract.errors import Detail, Invalid, NotFound, VersionMismatch
from service.execution.rows import Rows
from service.resources.resource import Key, Resource, Row


def check_versioned(resource: Resource, if_version: int | None) -> None:
    """Refuse `if_version` where there are no versions.

    :raises Invalid: the resource has none
    """
    if if_version is not None and resource.version is None:
        fault = Detail("if_version", f"{resource.name} has no versions")
        raise Invalid("the command is not valid", [fault])


async def found(rows: Rows, resource: Resource, key: Key, if_version: int | None = None) -> Row:
    """Give the row.

    :raises NotFound: there is none
    :raises VersionMismatch: it is at another version
    """
    row = await rows.find(resource, key)
    if row is None:
        raise NotFound(f"{_named(resource, key)} does not exist")
    version = resource.version_of(row)
    if if_version is not None and version != if_version:
        message = f"{_named(resource, key)} is at version {version}, not {if_version}"
        raise VersionMismatch(message, [Detail("if_version", message, {"current": version})])
    return row


def _named(resource: Resource, key: Key) -> str:
    return " ".join([resource.name, *(str(value) for value in resource.dump_key(key).values())])
