"""Types with a native JSON form: strings and types written as strings, booleans, JSON documents."""

import base64
import re
import uuid
from collections.abc import Mapping
from typing import Any

from crudmq.resources.types.value_type import ValueType

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def text(length: int | None = None) -> ValueType:
    """Return the type of strings with a maximum length."""

    def load(value: Any) -> str:  # noqa: ANN401 - JSON is any value
        if type(value) is not str:
            raise ValueError("is not a string")
        if length is not None and len(value) > length:
            raise ValueError(f"is longer than {length} characters")
        check_text(value)
        return value

    return ValueType("text" if length is None else f"text({length})", load, is_text=True)


def check_text(value: str) -> None:
    """Reject text that some databases cannot store.

    :raises ValueError: the text contains a NUL character or a lone surrogate
    """
    if "\0" in value:
        raise ValueError("contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate") from None


def enumeration(members: Mapping[str, Any]) -> ValueType:
    """Return the type of an enumeration, from the names of its members to the values that the column takes."""
    names = {member: name for name, member in members.items()}
    description = f"one of {', '.join(members)}"

    def load(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
        if type(value) is not str or value not in members:
            raise ValueError(f"is not {description}")
        return members[value]

    return ValueType(description, load, dump=names.__getitem__, ordered=False)


def _load_bytes(value: Any) -> bytes:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str:
            return base64.b64decode(value, validate=True)
    except ValueError:
        pass
    raise ValueError("is not base64")


def _load_uuid(value: Any) -> uuid.UUID:  # noqa: ANN401 - JSON is any value
    if type(value) is str and _UUID.fullmatch(value):
        return uuid.UUID(value)
    raise ValueError("is not a UUID")


BYTES = ValueType("bytes", _load_bytes, dump=lambda value: base64.b64encode(value).decode(), ordered=False)
UUID = ValueType("uuid", _load_uuid, dump=str, ordered=False)


def _load_boolean(value: Any) -> bool:  # noqa: ANN401 - JSON is any value
    if type(value) is not bool:
        raise ValueError("is neither true nor false")
    return value


def _load_json(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            check_text(name)
            _load_json(item)
    elif isinstance(value, list):
        for item in value:
            _load_json(item)
    return value


BOOLEAN = ValueType("boolean", _load_boolean, ordered=False)
JSON = ValueType("json", _load_json, comparable=False, ordered=False)
