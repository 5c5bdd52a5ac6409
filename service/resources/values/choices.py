"""Values of which there are few: true and false, and the members of an enumeration."""

from collections.abc import Mapping
from typing import Any

from service.resources.values.kind import Kind


def enumeration(members: Mapping[str, Any]) -> Kind:
    """Make the kind of one of some names, each standing for what the column takes."""
    names = {member: name for name, member in members.items()}
    shown = f"one of {', '.join(members)}"

    def load(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
        if type(value) is not str or value not in members:
            raise ValueError(f"is not {shown}")
        return members[value]

    return Kind(shown, load, dump=names.__getitem__, ordered=False)


def _load_boolean(value: Any) -> bool:  # noqa: ANN401 - JSON is any value
    if type(value) is not bool:
        raise ValueError("is not true or false")
    return value


BOOLEAN = Kind("boolean", _load_boolean, ordered=False)
