"""Targeting: a command addresses its rows by key, or by a filter."""

from crudmq.contract import command
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Faults, Invalid, NotFound, VersionMismatch
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource, Row

Targeted = command.Get | command.Update | command.Delete


def faults_of_target(request: Targeted) -> list[Detail]:
    """Return the fault of a command that has both `key` and `where`, or neither."""
    by_key, by_where = request.key is not command.ABSENT, request.where is not command.ABSENT
    if by_key and by_where:
        return [Detail("where", "cannot be combined with `key`")]
    return [] if by_key or by_where else [Detail("key", "is required")]


def check_target(request: command.Update | command.Delete, resource: Resource, limits: Limits) -> None:
    """Check that a command has either `key` or `where`, with the options of that one only.

    :raises Invalid: the details list all errors
    :raises LimitExceeded: `max_rows` exceeds the limit
    """
    by_key, by_where = request.key is not command.ABSENT, request.where is not command.ABSENT
    faults = faults_of_target(request)
    if by_where and not by_key:
        if request.if_version is not None:
            faults.append(Detail("if_version", "cannot be combined with `where`"))
        if request.max_rows is None:
            faults.append(Detail("max_rows", "is required"))
    if by_key and request.max_rows is not None:
        faults.append(Detail("max_rows", "cannot be combined with `key`"))
    if not by_where and resource.version is None and request.if_version is not None:
        faults.append(_no_version(resource, "if_version"))
    Faults(faults).check()
    limits.check_rows(request.max_rows or 0, "max_rows")


def check_versioned(resource: Resource, if_version: int | None, path: str) -> None:
    """Check that `if_version` is only used for resources with a version field.

    :raises Invalid: the resource has no version field
    """
    if if_version is not None and resource.version is None:
        raise Invalid("the command is not valid", [_no_version(resource, path)])


def load_key(resource: Resource, value: object) -> Key:
    """Return the key of a command; empty if it is absent, which `check_target` reports.

    :raises Invalid: the details list all errors
    """
    return () if value is command.ABSENT else resource.load_key(value)


async def get_or_raise(uow: UnitOfWork, resource: Resource, key: Key, *, lock: bool = True) -> Row:
    """Return the row with a key.

    :raises NotFound: it does not exist
    """
    row = await uow.find(resource, key, lock=lock)
    if row is None:
        raise NotFound(f"{_label(resource, key)} does not exist")
    return row


def check_version(resource: Resource, row: Row, if_version: int | None, path: str = "if_version") -> None:
    """Check that a row is at the expected version.

    :raises VersionMismatch: its version differs
    """
    version = resource.version_of(row)
    if if_version is not None and version != if_version:
        message = f"{_label(resource, resource.key_of(row))} is at version {version}, not {if_version}"
        raise VersionMismatch(message, [Detail(path, message, {"current": version})])


def _no_version(resource: Resource, path: str) -> Detail:
    return Detail(path, f"{resource.name} has no version field")


def _label(resource: Resource, key: Key) -> str:
    return " ".join([resource.name, *(str(value) for value in resource.dump_key(key).values())])
