"""`$ref`: values of earlier results in a command of a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.contract import codec
from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.path import at


def references(value: object, path: str = "") -> list[tuple[str, object]]:
    """Find where a value has references, and what they say."""
    if isinstance(value, dict):
        if _is_reference(value):
            return [(path, value["$ref"])]
        return [one for name, inner in value.items() for one in references(inner, at(path, name))]
    if isinstance(value, list):
        return [one for index, inner in enumerate(value) for one in references(inner, at(path, index))]
    return []


def resolved(message: dict[str, Any], named: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """Put the values of earlier results in the places of the references to them.

    :raises Invalid: one refers to nothing that there is
    :raises LimitExceeded: they bring more than a message may have, or nest deeper: each could hold the one before twice
    """
    found: dict[str, Any] = _Resolver(named, max_bytes).resolve(message, "")
    codec.check_depth(found)
    return found


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"$ref"}


@dataclass(slots=True)
class _Resolver:
    named: Mapping[str, Any]
    room: int

    def resolve(self, value: Any, path: str) -> Any:  # noqa: ANN401 - JSON is any value
        if isinstance(value, list):
            return [self.resolve(inner, at(path, index)) for index, inner in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not _is_reference(value):
            return {name: self.resolve(inner, at(path, name)) for name, inner in value.items()}
        found = self._follow(value["$ref"], path)
        self.room -= len(codec.encode(found))
        if self.room < 0:
            raise LimitExceeded("the references bring too much", [Detail(path, "is more than a message may have")])
        return found

    def _follow(self, reference: str, path: str) -> Any:  # noqa: ANN401 - JSON is any value
        found: Any = self.named
        for word in reference.split("."):
            try:
                found = found[int(word)] if isinstance(found, list) else found[word]
            except (LookupError, TypeError, ValueError):
                raise Invalid("the command is not valid", [Detail(path, "refers to nothing that there is")]) from None
        return found
