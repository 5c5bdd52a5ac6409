"""The ways in which a command names its rows: by key, or by what they match."""

from service.contract import command
from service.contract.errors import Detail, Invalid, LimitExceeded, NotFound, VersionMismatch
from service.contract.limits import Limits
from service.execution.rows import Rows
from service.resources.resource import Key, Resource, Row


def check_one_of(wanted: command.Get | command.Update | command.Delete) -> None:
    """Check that there is a key or a filter, and not both.

    :raises Invalid: otherwise
    """
    by_key, by_where = wanted.key is not command.ABSENT, wanted.where is not command.ABSENT
    if by_key == by_where:
        fault = Detail("where", "does not go with key") if by_key else Detail("key", "is required")
        raise Invalid("the command is not valid", [fault])


def check_way(wanted: command.Update | command.Delete, resource: Resource, limits: Limits) -> None:
    """Check that what belongs to one way does not stand with the other.

    :raises Invalid: otherwise
    :raises LimitExceeded: `max_rows` is over the limit
    """
    check_one_of(wanted)
    faults = []
    if wanted.where is not command.ABSENT:
        if wanted.if_version is not None:
            faults.append(Detail("if_version", "does not go with where"))
        if wanted.max_rows is None:
            faults.append(Detail("max_rows", "is required"))
    elif wanted.max_rows is not None:
        faults.append(Detail("max_rows", "does not go with key"))
    if faults:
        raise Invalid("the command is not valid", faults)
    check_versioned(resource, wanted.if_version, "if_version")
    check_count(wanted.max_rows or 0, limits, "max_rows")


def check_count(rows: int, limits: Limits, path: str) -> None:
    """Check that a command does not write too many rows.

    :raises LimitExceeded: it does
    """
    if rows > limits.max_rows:
        raise LimitExceeded(
            f"a command writes at most {limits.max_rows} rows", [Detail(path, f"is over {limits.max_rows}")]
        )


def check_versioned(resource: Resource, if_version: int | None, path: str) -> None:
    """Refuse `if_version` where there are no versions.

    :raises Invalid: the resource has none
    """
    if if_version is not None and resource.version is None:
        raise Invalid("the command is not valid", [Detail(path, f"{resource.name} has no versions")])


async def found(rows: Rows, resource: Resource, key: Key, *, lock: bool = True) -> Row:
    """Give the row that has a key.

    :raises NotFound: there is none
    """
    row = await rows.find(resource, key, lock=lock)
    if row is None:
        raise NotFound(f"{_named(resource, key)} does not exist")
    return row


def check_version(resource: Resource, row: Row, if_version: int | None, path: str = "if_version") -> None:
    """Check that nobody changed a row meanwhile.

    :raises VersionMismatch: it is at another version
    """
    version = resource.version_of(row)
    if if_version is not None and version != if_version:
        message = f"{_named(resource, resource.key_of(row))} is at version {version}, not {if_version}"
        raise VersionMismatch(message, [Detail(path, message, {"current": version})])


def _named(resource: Resource, key: Key) -> str:
    return " ".join([resource.name, *(str(value) for value in resource.dump_key(key).values())])
