"""Values within values: arrays, and JSON as it is."""

from typing import Any

from service.resources.values.kind import Kind
from service.resources.values.texts import check_text


def array(item: Kind) -> Kind:
    """Make the kind of an array whose items are null or of one kind."""

    def load(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is any value
        if type(value) is not list:
            raise ValueError("is not an array")
        return [None if one is None else item.load(one) for one in value]

    def dump(value: list[Any]) -> list[Any]:
        return [one if one is None or item.dump is None else item.dump(one) for one in value]

    return Kind(f"array of {item.name}", load, dump, comparable=False, ordered=False)


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


JSON = Kind("json", _load_json, comparable=False, ordered=False)
