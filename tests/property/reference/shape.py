"""The fields of each action, and the types of those that do not depend on the mapping."""

from typing import Any

from tests.property.reference.faults import Json, RefusedError

READS = frozenset({"get", "list", "count"})
_WRITE = frozenset({"return", "dry_run"})
REQUIRED: dict[str, frozenset[str]] = {
    "create": frozenset({"resource", "data"}),
    "get": frozenset({"resource"}),
    "list": frozenset({"resource"}),
    "count": frozenset({"resource"}),
    "update": frozenset({"resource", "data"}),
    "upsert": frozenset({"resource", "data"}),
    "delete": frozenset({"resource"}),
    "call": frozenset({"name"}),
    "transaction": frozenset({"commands"}),
}
WRITES = frozenset(REQUIRED) - READS
_OPTIONAL: dict[str, frozenset[str]] = {
    "create": _WRITE,
    "get": frozenset({"key", "where", "fields", "include"}),
    "list": frozenset({"where", "order", "limit", "after", "offset", "fields", "include", "count"}),
    "count": frozenset({"where", "by"}),
    "update": _WRITE | {"key", "where", "if_version", "max_rows"},
    "upsert": _WRITE | {"on"},
    "delete": _WRITE | {"key", "where", "if_version", "max_rows"},
    "call": frozenset({"params", "dry_run"}),
    "transaction": frozenset({"dry_run"}),
}


_TYPES = {
    "resource": str,
    "name": str,
    "dry_run": bool,
    "count": bool,
    "if_version": int,
    "params": dict,
    "commands": list,
}


def check_shape(command: dict[str, Any]) -> None:
    """Reject missing fields, unknown fields, and fields of the wrong type."""
    action = command["action"]
    known = REQUIRED[action] | _OPTIONAL[action] | {"action"}
    faults = [name for name in command if name not in known]
    faults += [name for name in REQUIRED[action] if name not in command]
    faults += [name for name, value in command.items() if name in known and not _fits(name, value)]
    if faults:
        # Too many rows or too large a page may be reported first.
        raise RefusedError("invalid", tuple(faults), instead=frozenset({"limit_exceeded"}))


def _fits(name: str, value: Json) -> bool:
    if name in ("limit", "offset", "max_rows"):
        return type(value) is int and 0 <= value < 2**63
    if name == "return":
        return value in ("row", "key", "none")
    return name not in _TYPES or type(value) is _TYPES[name]
