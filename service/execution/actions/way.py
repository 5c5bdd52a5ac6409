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
        raise Invalid("the command is not valid", [_not_one_of(by_key=by_key)])


def check_way(wanted: command.Update | command.Delete, resource: Resource, limits: Limits) -> None:
    """Check that what belongs to one way does not stand with the other.

    :raises Invalid: otherwise
    :raises LimitExceeded: `max_rows` is over the limit
    """
    by_key, by_where = wanted.key is not command.ABSENT, wanted.where is not command.ABSENT
    faults = [] if by_key != by_where else [_not_one_of(by_key=by_key)]
    if by_where and not by_key and wanted.if_version is not None:
        faults.append(Detail("if_version", "does not go with where"))
    if by_where and not by_key and wanted.max_rows is None:
        faults.append(Detail("max_rows", "is required"))
    if by_key and wanted.max_rows is not None:
        faults.append(Detail("max_rows", "does not go with key"))
    if not by_where and resource.version is None and wanted.if_version is not None:
        faults.append(_no_versions(resource, "if_version"))
    if faults:
        raise Invalid("the command is not valid", faults)
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
        raise Invalid("the command is not valid", [_no_versions(resource, path)])


def load_key(resource: Resource, value: object) -> Key:
    """Read the key of a command; without one there is a fault already, and this is none.

    :raises Invalid: with every fault
    """
    return () if value is command.ABSENT else resource.load_key(value)


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


def _not_one_of(*, by_key: bool) -> Detail:
    return Detail("where", "does not go with key") if by_key else Detail("key", "is required")


def _no_versions(resource: Resource, path: str) -> Detail:
    return Detail(path, f"{resource.name} has no versions")


def _named(resource: Resource, key: Key) -> str:
    return " ".join([resource.name, *(str(value) for value in resource.dump_key(key).values())])
