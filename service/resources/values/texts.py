"""What is text in JSON: text, bytes, UUIDs."""

import base64
import binascii
import re
import uuid
from typing import Any

from service.resources.values.kind import Kind


def text(length: int | None = None) -> Kind:
    """Make the kind of a text of at most so many characters."""

    def load(value: Any) -> str:  # noqa: ANN401 - JSON is any value
        if type(value) is not str:
            raise ValueError("is not text")
        if length is not None and len(value) > length:
            raise ValueError(f"is longer than {length} characters")
        check_text(value)
        return value

    return Kind("text" if length is None else f"text({length})", load, is_text=True)


def check_text(value: str) -> None:
    """Refuse what some database cannot hold.

    :raises ValueError: a NUL character or a lone surrogate
    """
    if "\0" in value:
        raise ValueError("has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has a lone surrogate") from None


def _load_bytes(value: Any) -> bytes:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str:
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ValueError("is not base64")


_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _load_uuid(value: Any) -> uuid.UUID:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _UUID.fullmatch(value):
            return uuid.UUID(value)
    except ValueError:
        pass
    raise ValueError("is not a UUID")


BYTES = Kind("bytes", _load_bytes, dump=lambda value: base64.b64encode(value).decode(), ordered=False)
UUID = Kind("uuid", _load_uuid, dump=str, ordered=False)
