"""Commands in few words."""

from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import uuid4

numbers = count(1)
"""Keys for rows whose keys are not generated."""

NOBODY = 2_000_000_000
"""A key that no row has."""


def unique() -> str:
    """Give a text that is in no other row."""
    return uuid4().hex


def create(resource: str, **data: object) -> dict[str, Any]:
    return {"resource": resource, "action": "create", "data": data}


def create_all(resource: str, rows: Sequence[object]) -> dict[str, Any]:
    return {"resource": resource, "action": "create", "data": rows}


def get(resource: str, key: object, **more: object) -> dict[str, Any]:
    return {"resource": resource, "action": "get", "key": key, **more}


def find(resource: str, **what: object) -> dict[str, Any]:
    return {"resource": resource, "action": "list", **what}


def update(resource: str, key: object, data: object, **more: object) -> dict[str, Any]:
    return {"resource": resource, "action": "update", "key": key, "data": data, **more}


def delete(resource: str, key: object, **more: object) -> dict[str, Any]:
    return {"resource": resource, "action": "delete", "key": key, **more}
